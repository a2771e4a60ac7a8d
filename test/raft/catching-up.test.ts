/**
 * Followers that are far behind: snapshots in paced chunks, entries in a small window, and what an
 * operator sees of it. Raft §6, §7; DESIGN §4, §5; openraft#1808, etcd#10864, nebula#1769.
 */
import { describe, expect, test } from 'vitest';
import type { NodeId } from '../../src/lib/ids.ts';
import type { RaftOptions } from '../../src/raft/types.ts';
import { Bench, configuration, entriesOf, type Of } from './bench.ts';

const STATE = Uint8Array.from({ length: 200 }, (_, i) => i);
const FOUR = ['b', 'c', 'd', 'e'];

/** Leads term 2 of a, b, c, d, e; its disk begins with a snapshot at 5, its log ends with 7. */
function leaderAtFive(raft: Partial<RaftOptions> = {}, state = STATE): Bench {
  const all = configuration(['a', ...FOUR]);
  const bench = new Bench({
    snapshot: { meta: { index: 5, term: 1, configuration: all }, state },
    terms: [1],
    configuration: all,
    raft: { snapshotChunkBytes: 50, maxUncommittedBytes: 500, ...raft },
  });
  bench.becomeLeader(['b', 'c', 'd']);
  bench.sync();
  for (const peer of ['d', 'e']) bench.ack(peer, 7, 1);
  bench.takeSent();
  return bench;
}

/** Commits large entries up to `index` with the help of d and e, and saves the state machine there. */
function compactAt(bench: Bench, index: number): void {
  while (bench.status.lastIndex < index) {
    bench.propose('x'.repeat(1000));
    bench.sync();
    for (const peer of ['d', 'e']) bench.ack(peer, bench.status.lastIndex, 1);
  }
  bench.step({ kind: 'applied', index });
  bench.step({ kind: 'compacted', meta: bench.core.snapshotMeta(index), state: STATE });
}

/** Says that its log is empty. */
function lacksAll(bench: Bench, from: NodeId, readId = 1): void {
  const conflict = { index: 0, term: 0 };
  bench.receive({ kind: 'append-reply', from, term: 2, matchIndex: 0, conflict, readId });
}

function answers(
  bench: Bench,
  { from = 'b', index = 5, offset }: { from?: NodeId; index?: number; offset: number },
): void {
  const done = offset === STATE.byteLength;
  const place = { index, offset, done };
  bench.receive({ kind: 'snapshot-reply', from, term: 2, readId: 1, ...place });
}

const chunksIn = (bench: Bench): readonly [NodeId, number, number][] =>
  bench.takeOf('snapshot').map(({ to, meta, offset }) => [to, meta.index, offset]);

test('an operator sees how far a learner is, and since when it is known to follow', () => {
  const bench = new Bench({ configuration: configuration(['a', 'b', 'c'], [], ['d']) });
  bench.lead();
  bench.deadline();
  const contactMs = bench.now;
  bench.elapse(3);
  bench.ack('d', 1, 2);
  const learner = bench.status.followers.find(({ node }) => node === 'd');
  expect(learner).toEqual({ node: 'd', state: 'replicate', matchIndex: 1, contactMs });
  expect(bench.status.commitIndex).toBe(1);
});

