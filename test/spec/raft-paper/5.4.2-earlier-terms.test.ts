/**
 * Raft §5.4.2: an entry of an earlier term is never committed by counting. Figure 8 shows why; it is
 * played here server by server. A leader's no-op (§8) is the entry that each term begins with.
 */
import { describe, expect, test } from 'vitest';
import { configuration } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import { leaderOf, voters } from './parts.ts';

describe('Raft §5.4.2: only entries of the present term are committed by counting', () => {
  /** Log of a leader for term 3 whose no-op comes third; how far a majority holds it. */
  test.each([
    [1, 0],
    [2, 0],
    [3, 3],
  ])(
    'a majority holds the log [1, 2, 3] up to %i: committed up to %i',
    (matchIndex, commitIndex) => {
      const bench = leaderOf([1, 2]);
      bench.ack('b', matchIndex);
      expect(bench.status.commitIndex).toBe(commitIndex);
    },
  );

  test('not even when every server holds it', () => {
    const bench = leaderOf([1, 2], { configuration: configuration(voters(5)) });
    for (const from of ['b', 'c', 'd', 'e']) bench.ack(from, 2);
    expect(bench.status.commitIndex).toBe(0);
    expect(bench.committed).toEqual([]);
  });

  test('an entry of its own commits everything before it, at once and in order', () => {
    const bench = leaderOf([1, 1, 2, 4], { term: 6 });
    bench.ack('b', 4);
    expect(bench.committed).toEqual([]);
    bench.ack('c', 5);
    expect(bench.committed.map(({ term }) => term)).toEqual([1, 1, 2, 4, 7]);
  });

  test('an entry of its own that only a minority holds commits nothing', () => {
    const bench = leaderOf([1, 2], { configuration: configuration(voters(5)) });
    for (const from of ['b', 'c', 'd', 'e']) bench.ack(from, 2);
    bench.ack('b', 3);
    expect(bench.status.commitIndex).toBe(0);
    bench.ack('e', 3);
    expect(bench.status.commitIndex).toBe(3);
  });
});

/** S1 to S5 are a to e. One entry travels in one message, so that the network can part them. */
function figure8(): Arrangement {
  const five = new Arrangement({
    voters: voters(5),
    logs: Object.fromEntries(voters(5).map((id) => [id, [1]])),
    raft: { maxAppendBytes: 1 },
  });
  // (a) S1 leads term 2 and brings its entry to S2 only.
  five.lose = ({ from, to, kind }) => kind === 'append' && from === 'a' && to !== 'b';
  five.elect('a');
  expect(five.ids.map((id) => five.log(id))).toEqual([[1, 2], [1, 2], [1], [1], [1]]);
  // (b) S1 crashes; S5 wins term 3 with S3, S4 and itself, and takes another entry.
  five.crash('a');
  five.lose = ({ from, kind }) => kind === 'append' && from === 'e';
  five.elect('e');
  expect(five.log('e')).toEqual([1, 3]);
  // (c) S5 crashes; S1 is back, leads term 4 and goes on with the entry of term 2, to S3 as well.
  five.crash('e');
  five.start('a');
  five.lose = (message) =>
    message.kind === 'append' && message.entries.some(({ term }) => term === 4);
  // It knows of term 2 only: the first attempt tells it of term 3.
  five.campaign('a');
  five.elect('a');
  for (let i = 0; i < 4; i += 1) five.heartbeat('a');
  return five;
}

describe('Raft §5.4.2, figure 8: an old entry on a majority', () => {
  test('(c) is not committed by that, however often it is acknowledged', () => {
    const five = figure8();
    expect(five.status('a').term).toBe(4);
    expect(five.ids.filter((id) => five.isUp(id) && five.log(id)[1] === 2)).toEqual([
      'a',
      'b',
      'c',
      'd',
    ]);
    expect(five.ids.slice(0, 4).map((id) => five.status(id).commitIndex)).toEqual([0, 0, 0, 0]);
  });

  test('(d) may be overwritten by a leader that has a later one', () => {
    const five = figure8();
    five.crash('a');
    five.mend();
    five.start('e');
    // S5 knows of term 3 only: the first attempt tells it of term 4.
    five.campaign('e');
    five.elect('e');
    expect(['b', 'c', 'd', 'e'].map((id) => five.log(id))).toEqual(Array(4).fill([1, 3, 5]));
    five.start('a');
    five.heartbeat('e');
    five.heartbeat('e');
    expect(five.log('a')).toEqual([1, 3, 5]);
    expect(five.applied('a')).toEqual(five.applied('e'));
  });

  test('(e) is committed once an entry of the leader’s own term is on a majority, and then stays', () => {
    const five = figure8();
    five.lose = ({ from, to }) => from === 'a' && to === 'd';
    for (let i = 0; i < 3; i += 1) five.heartbeat('a');
    expect(five.log('c')).toEqual([1, 2, 4]);
    expect(five.status('a').commitIndex).toBe(3);
    five.crash('a');
    five.mend();
    five.start('e');
    five.campaign('e');
    five.campaign('e');
    expect(five.leaders()).toEqual([]);
    five.elect('b');
    expect(five.log('e')).toEqual([1, 2, 4, 5]);
  });
});
