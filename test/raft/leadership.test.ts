/** CheckQuorum, ReadIndex, stalled disks: thesis §6.2, §6.4; DESIGN §4, §7. */
import { describe, expect, test } from 'vitest';
import { Bench, configuration } from './bench.ts';

describe('CheckQuorum', () => {
  test('a leader that no quorum answers steps down and sends no more heartbeats', () => {
    const bench = new Bench();
    bench.lead();
    const since = bench.now;
    for (let i = 0; i < 20 && bench.status.role === 'leader'; i += 1) bench.deadline();
    expect(bench.now - since).toBe(300);
    expect(bench.status).toMatchObject({ role: 'follower', leader: null, term: 1 });
    bench.takeSent();
    bench.elapse(60);
    bench.step({ kind: 'deadline' });
    expect(bench.takeOf('append')).toEqual([]);
  });

  test('one answering follower of two is quorum enough', () => {
    const bench = new Bench();
    bench.lead();
    for (let round = 2; round < 40; round += 1) {
      bench.deadline();
      bench.ack('c', 1, round);
    }
    expect(bench.status.role).toBe('leader');
  });

  test('answers of a learner, and bytes that echo no round, do not count', () => {
    const bench = new Bench({ configuration: configuration(['a', 'b', 'c'], [], ['d']) });
    bench.lead();
    for (let round = 2; round < 10; round += 1) {
      bench.deadline();
      if (bench.status.role !== 'leader') break;
      bench.ack('d', 1, round);
      bench.ack('b', 1, 0);
    }
    expect(bench.status.role).toBe('follower');
  });

  test('an echo of a round that was never begun is not believed', () => {
    const bench = new Bench();
    bench.lead();
    for (let i = 0; i < 6; i += 1) {
      bench.deadline();
      bench.ack('b', 1, 1_000_000);
    }
    expect(bench.status.role).toBe('follower');
  });

  test('a thawed leader reads its queue first, and does not take old echoes for a quorum', () => {
    const bench = new Bench();
    bench.lead();
    bench.deadline();
    bench.elapse(10_000);
    bench.ack('b', 1, 2);
    bench.ack('c', 1, 2);
    const { sendNow } = bench.step({ kind: 'deadline' });
    expect(bench.status.role).toBe('follower');
    expect(sendNow).toEqual([]);
  });

  test('a thawed leader refuses proposals and reads before its deadline is reported', () => {
    for (const event of [
      { kind: 'propose', proposalId: 1, data: new Uint8Array() },
      { kind: 'read', readId: 1 },
    ] as const) {
      const bench = new Bench();
      bench.lead();
      bench.elapse(10_000);
      const { rejected, readsRejected } = bench.step(event);
      expect(rejected.length + readsRejected.length).toBe(1);
    }
  });

  test('a thawed leader yields to pre-votes, since it cannot know that it is followed', () => {
    const bench = new Bench();
    bench.lead();
    bench.elapse(10_000);
    bench.receive({
      kind: 'pre-vote',
      from: 'b',
      term: 2,
      lastIndex: 1,
      lastTerm: 1,
      transfer: false,
    });
    expect(bench.takeOf('pre-vote-reply')).toMatchObject([{ granted: true }]);
  });

  test('a single voter never loses its quorum', () => {
    const bench = new Bench({ configuration: configuration(['a'], [], ['b']) });
    bench.deadline();
    bench.sync();
    bench.elapse(10_000);
    bench.step({ kind: 'deadline' });
    expect(bench.status.role).toBe('leader');
  });
});

