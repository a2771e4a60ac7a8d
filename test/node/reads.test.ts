/** Reads that a quorum confirms: each attempt has an id of its own, and lost ones are forgotten. */
import { expect, it } from 'vitest';
import type { ControlMessage } from '../../src/failover/control.ts';
import { Reads } from '../../src/node/reads.ts';

function aReader(leader: string | null) {
  const world = { leader, applied: 0, sent: [] as ControlMessage[], local: [] as number[] };
  const reads = new Reads({
    self: 'node1',
    incarnation: 7,
    retryMs: 100,
    leader: () => world.leader,
    appliedIndex: () => world.applied,
    readLocally: (id) => world.local.push(id),
    send: (message) => world.sent.push(message),
    now: () => 0,
  });
  const answer = (requestId: number, index: number | null): void =>
    reads.replied({
      kind: 'read-reply',
      from: 'node2',
      to: 'node1',
      requestId,
      incarnation: 7,
      index,
      beganMs: 0,
    });
  return { world, reads, answer };
}

it('a read is over when everything that was committed before it is applied here', () => {
  const { world, reads, answer } = aReader('node2');
  const outcomes: boolean[] = [];
  reads.begin(Infinity, (current) => outcomes.push(current));
  reads.flush(0);
  answer(1, 5);
  reads.flush(1);
  expect(outcomes).toEqual([]);
  world.applied = 5;
  reads.flush(2);
  expect(outcomes).toEqual([true]);
});

it('an answer from before the leader changed is not believed', () => {
  const { world, reads, answer } = aReader('node2');
  const outcomes: boolean[] = [];
  reads.begin(Infinity, (current) => outcomes.push(current));
  reads.flush(0);
  world.leader = 'node3';
  reads.leaderChanged();
  answer(1, 0);
  reads.flush(1);
  expect(outcomes).toEqual([]);
  answer(2, 0);
  reads.flush(2);
  expect(outcomes).toEqual([true]);
});

it('a leader that never answers does not keep anybody from asking for good', () => {
  const { reads, answer } = aReader('node2');
  const outcomes: boolean[] = [];
  reads.begin(Infinity, (current) => outcomes.push(current));
  for (let now = 0; now < 500_000; now += 100) reads.flush(now);
  answer(5_000, 0);
  reads.flush(500_000);
  expect(outcomes).toEqual([true]);
});

it('a read is not current when its time is over, and not begun when too many wait', () => {
  const { reads } = aReader(null);
  const outcomes: boolean[] = [];
  for (let i = 0; i <= 1_024; i += 1) reads.begin(50, (current) => outcomes.push(current));
  expect(outcomes).toEqual([false]);
  reads.flush(50);
  expect(outcomes).toHaveLength(1_025);
});

it('who leads answers others after its own quorum round, and who does not says so', () => {
  const { world, reads } = aReader('node1');
  const asked = { kind: 'read', from: 'node3', to: 'node1', requestId: 9, incarnation: 2 } as const;
  reads.asked(asked);
  expect(world.sent).toEqual([]);
  expect(reads.confirmed(world.local[0] ?? 0, 12)).toBe(true);
  world.leader = 'node2';
  reads.asked({ ...asked, requestId: 10 });
  expect(world.sent).toMatchObject([
    { requestId: 9, index: 12 },
    { requestId: 10, index: null },
  ]);
});