describe('a leader', () => {
  test('sends a newer snapshot when the log was cut again while the first one travelled', () => {
    const bench = leaderAtFive();
    lacksAll(bench, 'b');
    for (const offset of [50, 100, 150]) answers(bench, { offset });
    compactAt(bench, 9);
    expect(bench.status.firstIndex).toBe(10);
    expect(chunksIn(bench).at(-1)).toEqual(['b', 5, 150]);
    answers(bench, { offset: 200 });
    bench.elapse(50);
    bench.step({ kind: 'deadline' });
    expect(chunksIn(bench)).toEqual([['b', 9, 0]]);
  });

  test('keeps what a follower that is being served will need next, so that once is enough', () => {
    const bench = leaderAtFive({ maxUncommittedBytes: 5000 });
    lacksAll(bench, 'b');
    compactAt(bench, 9);
    expect(bench.status.firstIndex).toBe(6);
    for (const offset of [50, 100, 150, 200]) answers(bench, { offset });
    expect(bench.status.followers[0]).toMatchObject({ node: 'b', state: 'replicate' });
    expect(bench.takeOf('append').findLast(({ to }) => to === 'b')).toMatchObject({
      prevIndex: 5,
    });
  });

  test('keeps that also far below its snapshot, where entries are kept for nobody else', () => {
    const bench = leaderAtFive({ maxUncommittedBytes: 500_000 });
    lacksAll(bench, 'b');
    compactAt(bench, 300);
    expect(bench.status.firstIndex).toBe(6);
  });

  test('keeps no more below its snapshot than the bound, whoever needs it', () => {
    const bench = leaderAtFive({ maxUncommittedBytes: 5000 });
    lacksAll(bench, 'b');
    compactAt(bench, 40);
    expect(bench.status.firstIndex).toBe(40 - 4 + 1);
  });

  test('keeps nothing for a follower that has long been silent', () => {
    const bench = leaderAtFive({ maxUncommittedBytes: 500_000 });
    bench.deadline();
    bench.elapse(200);
    for (const peer of ['d', 'e']) bench.ack(peer, 7, 2);
    compactAt(bench, 300);
    expect(bench.status.firstIndex).toBe(300 - 256 + 1);
  });

  test('sends four chunks in the time of a heartbeat, to all together, and then the next ones', () => {
    const bench = leaderAtFive();
    for (const peer of ['b', 'c']) lacksAll(bench, peer);
    for (const offset of [50, 100, 150]) {
      for (const from of ['b', 'c']) answers(bench, { from, offset });
    }
    expect(chunksIn(bench)).toEqual([
      ['b', 5, 0],
      ['c', 5, 0],
      ['b', 5, 50],
      ['c', 5, 50],
    ]);
    bench.deadline();
    expect(chunksIn(bench)).toEqual([
      ['b', 5, 100],
      ['c', 5, 100],
    ]);
  });

  test('sends no chunks to a silent follower, and goes on when it is heard again', () => {
    const bench = leaderAtFive();
    lacksAll(bench, 'b');
    chunksIn(bench);
    for (let round = 2; round <= 5; round += 1) {
      bench.deadline();
      for (const peer of ['d', 'e']) bench.ack(peer, 7, round);
    }
    chunksIn(bench);
    bench.deadline();
    expect(chunksIn(bench)).toEqual([]);
    lacksAll(bench, 'b', 6);
    expect(chunksIn(bench)).toEqual([['b', 5, 0]]);
  });

  test('has two appends on their way to a follower that needs what is committed already', () => {
    const bench = new Bench({
      terms: Array.from({ length: 30 }, () => 1),
      raft: { maxAppendBytes: 200 },
    });
    bench.becomeLeader();
    bench.sync();
    bench.ack('c', 31);
    bench.takeSent();
    bench.receive({
      kind: 'append-reply',
      from: 'b',
      term: 2,
      matchIndex: 0,
      conflict: { index: 3, term: 1 },
      readId: 1,
    });
    bench.ack('b', 3);
    const full = ({ to, entries }: Of<'append'>): boolean => to === 'b' && entries.length > 0;
    expect(bench.takeOf('append').filter(full)).toHaveLength(3);
    bench.ack('b', 5);
    expect(bench.takeOf('append').filter(full)).toHaveLength(1);
  });
});

