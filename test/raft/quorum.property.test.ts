/** Majorities against their definition, and the one property that everything rests on: they meet. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quorumValue, tally } from '../../src/raft/quorum.ts';
import type { Configuration } from '../../src/raft/types.ts';
import { configuration } from './bench.ts';
import { disjointQuorum, isQuorum, pathTo, subsetsOf } from './majorities.ts';
import { runs } from './property-runs.ts';

const NODES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const;
const someNodes = fc.uniqueArray(fc.constantFrom(...NODES));
const simple = fc
  .uniqueArray(fc.constantFrom(...NODES), { minLength: 1 })
  .map((voters) => configuration(voters));
const either = fc
  .tuple(someNodes, someNodes)
  .map(([voters, outgoing]) => configuration(voters, outgoing));
const byNode = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<ReadonlyMap<string, T>> =>
  fc
    .tuple(...NODES.map(() => value))
    .map((values) => new Map(NODES.map((node, i) => [node, values[i] as T])));
const values = byNode(fc.nat(9));
const votes = byNode(fc.constantFrom(true, false, undefined));

const RANK = { lost: 0, pending: 1, won: 2 } as const;
const indexOf =
  (map: ReadonlyMap<string, number>) =>
  (node: string): number =>
    map.get(node) ?? 0;
const voteOf =
  (map: ReadonlyMap<string, boolean | undefined>) =>
  (node: string): boolean | undefined =>
    map.get(node);
const halves = ({ voters, outgoing }: Configuration): readonly [Configuration, Configuration] => [
  configuration(voters),
  configuration(outgoing),
];

describe('quorumValue', () => {
  test('is the largest value that all of some quorum have reached', () => {
    fc.assert(
      fc.property(either, values, (one, reached) => {
        const quorums = subsetsOf(NODES).filter((set) => isQuorum(one, set));
        const voters = [...one.voters, ...one.outgoing];
        const least = quorums.map((set) =>
          Math.min(...set.filter((node) => voters.includes(node)).map(indexOf(reached))),
        );
        expect(quorumValue(one, indexOf(reached))).toBe(Math.max(...least));
      }),
      runs(300),
    );
  });

  test('of a joint configuration is the smaller one of its halves', () => {
    fc.assert(
      fc.property(either, values, (one, reached) => {
        const [incoming, outgoing] = halves(one).map((half) => quorumValue(half, indexOf(reached)));
        expect(quorumValue(one, indexOf(reached))).toBe(Math.min(incoming ?? 0, outgoing ?? 0));
      }),
      runs(1000),
    );
  });

  test('never sinks when a voter gets further', () => {
    fc.assert(
      fc.property(either, values, fc.constantFrom(...NODES), fc.nat(9), (one, was, node, more) => {
        const is = new Map([...was, [node, indexOf(was)(node) + more]]);
        expect(quorumValue(one, indexOf(is))).toBeGreaterThanOrEqual(
          quorumValue(one, indexOf(was)),
        );
      }),
      runs(1000),
    );
  });
});

describe('tally', () => {
  test('is won when some quorum granted, lost when none can any more', () => {
    fc.assert(
      fc.property(either, votes, (one, cast) => {
        const of = (...these: (boolean | undefined)[]): readonly string[] =>
          NODES.filter((node) => these.includes(cast.get(node)));
        const granted = isQuorum(one, of(true));
        const possible = isQuorum(one, of(true, undefined));
        expect(tally(one, voteOf(cast))).toBe(granted ? 'won' : possible ? 'pending' : 'lost');
      }),
      runs(1000),
    );
  });

  test('of a joint configuration is the worse one of its halves', () => {
    fc.assert(
      fc.property(either, votes, (one, cast) => {
        const worst = halves(one)
          .map((half) => tally(half, voteOf(cast)))
          .reduce((a, b) => (RANK[a] < RANK[b] ? a : b));
        expect(tally(one, voteOf(cast))).toBe(worst);
      }),
      runs(1000),
    );
  });

  test('once decided stays decided, whatever the others answer', () => {
    fc.assert(
      fc.property(either, votes, votes, (one, cast, later) => {
        const before = tally(one, voteOf(cast));
        fc.pre(before !== 'pending');
        const more = new Map(NODES.map((node) => [node, cast.get(node) ?? later.get(node)]));
        expect(tally(one, voteOf(more))).toBe(before);
      }),
      runs(500),
    );
  });

  test('and quorumValue are two sides of one thing', () => {
    fc.assert(
      fc.property(either, values, fc.nat(10), (one, reached, index) => {
        const holds = tally(one, (node) => indexOf(reached)(node) >= index) === 'won';
        expect(quorumValue(one, indexOf(reached)) >= index).toBe(holds);
      }),
      runs(1000),
    );
  });
});

describe('quorums meet', () => {
  test('any two of one configuration, simple or joint', () => {
    fc.assert(
      fc.property(either, (one) => {
        fc.pre(one.voters.length > 0);
        expect(disjointQuorum(one, one)).toBeNull();
      }),
      runs(300),
    );
  });

  test('of configurations that follow each other on the way of a change', () => {
    fc.assert(
      fc.property(simple, someNodes, (from, voters) => {
        const path = pathTo(from, { voters, learners: [] });
        fc.pre(path !== null);
        for (const [i, next] of (path ?? []).slice(1).entries()) {
          expect(disjointQuorum(path?.[i] ?? from, next)).toBeNull();
        }
      }),
      runs(300),
    );
  });

  test('control: without the joint one between them they need not', () => {
    const [from, to] = [configuration(['a', 'b', 'c']), configuration(['a', 'd', 'e'])];
    expect(disjointQuorum(from, to)).toEqual(['a', 'b']);
  });
});
