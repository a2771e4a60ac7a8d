import { describe, expect, test } from 'vitest';
import { timelines } from '../../src/failover/timeline.ts';
import type { Phase, PhaseStamp } from '../../src/lib/phases.ts';
import type { Timeline } from '../../src/operator/api.ts';
import { applyAll, assign, serving } from '../cluster/a-cluster.ts';

const stamp = (
  node: string,
  phase: Phase,
  startedMs: number,
  durationMs: number,
  incarnation = 1,
): PhaseStamp => ({ phase, node, startedMs, durationMs, incarnation });

const onN2 = { group: 'web', expectedEpoch: 2, node: 'n2' } as const;

const failover = applyAll(
  serving,
  assign('web', 1, 'n2', {
    reason: 'failover',
    evidence: {
      kind: 'silence',
      observer: 'n3',
      perInterconnectMs: { 'net-a': 230.4, 'net-b': 241 },
      detail: 'silent on every interconnect',
    },
    stamps: [stamp('n3', 'detect', 1_000, 240), stamp('n3', 'elect', 1_240, 20)],
  }),
  // The leader learns how long the decision took when it is committed.
  {
    kind: 'report',
    group: 'web',
    expectedEpoch: 2,
    node: 'n3',
    stamps: [stamp('n3', 'decide', 1_260, 5)],
  },
  { kind: 'fenced', ...onN2, disk: 'disk' },
  {
    kind: 'serving',
    ...onN2,
    stamps: [
      stamp('n2', 'fence', 900_000, 8),
      stamp('n2', 'fence', 900_001, 9), // the second disk, in parallel
      stamp('n2', 'mount', 900_010, 60),
      stamp('n2', 'address', 900_020, 45), // beside the mount
      stamp('n2', 'application', 900_070, 12),
      stamp('n2', 'serve', 900_082, 18),
    ],
  },
);

describe('timelines', () => {
  test('one for each assignment, with the words that an operator reads', () => {
    const lines: readonly Timeline[] = timelines(failover.history);
    expect(lines.map(({ epoch, from, to, reason }) => ({ epoch, from, to, reason }))).toEqual([
      { epoch: 1, from: null, to: 'n1', reason: 'boot' },
      { epoch: 2, from: 'n1', to: 'n2', reason: 'failover' },
    ]);
    expect(lines[1]?.evidence).toBe(
      'silence, seen by n3 (silent: net-a 230 ms, net-b 241 ms): silent on every interconnect',
    );
  });

  test('phases that ran side by side are counted once, and no two clocks are subtracted', () => {
    const line = timelines(failover.history)[1];
    expect(line?.phasesMs).toEqual({
      detect: 240,
      elect: 20,
      decide: 5,
      fence: 10,
      mount: 60,
      address: 45,
      application: 12,
      serve: 18,
    });
    expect(line?.totalMs).toBe(265 + 100);
    expect(line?.stamps.map(({ phase }) => phase)).toEqual([
      ...['detect', 'elect', 'decide', 'fence', 'fence'],
      ...['mount', 'address', 'application', 'serve'],
    ]);
  });

  test('a leader that takes the group itself has one clock', () => {
    const own = applyAll(
      serving,
      assign('web', 1, 'n2', { stamps: [stamp('n2', 'detect', 100, 200)] }),
      { kind: 'serving', ...onN2, stamps: [stamp('n2', 'serve', 350, 50)] },
    );
    expect(timelines(own.history)[1]?.totalMs).toBe(300);
  });

  test('another life of the same node is another clock', () => {
    const reborn = applyAll(
      serving,
      assign('web', 1, 'n2', { stamps: [stamp('n2', 'detect', 900_000, 200, 1)] }),
      { kind: 'serving', ...onN2, stamps: [stamp('n2', 'serve', 5, 50, 2)] },
    );
    expect(timelines(reborn.history)[1]?.totalMs).toBe(250);
  });

  test('a takeover that did not end well says so', () => {
    const underWay = applyAll(serving, assign('web', 1, 'n2'));
    expect(timelines(underWay.history)[1]?.evidence).toContain('not served yet');
    const failed = applyAll(underWay, {
      kind: 'takeover-failed',
      ...onN2,
      code: 'MOUNT',
      detail: 'bad superblock',
    });
    expect(timelines(failed.history)[1]).toMatchObject({
      totalMs: 0,
      phasesMs: {},
      evidence: 'boot, seen by n1; the takeover failed: MOUNT: bad superblock',
    });
  });

  test('a history without assignments has none', () => {
    expect(timelines([])).toEqual([]);
    const forgotten = failover.history.filter(({ event }) => event !== 'assigned');
    expect(timelines(forgotten)).toEqual([]);
  });
});
