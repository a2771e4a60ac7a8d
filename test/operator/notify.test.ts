import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HistoryEntry } from '../../src/cluster/state.ts';
import { checkConfig } from '../../src/config/load.ts';
import { HoldfastError } from '../../src/lib/error.ts';
import type { ClusterEvent } from '../../src/operator/api.ts';
import { type Notification, notificationOf } from '../../src/operator/notify/notification.ts';
import {
  LEADERLESS_MS,
  Notifier,
  PAST_MS,
  REPEATED_MS,
} from '../../src/operator/notify/notifier.ts';
import { GIVEN_UP_MS, Outbox, QUIET_MS } from '../../src/operator/notify/outbox.ts';
import { receiverOf } from '../../src/operator/notify/receivers.ts';
import { VALID } from '../config/fixture.ts';
import { HISTORY } from './fake-history.ts';

/** Time goes on only when the test says so. */
class HandClock {
  #now = 0;
  #waits: { readonly dueMs: number; readonly done: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waits.push({ dueMs: this.#now + delayMs, done: resolve });
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  async pass(ms: number): Promise<void> {
    this.#now += ms;
    const due = this.#waits.filter(({ dueMs }) => dueMs <= this.#now);
    this.#waits = this.#waits.filter(({ dueMs }) => dueMs > this.#now);
    for (const { done } of due) done();
    await settled();
  }
}

