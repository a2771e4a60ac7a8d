/**
 * Raft §5.3, figure 7: the six ways in which a follower's log can differ from a new leader's, and
 * what becomes of each.
 */
import { describe, expect, test } from 'vitest';
import { Arrangement } from './arrangement.ts';
import { voters } from './parts.ts';

/** The log of the leader for term 8, and those of the followers (a) to (f). */
const LEADER = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
const FIGURE: readonly (readonly [string, readonly number[], boolean])[] = [
  ['(a) lacks one entry', [1, 1, 1, 4, 4, 5, 5, 6, 6], true],
  ['(b) lacks many', [1, 1, 1, 4], true],
  ['(c) has one too many', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6], false],
  [
    '(d) has entries of a term that the leader never saw',
    [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    false,
  ],
  ['(e) lacks some and has others', [1, 1, 1, 4, 4, 4, 4], true],
  ['(f) led twice and committed nothing', [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], true],
];

describe('Raft §5.3, figure 7: inconsistent logs', () => {
  test.each(FIGURE)('%s: its log becomes the leader’s', (_, terms) => {
    const three = new Arrangement({
      voters: voters(3),
      logs: { a: LEADER, b: terms },
      terms: { a: 7, b: 7, c: 7 },
    });
    three.elect('a');
    three.propose('a');
    expect(three.log('b')).toEqual([...LEADER, 8, 8]);
    expect(three.applied('b')).toEqual(three.applied('a'));
  });

  const all = new Map(FIGURE.map(([, terms], i) => [voters(7)[i + 1] ?? '', terms]));
  const seven = (): Arrangement =>
    new Arrangement({
      voters: voters(7),
      logs: { a: LEADER, ...Object.fromEntries(all) },
      terms: Object.fromEntries(voters(7).map((id) => [id, 7])),
    });

  test('the leader wins with the votes of (a), (b), (e) and (f); (c) and (d) refuse', () => {
    const cluster = seven();
    cluster.elect('a');
    const granted = cluster.sent.flatMap((message) =>
      message.kind === 'vote-reply' && message.granted ? [message.from] : [],
    );
    const expected = FIGURE.flatMap(([, , grants], i) => (grants ? [voters(7)[i + 1]] : []));
    expect(granted).toEqual(expected);
  });

  test('all seven logs become equal, and no committed entry is lost', () => {
    const cluster = seven();
    cluster.elect('a');
    cluster.propose('a');
    for (const id of cluster.ids) {
      expect(cluster.log(id)).toEqual([...LEADER, 8, 8]);
      expect(cluster.status(id).commitIndex).toBe(12);
    }
  });

  test.each([
    ['b', true],
    ['c', false],
    ['d', true],
    ['e', true],
    ['f', false],
    ['g', false],
  ])('%s, if it campaigned instead, is judged by the logs of the others: %s', (id, wins) => {
    const cluster = seven();
    cluster.campaign(id);
    expect(cluster.leaders()).toEqual(wins ? [id] : []);
  });
});
