/** Compaction and snapshots: Raft §7, figure 13. */
import { describe, expect, test } from 'vitest';
import { Bench, command, configuration, entriesOf, VOTERS } from './bench.ts';

const STATE = Uint8Array.from({ length: 25 }, (_, i) => i);
const meta = (index: number, term: number, voters = ['a', 'b', 'c']) => ({
  index,
  term,
  configuration: configuration(voters),
});

/** A leader whose disk begins with a snapshot at 5. */
function leaderAtFive(): Bench {
  const bench = new Bench({ snapshot: { meta: meta(5, 1), state: STATE }, terms: [1], term: 1 });
  bench.becomeLeader();
  bench.sync();
  bench.takeSent();
  return bench;
}

const lagging = (bench: Bench, from = 'b') =>
  bench.receive({
    kind: 'append-reply',
    from,
    term: 2,
    matchIndex: 0,
    conflict: { index: 2, term: 1 },
    readId: 1,
  });

const chunkReply = (bench: Bench, offset: number, done = false) =>
  bench.receive({
    kind: 'snapshot-reply',
    from: 'b',
    term: 2,
    index: 5,
    offset,
    done,
    readId: 1,
  });

describe('a leader', () => {
  test('§7 sends its snapshot, chunk by chunk, to a follower that needs what is gone', () => {
    const bench = leaderAtFive();
    lagging(bench);
    expect(bench.takeOf('snapshot')).toMatchObject([{ to: 'b', offset: 0, last: false }]);
    chunkReply(bench, 10);
    expect(bench.takeOf('snapshot')).toMatchObject([{ offset: 10, last: false }]);
    chunkReply(bench, 20);
    const [chunk] = bench.takeOf('snapshot');
    expect(chunk).toMatchObject({ offset: 20, last: true, meta: { index: 5, term: 1 } });
    expect(chunk?.chunk).toEqual(STATE.subarray(20));
    chunkReply(bench, 25, true);
    expect(bench.takeOf('append').find(({ to }) => to === 'b')).toMatchObject({
      prevIndex: 5,
      entries: [{ index: 6 }, { index: 7 }],
    });
  });

  test('a repeated answer brings no second chunk', () => {
    const bench = leaderAtFive();
    lagging(bench);
    bench.takeSent();
    for (const offset of [10, 10, 0, 10]) chunkReply(bench, offset);
    expect(bench.takeOf('snapshot')).toHaveLength(1);
  });

  test('a lost chunk is sent again with a heartbeat, from where the follower stands', () => {
    const bench = leaderAtFive();
    bench.elapse(10);
    lagging(bench);
    chunkReply(bench, 10);
    bench.takeSent();
    chunkReply(bench, 0);
    bench.deadline();
    expect(bench.takeOf('snapshot')).toEqual([]);
    bench.ack('c', 0, 2);
    bench.deadline();
    expect(bench.takeOf('snapshot')).toMatchObject([{ offset: 0 }]);
  });

  test('goes on with the log when the follower turns out not to need the snapshot', () => {
    const bench = leaderAtFive();
    lagging(bench);
    bench.takeSent();
    bench.ack('b', 6, 1);
    expect(bench.takeOf('append').find(({ to }) => to === 'b')).toMatchObject({
      prevIndex: 6,
      entries: [{ index: 7 }],
    });
  });

  test('a search for agreement that ends at the edge of the log ends in a snapshot', () => {
    const bench = new Bench({
      snapshot: { meta: meta(5, 3), state: STATE },
      entries: [command(6, 3)],
      term: 3,
    });
    bench.becomeLeader();
    bench.takeSent();
    bench.receive({
      kind: 'append-reply',
      from: 'b',
      term: 4,
      matchIndex: 0,
      conflict: { index: 5, term: 2 },
      readId: 1,
    });
    expect(bench.takeOf('snapshot')).toHaveLength(1);
  });

  test('serves the new snapshot after compaction, keeping entries for those who lag a little', () => {
    const bench = new Bench({ raft: { maxInflightAppends: 1000 } });
    bench.lead();
    // Nothing is kept for b, which is silent.
    bench.deadline();
    bench.elapse(200);
    bench.ack('c', 1, 2);
    for (let i = 0; i < 400; i += 1) {
      bench.propose();
      bench.sync();
      bench.ack('c', bench.status.lastIndex);
    }
    bench.step({ kind: 'applied', index: 401 });
    bench.step({ kind: 'compacted', meta: bench.core.snapshotMeta(401), state: STATE });
    expect(bench.status.firstIndex).toBe(401 - 256 + 1);
    expect(bench.status.commitIndex).toBe(401);
    bench.takeSent();
    bench.receive({
      kind: 'append-reply',
      from: 'b',
      term: 1,
      matchIndex: 1,
      conflict: { index: 200, term: 1 },
      readId: 0,
    });
    expect(bench.takeOf('append')[0]).toMatchObject({ prevIndex: 200 });
    bench.deadline();
    bench.receive({
      kind: 'append-reply',
      from: 'b',
      term: 1,
      matchIndex: 1,
      conflict: { index: 100, term: 1 },
      readId: 3,
    });
    expect(bench.takeOf('snapshot')[0]).toMatchObject({ meta: { index: 401 } });
  });

  test('a snapshot holds the configuration as of its last entry, not the one in force', () => {
    const change = (index: number, voters: readonly string[]) =>
      ({ index, term: 1, kind: 'configuration', configuration: configuration(voters) }) as const;
    const entries = [change(1, ['a', 'b']), command(2, 1), change(3, ['a', 'b', 'd'])];
    const bench = new Bench({ entries, commitIndex: 2 });
    expect(bench.core.snapshotMeta(2).configuration.voters).toEqual(['a', 'b']);
  });

  test('a compaction before what was applied is a bug of the driver and crashes', () => {
    const bench = new Bench();
    bench.lead();
    const compacted = { kind: 'compacted', meta: meta(1, 1), state: STATE } as const;
    expect(() => bench.step(compacted)).toThrow(/before it was applied/);
  });

  test('keeps the place of the configuration in force when it compacts', () => {
    const bench = new Bench();
    bench.lead();
    bench.step({ kind: 'change', proposalId: 1, target: { voters: VOTERS, learners: ['d'] } });
    bench.propose();
    bench.sync();
    bench.ack('b', 3);
    bench.step({ kind: 'applied', index: 3 });
    bench.step({ kind: 'compacted', meta: bench.core.snapshotMeta(3), state: STATE });
    expect(bench.status).toMatchObject({
      configurationIndex: 2,
      configuration: { learners: ['d'] },
    });
  });

  test('a snapshot with the configuration in force instead of that of its place crashes too', () => {
    const bench = new Bench();
    bench.lead();
    bench.step({ kind: 'applied', index: 1 });
    bench.step({ kind: 'change', proposalId: 1, target: { voters: ['a', 'b'], learners: [] } });
    const { configuration: inForce } = bench.status;
    const wrong = { ...bench.core.snapshotMeta(1), configuration: inForce };
    const compacted = { kind: 'compacted', meta: wrong, state: STATE } as const;
    expect(() => bench.step(compacted)).toThrow(/was not in force there/);
  });
});