/** What was resolved has been followed up. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const entry = (index: number, change: Partial<HistoryEntry> = {}): HistoryEntry => {
  const [, failover] = HISTORY;
  if (failover === undefined) throw new Error('the fixture has a failover');
  return { ...failover, index, ...change };
};
const event = (index: number, change: Partial<HistoryEntry> = {}): ClusterEvent => ({
  kind: 'history',
  entry: entry(index, change),
});
const sender = { cluster: 'lab', from: 'node3' };

function notification(index: number, change: Partial<HistoryEntry> = {}): Notification {
  const made = notificationOf(entry(index, change), sender);
  if (made === null) throw new Error('nobody is told of this');
  return made;
}

describe('a notification', () => {
  it('of a failover is a warning, in the words of the history', () => {
    expect(notification(1_036)).toMatchObject({
      id: 'lab/1036',
      severity: 'warning',
      text: expect.stringMatching(/^lab: ledger \(epoch 6\): failover: node1 -> node2, silence/),
    });
  });

  it('has the same id whoever sends it', () => {
    const other = notificationOf(entry(1_036), { cluster: 'lab', from: 'node1' });
    expect(other?.id).toBe(notification(1_036).id);
  });

  it('of a failed takeover is critical, of a step nothing', () => {
    expect(notification(7, { event: 'takeover-failed' }).severity).toBe('critical');
    expect(notificationOf(entry(7, { event: 'fenced' }), sender)).toBeNull();
  });
});

describe('an outbox', () => {
  const clock = { current: new HandClock() };
  let delivered: string[] = [];
  let given: string[] = [];
  let fails: () => Error | null = () => null;
  let outbox: Outbox;

  beforeEach(() => {
    clock.current = new HandClock();
    delivered = [];
    given = [];
    fails = () => null;
    outbox = new Outbox({
      clock: clock.current,
      receiver: {
        name: 'test',
        least: 'warning',
        deliver: async ({ text }) => {
          const error = fails();
          if (error !== null) throw error;
          delivered.push(text);
        },
      },
      failed: ({ id }) => given.push(id),
    });
  });

  afterEach(() => outbox.stop());

  it('delivers in order, once for each id, and nothing that matters less', async () => {
    outbox.put(notification(1, { node: 'node1' }));
    outbox.put(notification(2, { node: 'node2' }));
    outbox.put(notification(1, { node: 'node1' }));
    outbox.put(notification(3, { event: 'serving' }));
    await settled();
    expect(delivered).toHaveLength(2);
  });

  it('tries again, later and later, until it is delivered', async () => {
    let attempts = 0;
    fails = () => {
      attempts += 1;
      return attempts < 4 ? new Error('down') : null;
    };
    outbox.put(notification(1));
    await settled();
    for (const waitMs of [1_000, 2_000, 4_000]) {
      expect(delivered).toEqual([]);
      await clock.current.pass(waitMs);
    }
    expect({ attempts, delivered: delivered.length, given }).toEqual({
      attempts: 4,
      delivered: 1,
      given: [],
    });
  });

  it('gives up what is refused at once, and what is too old after an hour', async () => {
    fails = () => new HoldfastError('NOTIFICATION_REFUSED');
    outbox.put(notification(1));
    await settled();
    expect(given).toEqual(['lab/1']);
    fails = () => new Error('down');
    outbox.put(notification(2, { node: 'node9' }));
    await settled();
    for (let at = 0; at < GIVEN_UP_MS; at += 60_000) await clock.current.pass(60_000);
    expect(given).toEqual(['lab/1', 'lab/2']);
  });

  it('holds back what repeats, and counts it in the next one', async () => {
    for (let index = 1; index <= 9; index += 1) outbox.put(notification(index));
    await settled();
    expect(delivered).toHaveLength(1);
    await clock.current.pass(QUIET_MS);
    outbox.put(notification(10));
    await settled();
    expect(delivered[1]).toContain('(and 8 like it before)');
  });
});

describe('who speaks', () => {
  let clock = new HandClock();
  let told: string[] = [];
  let hear: (event: ClusterEvent) => void = () => undefined;
  let notifier: Notifier;

  const start = (leader: string | null): void => {
    clock = new HandClock();
    told = [];
    notifier = new Notifier({
      cluster: 'lab',
      node: 'node3',
      clock,
      receivers: [{ name: 'test', least: 'info', deliver: async ({ id }) => void told.push(id) }],
      subscribe: (listener) => {
        hear = listener;
        return () => undefined;
      },
      failed: () => undefined,
    });
    notifier.start(leader);
  };
  const leader = (node: string | null): void => hear({ kind: 'leader', leader: node, term: 9 });

  afterEach(() => notifier.stop());

  it('is the leader, and no other node', async () => {
    start('node1');
    await clock.pass(PAST_MS + 1);
    hear(event(1));
    await settled();
    expect(told).toEqual([]);
    start('node3');
    hear(event(1));
    await settled();
    expect(told).toEqual(['lab/1']);
  });

  it('a new leader repeats what it heard in the last moments, and nothing older', async () => {
    start('node1');
    await clock.pass(PAST_MS + 1);
    hear(event(1, { node: 'node1' }));
    await clock.pass(REPEATED_MS);
    hear(event(2, { node: 'node2' }));
    await clock.pass(1);
    leader('node3');
    await settled();
    expect(told).toEqual(['lab/2']);
  });

  it('what is read back at a start is the past', async () => {
    start(null);
    hear(event(1));
    leader('node3');
    await settled();
    expect(told).toEqual([]);
  });

  it('a node that knows no leader for a while says so itself, and not for a hiccup', async () => {
    start('node1');
    leader(null);
    await clock.pass(LEADERLESS_MS - 1);
    leader('node2');
    await clock.pass(LEADERLESS_MS);
    expect(told).toEqual([]);
    leader(null);
    await clock.pass(LEADERLESS_MS);
    expect(told).toEqual(['lab/node3/leaderless/9']);
  });
});

describe('a webhook', () => {
  type Got = { readonly headers: IncomingHttpHeaders; readonly body: string };
  let got: Got[] = [];
  let status = 204;
  let server: Server;
  let url = '';
  let directory = '';

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-notify-'));
    got = [];
    status = 204;
    server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      got.push({ headers: request.headers, body });
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    url = `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}/hook`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(directory, { recursive: true, force: true });
  });

  const token = (mode: number): string => {
    const path = join(directory, 'token');
    writeFileSync(path, 's3cret\n');
    chmodSync(path, mode);
    return path;
  };
  const send = (tokenFile: string | null): Promise<void> =>
    receiverOf({ least: 'info', target: { kind: 'webhook', url, tokenFile } }).deliver(
      notification(1_036),
      new AbortController().signal,
    );

  it('gets one object, its id and the token', async () => {
    await send(token(0o600));
    expect(got[0]?.headers).toMatchObject({
      'idempotency-key': 'lab/1036',
      authorization: 'Bearer s3cret',
    });
    expect(JSON.parse(got[0]?.body ?? '')).toMatchObject({ group: 'ledger', severity: 'warning' });
  });

  it.each([
    [400, 'NOTIFICATION_REFUSED'],
    [401, 'NOTIFICATION_REFUSED'],
    [429, 'NOTIFICATION_FAILED'],
    [503, 'NOTIFICATION_FAILED'],
  ])('that answers %d fails as %s', async (answer, code) => {
    status = answer;
    await expect(send(null)).rejects.toMatchObject({ code });
  });

  it('with a token that others can read is refused at the start', () => {
    expect(() => send(token(0o640))).toThrow('SECRET_FILE_EXPOSED');
    expect(() => send(join(directory, 'none'))).toThrow('SECRET_FILE_UNREADABLE');
    expect(() => send(directory)).toThrow(/SECRET_FILE/);
  });

  it('a command gets it on standard input, and its status counts', async () => {
    const file = join(directory, 'got');
    const by = (argv: readonly string[]) =>
      receiverOf({ least: 'info', target: { kind: 'command', argv } }).deliver(
        notification(1_036),
        new AbortController().signal,
      );
    await by(['/bin/sh', '-c', `cat > '${file}'`]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ id: 'lab/1036' });
    await expect(by(['/bin/false'])).rejects.toMatchObject({ code: 'NOTIFICATION_FAILED' });
  });
});

describe('the configuration', () => {
  const read = (line: string) => checkConfig('f.yaml', `${VALID}notifications: [${line}]\n`);

  it('names receivers', () => {
    const { config, faults } = read(
      '{ webhook: "https://x/y", token-file: /t }, { command: [a], least: critical }, { syslog: true }',
    );
    expect(faults).toEqual([]);
    expect(config?.notifications).toEqual([
      { least: 'warning', target: { kind: 'webhook', url: 'https://x/y', tokenFile: '/t' } },
      { least: 'critical', target: { kind: 'command', argv: ['a'] } },
      { least: 'warning', target: { kind: 'syslog' } },
    ]);
  });

  it.each([
    ['{ least: info }', 'exactly one of'],
    ['{ webhook: "ftp://x", least: info }', 'http'],
    ['{ command: [a], syslog: true }', 'exactly one of'],
    ['{ command: [a], token-file: /t }', 'belongs to a webhook'],
  ])('%s is refused with its place', (line, words) => {
    const { faults } = read(line);
    expect(faults.map(({ detail }) => detail).join()).toContain(words);
    expect(faults[0]?.path).toMatch(/^notifications\[0\]/);
    expect(faults[0]?.line).toBeGreaterThan(40);
  });
});
