/**
 * Raft §5.4.1: whoever lacks a committed entry cannot win. The later last term wins; with equal terms
 * the longer log. A pre-vote makes the same comparison as a vote.
 */
import { describe, expect, test } from 'vitest';
import { Bench, command, configuration } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import { preVoteRequest, voteRequest, voters } from './parts.ts';

/** The voter's log; the candidate's last term and index; whether it is at least as up to date. */
const ROWS: readonly (readonly [readonly number[], number, number, boolean])[] = [
  [[], 0, 0, true],
  [[], 1, 1, true],
  [[1], 0, 0, false],
  // The same last term.
  [[1], 1, 1, true],
  [[1], 1, 2, true],
  [[1, 1], 1, 1, false],
  [[1, 1], 1, 2, true],
  [[1, 1, 1], 1, 2, false],
  // The candidate's last term is later.
  [[1], 2, 1, true],
  [[1], 2, 2, true],
  [[1, 1], 2, 1, true],
  [[1, 1, 1, 1], 2, 1, true],
  // The voter's is.
  [[2], 1, 1, false],
  [[2], 1, 2, false],
  [[2, 2], 1, 1, false],
  [[1, 2], 1, 9, false],
  [[1, 1, 3], 2, 3, false],
];

describe('Raft §5.4.1: which log is more up to date', () => {
  test.each(ROWS)(
    'log %j, asked by one that ends in term %i at index %i: %s',
    (terms, lastTerm, lastIndex, granted) => {
      const bench = new Bench({ terms });
      bench.receive(voteRequest({ from: 'b', term: 4, lastIndex, lastTerm }));
      bench.sync();
      expect(bench.takeOf('vote-reply')).toMatchObject([{ term: 4, granted }]);
      expect(bench.status).toMatchObject({ term: 4, votedFor: granted ? 'b' : null });
    },
  );

  test.each(ROWS)(
    'log %j, asked beforehand: %i at %i: %s',
    (terms, lastTerm, lastIndex, granted) => {
      const bench = new Bench({ terms });
      const { term } = bench.status;
      bench.receive(preVoteRequest({ from: 'b', term: 4, lastIndex, lastTerm }));
      expect(bench.takeOf('pre-vote-reply')).toMatchObject([{ term: granted ? 4 : term, granted }]);
      expect(bench.status).toMatchObject({ term, votedFor: null });
    },
  );

  test('a transfer by the leader does not dispense from it', () => {
    const bench = new Bench({ terms: [1, 1] });
    bench.receive(voteRequest({ from: 'b', term: 4, lastIndex: 1, lastTerm: 1, transfer: true }));
    bench.sync();
    expect(bench.takeOf('vote-reply')).toMatchObject([{ granted: false }]);
  });

  test('entries that are in memory and not yet durable count for the voter', () => {
    const bench = new Bench({ terms: [1] });
    bench.appendFrom('b', 1, { prevIndex: 1, prevTerm: 1, entries: [command(2, 1)] });
    bench.elapse(1000);
    bench.receive(voteRequest({ from: 'c', term: 2, lastIndex: 1, lastTerm: 1 }));
    bench.sync();
    expect(bench.takeOf('vote-reply')).toMatchObject([{ granted: false }]);
  });
});

describe('Raft §5.4.1: what a request says', () => {
  const snapshot = {
    meta: { index: 5, term: 2, configuration: configuration() },
    state: Uint8Array.of(1),
  };
  test.each([
    ['an empty log', {}, 0, 0],
    ['one entry', { terms: [1] }, 1, 1],
    ['entries of two terms', { terms: [1, 1, 2] }, 3, 2],
    ['a snapshot alone', { snapshot }, 5, 2],
    ['a snapshot and entries', { snapshot, terms: [2, 3] }, 7, 3],
  ])('index and term of the last entry, from %s', (_, options, lastIndex, lastTerm) => {
    const bench = new Bench(options);
    bench.becomeCandidate();
    bench.sync();
    const sent = bench.takeSent().filter(({ kind }) => kind === 'vote' || kind === 'pre-vote');
    expect(sent).toHaveLength(4);
    for (const message of sent) expect(message).toMatchObject({ lastIndex, lastTerm });
  });
});

describe('Raft §5.4.1: the winner holds every committed entry', () => {
  /** Every choice of two followers, of four, that stored the entry together with the leader. */
  const others = ['b', 'c', 'd', 'e'];
  const pairs = others.flatMap((x, i) => others.slice(i + 1).map((y) => [x, y] as const));

  test.each(pairs)('committed with %s and %s: they can win, and nobody else', (x, y) => {
    for (const candidate of others) {
      const five = new Arrangement({ voters: voters(5) });
      five.elect('a');
      five.lose = ({ to }) => to !== 'a' && to !== x && to !== y;
      five.propose('a');
      expect(five.status('a').commitIndex).toBe(2);
      five.crash('a');
      five.mend();
      five.campaign(candidate);
      const wins = candidate === x || candidate === y;
      expect(five.leaders()).toEqual(wins ? [candidate] : []);
      if (wins) expect(five.applied(candidate)).toHaveLength(3);
    }
  });
});
