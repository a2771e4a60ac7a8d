/** Lines of a trace as people read them, and `holdfast replay` on a file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { drawTraceLine, isRoutine, readTraceLine } from '../../src/observability/replay.ts';
import { holdfast } from '../cli/holdfast.ts';

const VOTE = {
  atMs: 12.5,
  node: 'node1',
  event: {
    kind: 'mesh',
    event: {
      kind: 'raft',
      message: { kind: 'vote', from: 'node2', to: 'node1', term: 3, lastIndex: 7 },
    },
  },
};

const HEARTBEAT = {
  atMs: 13,
  node: 'node2',
  event: { kind: 'mesh', event: { kind: 'heartbeat', over: 'a', heartbeat: { from: 'node1' } } },
};

const directory = mkdtempSync(join(tmpdir(), 'holdfast-replay-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('a line of a trace', () => {
  it('of a message says from whom it is, and what it carries', () => {
    expect(readTraceLine(VOTE)).toEqual({
      atMs: 12.5,
      node: 'node1',
      kind: 'vote',
      words: 'node2 → vote term=3 lastIndex=7',
    });
  });

  it('of a heartbeat is routine, and a vote is not', () => {
    expect(isRoutine(readTraceLine(HEARTBEAT))).toBe(true);
    expect(isRoutine(readTraceLine(VOTE))).toBe(false);
  });

  it('of anything else is shown as it is', () => {
    const broken = { kind: 'broken', group: 'g', epoch: 2, code: 'DISK_FENCED' };
    expect(readTraceLine(broken).words).toBe('broken group=g epoch=2 code=DISK_FENCED');
    for (const odd of [null, 7, 'x', [], {}]) expect(readTraceLine(odd).words).toBe('line ');
  });

  it('has a column for each of several nodes, and none for one', () => {
    const line = readTraceLine(VOTE);
    expect(drawTraceLine(line, ['node1'], 80)).toBe(
      '        12.5  node2 → vote term=3 lastIndex=7',
    );
    const second = drawTraceLine(line, ['node0', 'node1'], 80);
    expect(second.indexOf('node1:')).toBeGreaterThan(20);
  });
});

describe('holdfast replay', () => {
  it('shows what is not routine, and a torn end', async () => {
    const file = join(directory, 'trace.ndjson');
    writeFileSync(file, `${JSON.stringify(VOTE)}\n${JSON.stringify(HEARTBEAT)}\n{"atMs":1`);
    const { code, stdout } = await holdfast(['replay', file]);
    expect(stdout).toMatch('node2 → vote term=3');
    expect(stdout).not.toMatch('heartbeat');
    expect(stdout).toMatch('torn');
    expect(code).toBe(0);
  });

  it('of a file that is not there fails with a code', async () => {
    const { code, stdout } = await holdfast(['--json', 'replay', '/nowhere/trace.ndjson']);
    expect(stdout).toMatch('TRACE_UNREADABLE');
    expect(code).not.toBe(0);
  });
});
