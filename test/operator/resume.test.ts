import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HISTORY_LIMIT, type HistoryEntry } from '../../src/cluster/state.ts';
import type { Answer } from '../../src/operator/api.ts';
import { createOperatorServer, type OperatorServer } from '../../src/operator/server.ts';
import { FakeDaemon } from './fake-daemon.ts';
import { HISTORY } from './fake-history.ts';
import { ask, until } from './unix-client.ts';

/** Answers its history when the test says so. */
class SlowDaemon extends FakeDaemon {
  entries: readonly HistoryEntry[] = HISTORY;
  answer: () => void = () => undefined;

  override async history(): Promise<Answer<typeof HISTORY>> {
    await new Promise<void>((resolve) => {
      this.answer = resolve;
    });
    return { ...(await super.history({ limit: 1 })), data: this.entries };
  }
}

let directory = '';
let socketPath = '';
let daemon = new SlowDaemon();
let server: OperatorServer | null = null;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-resume-'));
  socketPath = join(directory, 'holdfast.sock');
  daemon = new SlowDaemon();
  server = createOperatorServer({ daemon, socketPath });
  await server.start();
});

afterEach(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

function follow(lastEventId: string): Promise<() => string> {
  return new Promise((resolve, reject) => {
    const headers = { 'last-event-id': lastEventId };
    const outgoing = get({ socketPath, path: '/v1/events', headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', () => undefined);
      resolve(() => text);
    });
    outgoing.on('error', reject);
  });
}

const idsIn = (text: string): readonly number[] =>
  [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));

const entry = (index: number): HistoryEntry => {
  const [first] = HISTORY;
  if (first === undefined) throw new Error('the fixture has entries');
  return { ...first, index };
};

describe('a client that comes back', () => {
  it('hears all that the history has since, and what happened meanwhile, each once', async () => {
    const text = await follow('1036');
    daemon.emit({ kind: 'history', entry: entry(1_041) });
    daemon.emit({ kind: 'leader', leader: 'node1', term: 9 });
    daemon.emit({ kind: 'history', entry: entry(1_050) });
    daemon.answer();
    await until(() => text().includes('id: 1050'));
    expect(idsIn(text())).toEqual([1_038, 1_041, 1_050]);
    expect(text()).toContain('"term":9');
    daemon.emit({ kind: 'history', entry: entry(1_051) });
    await until(() => text().includes('id: 1051'));
    expect(text()).not.toContain('event: lost');
  });

  it('later than the history reaches is told that something is missing', async () => {
    daemon.entries = Array.from({ length: HISTORY_LIMIT }, (_, at) => entry(1_000 + at));
    const text = await follow('400');
    daemon.answer();
    await until(() => text().includes(`id: ${999 + HISTORY_LIMIT}`));
    expect(text()).toContain('"kind":"lost","lost":null');
    expect(idsIn(text())).toHaveLength(HISTORY_LIMIT);
  });

  it('with an id that is none is refused', async () => {
    for (const id of ['-1', 'yesterday', '9'.repeat(30)]) {
      const headers = { 'last-event-id': id };
      const { status, json } = await ask(socketPath, 'GET', '/v1/events', { headers });
      expect({ status, code: json['code'] }).toEqual({ status: 400, code: 'BAD_REQUEST' });
    }
  });
});
