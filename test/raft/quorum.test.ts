/** Majorities, simple and joint: Raft §5.3, §6. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigurationHistory, membersOf, votersOf } from '../../src/raft/configuration.ts';
import { quorumValue, tally } from '../../src/raft/quorum.ts';
import type { Configuration } from '../../src/raft/types.ts';
import { configuration } from './bench.ts';

const someVoters = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'));
const someConfiguration = fc
  .tuple(someVoters, someVoters)
  .map(([voters, outgoing]) => configuration(voters, outgoing));
const someValues = fc.array(fc.nat(5), { minLength: 7, maxLength: 7 });

const placeOf = (voter: string): number => voter.charCodeAt(0) - 'a'.charCodeAt(0);

/** By the definition: the largest value that a majority of each half has reached. */
function slowly(one: Configuration, reachedBy: (voter: string) => number): number {
  const reached = [5, 4, 3, 2, 1, 0].find((value) =>
    [one.voters, one.outgoing].every((half) => {
      const there = half.filter((voter) => reachedBy(voter) >= value).length;
      return half.length === 0 || 2 * there > half.length;
    }),
  );
  return one.voters.length + one.outgoing.length === 0 ? Number.POSITIVE_INFINITY : (reached ?? 0);
}

describe('quorumValue', () => {
  test('is what the definition says', () => {
    fc.assert(
      fc.property(someConfiguration, someValues, (one, values) => {
        const reachedBy = (voter: string): number => values[placeOf(voter)] ?? 0;
        expect(quorumValue(one, reachedBy)).toBe(slowly(one, reachedBy));
      }),
    );
  });

  test('does not care which half is which', () => {
    fc.assert(
      fc.property(someConfiguration, someValues, (one, values) => {
        const reachedBy = (voter: string): number => values[placeOf(voter)] ?? 0;
        const turned = configuration(one.outgoing, one.voters);
        expect(quorumValue(turned, reachedBy)).toBe(quorumValue(one, reachedBy));
      }),
    );
  });
});

describe('tally', () => {
  const votes = fc.array(fc.constantFrom(true, false, undefined), { minLength: 7, maxLength: 7 });

  test('is decided exactly when no open vote can change it', () => {
    fc.assert(
      fc.property(someConfiguration, votes, (one, cast) => {
        const at = (open: boolean) => (voter: string) => ((cast[placeOf(voter)] ?? open) ? 1 : 0);
        const withAll = quorumValue(one, at(true)) >= 1;
        const withNone = quorumValue(one, at(false)) >= 1;
        const expected = withNone ? 'won' : withAll ? 'pending' : 'lost';
        expect(tally(one, (voter) => cast[placeOf(voter)])).toBe(expected);
      }),
    );
  });

  /** Few random votes win; most of these do, or the property would run out of tries. */
  const manyVotes = fc.array(fc.constantFrom(true, true, true, true, false, undefined), {
    minLength: 7,
    maxLength: 7,
  });

  test('any two quorums of one configuration share a voter', () => {
    fc.assert(
      fc.property(someConfiguration, manyVotes, manyVotes, (one, first, second) => {
        fc.pre(one.voters.length > 0);
        const won = (cast: readonly (boolean | undefined)[]): boolean =>
          tally(one, (voter) => cast[placeOf(voter)]) === 'won';
        fc.pre(won(first) && won(second));
        const both = votersOf(one).filter(
          (voter) => first[placeOf(voter)] === true && second[placeOf(voter)] === true,
        );
        expect(both).not.toEqual([]);
      }),
    );
  });
});

test('half of the voters is no majority, of two as little as of four', () => {
  for (const voters of [
    ['a', 'b'],
    ['a', 'b', 'c', 'd'],
  ]) {
    const half = voters.slice(voters.length / 2);
    const one = configuration(voters);
    expect(tally(one, (voter) => half.includes(voter))).toBe('lost');
    expect(quorumValue(one, (voter) => (half.includes(voter) ? 7 : 3))).toBe(3);
  }
});

describe('a history of configurations', () => {
  const entry = (index: number, voters: readonly string[]) => ({
    index,
    term: 1,
    kind: 'configuration' as const,
    configuration: configuration(voters),
  });

  test('members are named once, whatever their roles', () => {
    const one = configuration(['a', 'b'], ['b', 'c'], ['c', 'd']);
    expect(votersOf(one)).toEqual(['a', 'b', 'c']);
    expect(membersOf(one)).toEqual(['a', 'b', 'c', 'd']);
  });

  test('truncation brings the predecessor back, compaction keeps what is in force', () => {
    const history = new ConfigurationHistory(0, configuration(['a']));
    for (const [index, voters] of [
      [3, ['b']],
      [5, ['c']],
      [7, ['d']],
    ] as const) {
      history.appended(entry(index, voters));
    }
    expect(history.at(4).voters).toEqual(['b']);
    history.truncated(7);
    expect(history.inForce.voters).toEqual(['c']);
    history.compacted(6);
    expect([history.inForce.voters, history.at(6).voters, history.index]).toEqual([
      ['c'],
      ['c'],
      5,
    ]);
    history.appended(entry(8, ['e']));
    history.replaced(9, configuration(['f']));
    expect(history.inForce.voters).toEqual(['f']);
  });
});
