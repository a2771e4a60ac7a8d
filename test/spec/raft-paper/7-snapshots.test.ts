/**
 * Raft §7: log compaction, and InstallSnapshot (figure 13).
 *
 * The driver saves the state machine and says so with `compacted`. A few entries below the snapshot
 * stay in memory; after a restart they are gone. A chunk is answered with the number of bytes that
 * the follower holds, where the paper's sender has to trust that each one arrived.
 */
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../../src/raft/types.ts';
import { Bench, configuration, entriesOf, type Incoming } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import { answers, append, leaderOf, refusal, termsOf, voters } from './parts.ts';

const STATE = Uint8Array.from({ length: 25 }, (_, i) => i);
const META = { index: 9, term: 2, configuration: configuration(['a', 'b', 'd']) };

function chunk(
  offset: number,
  parts: Partial<Extract<Incoming, { kind: 'snapshot' }>> = {},
): Incoming {
  return {
    kind: 'snapshot',
    from: 'b',
    term: 3,
    meta: META,
    offset,
    last: offset + 10 >= STATE.byteLength,
    chunk: STATE.subarray(offset, offset + 10),
    readId: 4,
    ...parts,
  };
}

const OFFSETS = [0, 10, 20];

describe('Raft §7: what a snapshot holds', () => {
  test('index and term of the last entry that it replaces', () => {
    const bench = new Bench({ terms: [1, 1, 2, 2], commitIndex: 3 });
    expect(bench.core.snapshotMeta(3)).toMatchObject({ index: 3, term: 2 });
    expect(bench.core.snapshotMeta(1)).toMatchObject({ index: 1, term: 1 });
  });

  test('the latest configuration as of that entry, not the one in force', () => {
    const later: Entry = {
      index: 3,
      term: 1,
      kind: 'configuration',
      configuration: configuration(['a', 'b']),
    };
    const bench = new Bench({ entries: [...entriesOf([1, 1]), later], commitIndex: 3 });
    expect(bench.core.snapshotMeta(2).configuration).toEqual(configuration());
    expect(bench.core.snapshotMeta(3).configuration).toEqual(configuration(['a', 'b']));
    expect(bench.status.configuration).toEqual(configuration(['a', 'b']));
  });

  test('covers committed entries only', () => {
    const bench = new Bench({ terms: [1, 1], commitIndex: 1 });
    expect(() => bench.core.snapshotMeta(2)).toThrow(/no committed entry 2/);
  });

  test('each server takes its own, and the log after it stays', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    for (let i = 0; i < 4; i += 1) three.propose('a');
    three.compact('b', STATE);
    three.propose('a');
    three.crash('b');
    three.start('b');
    expect(three.status('b')).toMatchObject({ firstIndex: 6, lastIndex: 6 });
    expect(three.status('a').firstIndex).toBe(1);
    three.heartbeat('a');
    expect(three.applied('b').map(({ index }) => index)).toEqual([6]);
  });

  test('the consistency check still works for the entry right behind it', () => {
    const bench = new Bench({ snapshot: { meta: META, state: STATE } });
    bench.receive(append('b', 2, { prevIndex: 9, prevTerm: 2, entries: entriesOf([2], 10) }));
    bench.sync();
    expect(bench.takeOf('append-reply')).toMatchObject([{ matchIndex: 10, conflict: null }]);
  });

  test('so does the comparison of logs in an election', () => {
    const bench = new Bench({ snapshot: { meta: META, state: STATE }, term: 2 });
    for (const [term, lastIndex, granted] of [
      [3, 8, false],
      [4, 9, true],
    ] as const) {
      const asked = { from: 'b', lastTerm: 2, transfer: false } as const;
      bench.receive({ kind: 'vote', term, lastIndex, ...asked });
      bench.sync();
      expect(bench.takeOf('vote-reply')).toMatchObject([{ granted }]);
    }
  });

  test('its configuration is the one in force after a restart', () => {
    const bench = new Bench({ snapshot: { meta: META, state: STATE } });
    expect(bench.status).toMatchObject({ configuration: META.configuration, commitIndex: 9 });
  });
});