describe('a follower', () => {
  const chunk = (bench: Bench, offset: number, size = 10, parts = {}) =>
    bench.receive({
      kind: 'snapshot',
      from: 'b',
      term: 3,
      meta: meta(9, 2, ['a', 'b']),
      offset,
      last: offset + size >= STATE.byteLength,
      chunk: STATE.subarray(offset, offset + size),
      readId: 4,
      ...parts,
    });

  test('§7 replaces log, configuration and state machine in one durable write', () => {
    const bench = new Bench({ terms: [1, 1, 2], term: 3 });
    chunk(bench, 0);
    chunk(bench, 10);
    expect(bench.takeOf('snapshot-reply')).toMatchObject([
      { offset: 10, done: false, readId: 4 },
      { offset: 20, done: false },
    ]);
    const ready = chunk(bench, 20);
    expect(ready.persist?.snapshot?.meta.index).toBe(9);
    expect(ready.restore?.state).toEqual(STATE);
    expect(ready.sendAfterPersist).toMatchObject([
      { kind: 'snapshot-reply', index: 9, done: true },
    ]);
    expect(bench.status).toMatchObject({
      commitIndex: 9,
      lastIndex: 9,
      lastTerm: 2,
      firstIndex: 10,
    });
    expect(bench.status.configuration.voters).toEqual(['a', 'b']);
    bench.sync();
    bench.takeSent();
    bench.appendFrom('b', 3, {
      prevIndex: 9,
      prevTerm: 2,
      entries: entriesOf([3], 10),
      commitIndex: 10,
    });
    expect(bench.committed.map(({ index }) => index)).toEqual([10]);
  });

  test('an install forgets a configuration of the log that the snapshot replaced', () => {
    const stray = {
      index: 1,
      term: 1,
      kind: 'configuration',
      configuration: configuration(['x', 'y']),
    } as const;
    const bench = new Bench({ entries: [stray], term: 3 });
    chunk(bench, 0, 25);
    expect(bench.status.configuration.voters).toEqual(['a', 'b']);
  });

  test('chunks that are lost, repeated or reordered end in the same snapshot', () => {
    const bench = new Bench({ term: 3 });
    for (const offset of [10, 0, 0, 20, 10, 10]) chunk(bench, offset);
    expect(bench.takeSent().at(-1)).toMatchObject({ offset: 20, done: false });
    expect(chunk(bench, 20).restore?.state).toEqual(STATE);
  });

  test('another snapshot, or another leader, begins anew', () => {
    const bench = new Bench({ term: 3 });
    chunk(bench, 0);
    chunk(bench, 10, 10, { meta: meta(11, 2) });
    expect(bench.takeSent().at(-1)).toMatchObject({ index: 11, offset: 0, done: false });
    bench.appendFrom('c', 4);
    bench.sync();
    bench.takeSent();
    chunk(bench, 10, 10, { from: 'c', term: 4 });
    expect(bench.takeSent().at(-1)).toMatchObject({ offset: 0, done: false });
  });

  test('figure 13: keeps the log that follows when it has the last entry of the snapshot', () => {
    const bench = new Bench({ terms: [1, 1, 1, 1, 1, 1, 1, 1, 2, 2], term: 3 });
    const ready = chunk(bench, 0);
    expect(ready.restore).toBeNull();
    expect(bench.status).toMatchObject({ commitIndex: 9, lastIndex: 10 });
    expect(bench.committed).toHaveLength(9);
    expect(bench.takeSent()).toMatchObject([{ kind: 'snapshot-reply', done: true }]);
  });

  test('an old snapshot changes nothing', () => {
    const terms = [1, 1, 1, 1, 1, 1, 1, 1, 2, 2];
    const bench = new Bench({ terms, term: 3, commitIndex: 10 });
    const ready = chunk(bench, 0, 25);
    expect(ready.restore).toBeNull();
    expect(bench.status.commitIndex).toBe(10);
    expect(bench.takeSent()).toMatchObject([{ done: true }]);
  });

  test('a snapshot from before the own one changes nothing', () => {
    const bench = new Bench({ snapshot: { meta: meta(12, 2), state: STATE }, term: 3 });
    expect(chunk(bench, 0, 25).restore).toBeNull();
    expect(bench.status).toMatchObject({ commitIndex: 12, lastIndex: 12 });
    expect(bench.takeSent()).toMatchObject([{ kind: 'snapshot-reply', index: 9, done: true }]);
  });

  test('entries that the snapshot replaced are not taken for durable ones', () => {
    const bench = new Bench({ term: 3 });
    bench.appendFrom('b', 3, { entries: entriesOf([1, 1, 1]) });
    chunk(bench, 0, 25);
    bench.syncOne();
    bench.takeSent();
    bench.appendFrom('b', 3, { prevIndex: 9, prevTerm: 2 });
    expect(bench.takeOf('append-reply').at(-1)).toMatchObject({ matchIndex: 0 });
    bench.sync();
    bench.takeSent();
    bench.appendFrom('b', 3, { prevIndex: 9, prevTerm: 2 });
    expect(bench.takeOf('append-reply').at(-1)).toMatchObject({ matchIndex: 9 });
  });
});