describe('ReadIndex', () => {
  test('§6.4 is confirmed by a quorum of echoes of a round that began after the read', () => {
    const bench = new Bench();
    bench.lead();
    bench.deadline();
    bench.elapse(5);
    const ready = bench.step({ kind: 'read', readId: 77 });
    expect(ready.sendNow).toHaveLength(2);
    expect(bench.ack('b', 1, 2).reads).toEqual([]);
    expect(bench.ack('b', 1, 3).reads).toEqual([{ readId: 77, index: 1, beganMs: bench.now }]);
  });

  test('§6.4 waits for the first commit of the term', () => {
    const bench = new Bench({ terms: [1, 1], commitIndex: 2 });
    bench.becomeLeader();
    bench.takeSent();
    bench.step({ kind: 'read', readId: 1 });
    expect(bench.takeSent()).toEqual([]);
    bench.ack('b', 2, 1);
    bench.sync();
    bench.elapse(3);
    bench.ack('b', 3, 1);
    const began = bench.now;
    expect(bench.takeOf('append').some(({ readId }) => readId === 2)).toBe(true);
    bench.elapse(3);
    expect(bench.ack('c', 2, 2).reads).toEqual([{ readId: 1, index: 3, beganMs: began }]);
  });

  test('§6.4 a heartbeat before the first commit of the term takes no read along', () => {
    const bench = new Bench({ terms: [1, 1] });
    bench.becomeLeader();
    bench.step({ kind: 'read', readId: 1 });
    bench.deadline();
    expect(bench.ack('b', 2, 2).reads).toEqual([]);
  });

  test('§6.4 an echo of a round that was never begun confirms no read', () => {
    const bench = new Bench();
    bench.lead();
    bench.ack('b', 1, 1_000_000);
    expect(bench.step({ kind: 'read', readId: 1 }).reads).toEqual([]);
  });

  test('reads that come while a round is open wait for the next one, which serves them all', () => {
    const bench = new Bench();
    bench.lead();
    bench.step({ kind: 'read', readId: 1 });
    bench.step({ kind: 'read', readId: 2 });
    bench.step({ kind: 'read', readId: 3 });
    expect(bench.takeOf('append')).toHaveLength(2);
    bench.elapse(2);
    expect(bench.ack('b', 1, 2).reads.map(({ readId }) => readId)).toEqual([1]);
    const { reads } = bench.ack('c', 1, 3);
    expect(reads.map(({ readId }) => readId)).toEqual([2, 3]);
    expect(reads.every(({ beganMs }) => beganMs === bench.now)).toBe(true);
  });

  test('a lost question is asked again with the next heartbeat', () => {
    const bench = new Bench();
    bench.lead();
    bench.step({ kind: 'read', readId: 1 });
    bench.deadline();
    expect(bench.ack('b', 1, 3).reads).toHaveLength(1);
  });

  test('a rejected append echoes the round too', () => {
    const bench = new Bench();
    bench.lead();
    bench.step({ kind: 'read', readId: 1 });
    const { reads } = bench.receive({
      kind: 'append-reply',
      from: 'b',
      term: 1,
      matchIndex: 0,
      conflict: { index: 0, term: 0 },
      readId: 2,
    });
    expect(reads).toHaveLength(1);
  });

  test('echoes of another term confirm nothing', () => {
    const bench = new Bench({ term: 5 });
    bench.lead();
    bench.step({ kind: 'read', readId: 1 });
    expect(bench.ack('b', 1, 2, 5).reads).toEqual([]);
  });

  test('is refused by a follower, and when the leader steps down', () => {
    const bench = new Bench();
    bench.lead();
    bench.step({ kind: 'read', readId: 1 });
    expect(bench.appendFrom('b', 2).readsRejected).toEqual([{ readId: 1, leader: null }]);
    expect(bench.step({ kind: 'read', readId: 2 }).readsRejected).toEqual([
      { readId: 2, leader: 'b' },
    ]);
  });

  test('a single voter confirms at once', () => {
    const bench = new Bench({ configuration: configuration(['a']) });
    bench.deadline();
    bench.sync();
    expect(bench.step({ kind: 'read', readId: 1 }).reads).toMatchObject([{ readId: 1, index: 1 }]);
  });

  test('pending reads are bounded', () => {
    const bench = new Bench();
    bench.lead();
    let refused = 0;
    for (let readId = 1; readId <= 5000; readId += 1) {
      refused += bench.step({ kind: 'read', readId }).readsRejected.length;
    }
    expect(refused).toBe(5000 - 4096);
  });
});

describe('a stalled disk', () => {
  test('makes a leader step down, and the best follower its successor', () => {
    const bench = new Bench();
    bench.lead();
    bench.propose();
    bench.ack('c', 2);
    bench.takeSent();
    bench.step({ kind: 'disk-stalled', sinceMs: bench.now });
    expect(bench.status).toMatchObject({ role: 'follower', leader: null });
    expect(bench.takeSent()).toMatchObject([{ kind: 'timeout-now', to: 'c' }]);
  });

  test('of a follower does not keep it from being heard', () => {
    const bench = new Bench({ term: 1 });
    bench.appendFrom('b', 1, { entries: [{ kind: 'no-op', index: 1, term: 1 }] });
    bench.step({ kind: 'disk-stalled', sinceMs: bench.now });
    bench.appendFrom('b', 1, { prevIndex: 1, prevTerm: 1, readId: 9 });
    expect(bench.takeSent()).toMatchObject([{ kind: 'append-reply', matchIndex: 0, readId: 9 }]);
  });
});