describe('Raft §7: when a leader sends one', () => {
  const compacted = () =>
    leaderOf([2], {
      snapshot: { meta: { ...META, configuration: configuration() }, state: STATE },
    });

  test('only when the next entry that a follower needs is discarded', () => {
    const bench = compacted();
    bench.receive(refusal('b', 3, { index: 9, term: 2 }));
    expect(bench.takeOf('append')).toMatchObject([{ to: 'b', prevIndex: 9 }]);
    bench.receive(refusal('c', 3, { index: 8, term: 2 }));
    expect(bench.takeOf('snapshot')).toMatchObject([{ to: 'c', offset: 0, meta: { index: 9 } }]);
  });

  test('in chunks, each when the one before was taken, from the start to the end', () => {
    const bench = compacted();
    bench.receive(refusal('b', 3, { index: 0, term: 0 }));
    const chunks = [];
    for (const offset of [10, 20, 25]) {
      chunks.push(...bench.takeOf('snapshot'));
      const done = offset === 25;
      bench.receive({
        kind: 'snapshot-reply',
        from: 'b',
        term: 3,
        index: 9,
        offset,
        done,
        readId: 0,
      });
    }
    expect(chunks.map(({ offset, last }) => [offset, last])).toEqual([
      [0, false],
      [10, false],
      [20, true],
    ]);
    expect(chunks.flatMap((one) => [...one.chunk])).toEqual([...STATE]);
    expect(
      chunks.every(({ term, meta }) => term === 3 && meta.index === 9 && meta.term === 2),
    ).toBe(true);
  });

  test('afterwards the log is sent from the entry behind it', () => {
    const bench = compacted();
    bench.receive(refusal('b', 3, { index: 0, term: 0 }));
    bench.takeSent();
    bench.receive({
      kind: 'snapshot-reply',
      from: 'b',
      term: 3,
      index: 9,
      offset: 25,
      done: true,
      readId: 0,
    });
    const [first] = bench.takeOf('append').filter(({ to }) => to === 'b');
    expect(first).toMatchObject({
      prevIndex: 9,
      prevTerm: 2,
      entries: [{ index: 10 }, { index: 11 }],
    });
  });

  test('heartbeats go on meanwhile, so the follower does not campaign', () => {
    const bench = compacted();
    bench.receive(refusal('b', 3, { index: 0, term: 0 }));
    bench.takeSent();
    bench.deadline();
    expect(bench.takeOf('append').map(({ to, entries }) => [to, entries.length])).toEqual([
      ['b', 0],
      ['c', 0],
    ]);
  });

  test('a follower that lost everything, far behind a compacted log, becomes equal', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.crash('c');
    // Long enough for a to notice: what a follower in touch still needs would be kept for it.
    three.run(400);
    for (let i = 0; i < 600; i += 1) three.propose('a', `${i}`);
    three.compact('a', STATE);
    three.compact('b', STATE);
    expect(three.status('a').firstIndex).toBeGreaterThan(2);
    for (let i = 0; i < 5; i += 1) three.propose('a');
    three.start('c');
    for (let i = 0; i < 5; i += 1) three.heartbeat('a');
    expect(three.status('c')).toMatchObject({ firstIndex: 602, lastIndex: 606, commitIndex: 606 });
    expect(three.disk('c').snapshot?.state).toEqual(STATE);
    expect(three.applied('c').map(({ index }) => index)).toEqual([602, 603, 604, 605, 606]);
  });
});