describe('a follower', () => {
  const snapshotOf = (voters: readonly string[], learners: readonly string[] = []) => ({
    meta: { index: 9, term: 2, configuration: configuration(voters, [], learners) },
    offset: 0,
    last: true,
    chunk: STATE,
    readId: 1,
  });

  test('etcd#10864: takes a snapshot that makes it a learner, and does not campaign any more', () => {
    const bench = new Bench({ term: 3 });
    bench.receive({ kind: 'snapshot', from: 'b', term: 3, ...snapshotOf(['b', 'c'], ['a']) });
    bench.sync();
    bench.takeSent();
    expect(bench.status.configuration.learners).toEqual(['a']);
    bench.elapse(1000);
    bench.step({ kind: 'deadline' });
    expect(bench.status.role).toBe('follower');
    expect(bench.takeSent()).toEqual([]);
  });

  test('takes a snapshot that leaves it out altogether, and stays quiet', () => {
    const bench = new Bench({ term: 3 });
    bench.receive({ kind: 'snapshot', from: 'b', term: 3, ...snapshotOf(['b', 'c', 'd']) });
    bench.sync();
    bench.elapse(1000);
    bench.step({ kind: 'deadline' });
    expect(bench.status).toMatchObject({ role: 'follower', commitIndex: 9 });
  });

  test('a learner that a snapshot makes a voter campaigns when its leader falls silent', () => {
    const bench = new Bench({ term: 3, configuration: configuration(['b'], [], ['a']) });
    bench.receive({ kind: 'snapshot', from: 'b', term: 3, ...snapshotOf(['a', 'b', 'c']) });
    bench.sync();
    bench.elapse(1000);
    bench.step({ kind: 'deadline' });
    expect(bench.status.role).toBe('pre-candidate');
  });

  test('openraft#1808: forgets an uncommitted change in its log that the snapshot replaces', () => {
    const stray = configuration(['a', 'x', 'y'], ['a', 'b', 'c']);
    const bench = new Bench({
      entries: [
        ...entriesOf([1, 1]),
        { index: 3, term: 1, kind: 'configuration', configuration: stray },
        ...entriesOf([1, 1, 1, 1, 1, 1, 1, 1], 4),
      ],
      term: 3,
    });
    expect(bench.status.configuration).toEqual(stray);
    bench.receive({ kind: 'snapshot', from: 'b', term: 3, ...snapshotOf(['a', 'b', 'c']) });
    expect(bench.status).toMatchObject({ configurationIndex: 9, lastIndex: 9 });
    expect(bench.status.configuration).toEqual(configuration(['a', 'b', 'c']));
  });

  test('nebula#1769: a candidate takes the snapshot of the leader that another elected', () => {
    const bench = new Bench({ term: 3 });
    bench.becomeCandidate();
    expect(bench.status.role).toBe('candidate');
    const ready = bench.receive({
      kind: 'snapshot',
      from: 'b',
      term: 4,
      ...snapshotOf(['a', 'b', 'c']),
    });
    expect(ready.restore?.meta.index).toBe(9);
    expect(bench.status).toMatchObject({ role: 'follower', leader: 'b', commitIndex: 9 });
  });

  test('begins anew with a new leader, whose bytes may be others, and completes', () => {
    const bench = new Bench({ term: 3 });
    const whole = snapshotOf(['a', 'b', 'c']);
    const part = (offset: number) => ({
      ...whole,
      offset,
      last: offset === 100,
      chunk: STATE.subarray(offset, offset + 100),
    });
    bench.receive({ kind: 'snapshot', from: 'b', term: 3, ...part(0) });
    bench.receive({ kind: 'snapshot', from: 'c', term: 4, ...part(100) });
    bench.sync();
    expect(bench.takeOf('snapshot-reply').at(-1)).toMatchObject({ to: 'c', offset: 0 });
    bench.receive({ kind: 'snapshot', from: 'c', term: 4, ...part(0) });
    const { restore } = bench.receive({ kind: 'snapshot', from: 'c', term: 4, ...part(100) });
    expect(restore?.state).toEqual(STATE);
  });
});