describe('Raft §7, figure 13: a follower that is sent a snapshot', () => {
  test('1. answers at once, with its own term, when that is later', () => {
    const bench = new Bench({ term: 5 });
    const [reply] = answers(bench.receive(chunk(0)));
    expect(reply).toMatchObject({ to: 'b', term: 5 });
    expect(bench.status).toMatchObject({ term: 5, leader: null });
  });

  test('a chunk is a sign of life of the leader, like an append', () => {
    const bench = new Bench({ term: 3 });
    bench.elapse(150);
    const { nextDeadlineMs } = bench.receive(chunk(0));
    expect(nextDeadlineMs - bench.now).toBeGreaterThanOrEqual(200);
    expect(bench.status.leader).toBe('b');
  });

  test('2. begins a new one with the first chunk: what came of another one is forgotten', () => {
    const bench = new Bench({ term: 3 });
    bench.receive(chunk(0));
    const other = { ...META, index: 11 };
    bench.receive(chunk(0, { meta: other, chunk: Uint8Array.of(7), last: true }));
    bench.sync();
    expect(bench.status.lastIndex).toBe(11);
  });

  test('3. puts the data where it belongs: order, loss and repetition do not matter', () => {
    for (const order of [OFFSETS, [0, 0, 10, 10, 20], [20, 0, 20, 10, 0, 20], [10, 0, 10, 20]]) {
      const bench = new Bench({ term: 3 });
      const restored = order.flatMap((offset) => bench.receive(chunk(offset)).restore ?? []);
      expect(restored.map(({ state }) => state)).toEqual([STATE]);
    }
  });

  test('4. answers and waits for more until the last chunk', () => {
    const bench = new Bench({ term: 3 });
    for (const offset of [0, 10]) {
      const ready = bench.receive(chunk(offset));
      expect(ready).toMatchObject({ restore: null, persist: null });
      expect(answers(ready)).toMatchObject([
        { kind: 'snapshot-reply', offset: offset + 10, done: false },
      ]);
    }
    expect(bench.status).toMatchObject({ lastIndex: 0, commitIndex: 0 });
  });

  test('5. saves it in one write, and says that it is done when that is durable', () => {
    const bench = new Bench({ term: 3 });
    for (const offset of [0, 10]) bench.receive(chunk(offset));
    bench.takeSent();
    const { persist } = bench.receive(chunk(20));
    expect(persist?.snapshot).toEqual({ meta: META, state: STATE });
    expect(bench.takeSent()).toEqual([]);
    bench.sync();
    expect(bench.takeSent()).toMatchObject([{ kind: 'snapshot-reply', index: 9, done: true }]);
  });

  test('5. one that is older than what it has committed changes nothing', () => {
    const bench = new Bench({ terms: Array(12).fill(2), term: 3, commitIndex: 11 });
    for (const offset of OFFSETS) expect(bench.receive(chunk(offset)).restore).toBeNull();
    expect(bench.status).toMatchObject({ commitIndex: 11, lastIndex: 12 });
  });

  test('5. nor does one that is older than what it has compacted', () => {
    const later = { ...META, index: 12 };
    const bench = new Bench({ snapshot: { meta: later, state: STATE }, terms: [2], term: 3 });
    for (const offset of OFFSETS) {
      expect(bench.receive(chunk(offset))).toMatchObject({ restore: null, persist: null });
    }
    expect(bench.status).toMatchObject({ firstIndex: 13, lastIndex: 13, commitIndex: 12 });
  });

  test('6. keeps the entries that follow when it has the same last entry, and answers', () => {
    const bench = new Bench({ terms: [1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2], term: 3 });
    const ready = bench.receive(chunk(0));
    expect(ready.restore).toBeNull();
    expect(answers(ready)).toMatchObject([{ kind: 'snapshot-reply', done: true }]);
    expect(bench.status).toMatchObject({ lastIndex: 11, commitIndex: 9 });
    expect(bench.committed).toHaveLength(9);
  });

  test.each([
    ['shorter', [1, 1, 2]],
    ['of the same length, ending differently', [1, 1, 1, 1, 1, 1, 1, 1, 1]],
    ['longer and diverged', [1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 3]],
    ['empty', []],
  ])('7. discards its whole log otherwise: %s', (_, terms) => {
    const bench = new Bench({ terms, term: 3 });
    for (const offset of OFFSETS) bench.receive(chunk(offset));
    expect(termsOf(bench)).toEqual([]);
    expect(bench.status).toMatchObject({
      firstIndex: 10,
      lastIndex: 9,
      lastTerm: 2,
      commitIndex: 9,
    });
  });

  test('8. resets the state machine and loads the configuration of the snapshot', () => {
    const stray: Entry = {
      index: 1,
      term: 1,
      kind: 'configuration',
      configuration: configuration(['x', 'y']),
    };
    const bench = new Bench({ entries: [stray], term: 3 });
    const ready = OFFSETS.map((offset) => bench.receive(chunk(offset))).at(-1);
    expect(ready?.restore).toEqual({ meta: META, state: STATE });
    expect(ready?.committed).toEqual([]);
    expect(bench.status.configuration).toEqual(META.configuration);
  });

  test('goes on behind it', () => {
    const bench = new Bench({ terms: [1, 1], term: 3 });
    for (const offset of OFFSETS) bench.receive(chunk(offset));
    bench.receive(
      append('b', 3, { prevIndex: 9, prevTerm: 2, entries: entriesOf([3], 10), commitIndex: 10 }),
    );
    bench.sync();
    expect(bench.committed.map(({ index }) => index)).toEqual([10]);
    expect(bench.takeOf('append-reply')).toMatchObject([{ matchIndex: 10 }]);
  });

  test('one that was interrupted by a new leader is not completed by the new one’s chunks', () => {
    const bench = new Bench({ term: 3 });
    bench.receive(chunk(0));
    const other = { from: 'c', term: 4 } as const;
    bench.receive(chunk(10, other));
    expect(bench.receive(chunk(20, other)).restore).toBeNull();
    bench.receive(chunk(0, other));
    bench.receive(chunk(10, other));
    expect(bench.receive(chunk(20, other)).restore?.state).toEqual(STATE);
  });
});
