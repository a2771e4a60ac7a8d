/** Which configuration is in force, against a model that remembers the whole log; ways of change. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { settled, towards } from '../../src/raft/change.ts';
import { ConfigurationHistory, membersOf } from '../../src/raft/configuration.ts';
import type { ChangeTarget, Configuration, Entry } from '../../src/raft/types.ts';
import { command, configuration } from './bench.ts';
import { disjointQuorum, pathTo } from './majorities.ts';
import { runs } from './property-runs.ts';

const NODES = ['a', 'b', 'c', 'd', 'e'] as const;
const someNodes = (minLength: number): fc.Arbitrary<readonly string[]> =>
  fc.uniqueArray(fc.constantFrom(...NODES), { minLength });
const simple: fc.Arbitrary<Configuration> = fc
  .tuple(someNodes(1), someNodes(0))
  .map(([voters, rest]) =>
    configuration(
      voters,
      [],
      rest.filter((node) => !voters.includes(node)),
    ),
  );
const any: fc.Arbitrary<Configuration> = fc
  .tuple(simple, someNodes(0))
  .map(([one, outgoing]) => ({ ...one, outgoing }));

type Operation =
  | { readonly kind: 'append'; readonly configuration: Configuration | null }
  /** Places are counted modulo what is there. */
  | { readonly kind: 'truncate' | 'compact'; readonly place: number }
  | { readonly kind: 'replace'; readonly ahead: number; readonly configuration: Configuration };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant('append' as const), configuration: fc.option(any) }),
  fc.record({ kind: fc.constantFrom('truncate' as const, 'compact' as const), place: fc.nat(99) }),
  fc.record({ kind: fc.constant('replace' as const), ahead: fc.nat(5), configuration: any }),
);

/** The whole log as a list, with the place where it begins. */
class Naive {
  baseIndex = 0;
  base: Configuration;
  /** The entry, or the snapshot of a leader, that the base came with. */
  baseCameAt = 0;
  later: (Configuration | null)[] = [];

  constructor(base: Configuration) {
    this.base = base;
  }

  get lastIndex(): number {
    return this.baseIndex + this.later.length;
  }

  at(index: number): Configuration {
    const upTo = this.later.slice(0, index - this.baseIndex);
    return upTo.findLast((one) => one !== null) ?? this.base;
  }

  /** Where the configuration in force up to `index` came from. */
  cameAt(index: number): number {
    const upTo = this.later.slice(0, index - this.baseIndex);
    const last = upTo.findLastIndex((one) => one !== null);
    return last < 0 ? this.baseCameAt : this.baseIndex + 1 + last;
  }
}

function perform(one: Operation, history: ConfigurationHistory, model: Naive): void {
  const held = model.later.length;
  switch (one.kind) {
    case 'append': {
      const index = model.lastIndex + 1;
      const change = (of: Configuration): Entry => {
        return { index, term: 1, kind: 'configuration', configuration: of };
      };
      history.appended(one.configuration === null ? command(index, 1) : change(one.configuration));
      model.later.push(one.configuration);
      return;
    }
    case 'truncate': {
      const kept = one.place % (held + 1);
      history.truncated(model.baseIndex + kept + 1);
      model.later.length = kept;
      return;
    }
    case 'compact': {
      const gone = one.place % (held + 1);
      history.compacted(model.baseIndex + gone);
      model.baseCameAt = model.cameAt(model.baseIndex + gone);
      model.base = model.at(model.baseIndex + gone);
      model.baseIndex += gone;
      model.later.splice(0, gone);
      return;
    }
    default:
      model.baseIndex = model.lastIndex + one.ahead;
      model.baseCameAt = model.baseIndex;
      history.replaced(model.baseIndex, one.configuration);
      model.base = one.configuration;
      model.later = [];
  }
}

describe('the configuration in force', () => {
  test('is the last one of the log, whatever was appended, truncated, compacted or replaced', () => {
    fc.assert(
      fc.property(simple, fc.array(operation, { maxLength: 60 }), (first, operations) => {
        const history = new ConfigurationHistory(0, first);
        const model = new Naive(first);
        for (const one of operations) {
          perform(one, history, model);
          expect(history.inForce).toEqual(model.at(model.lastIndex));
          expect(history.index).toBe(model.cameAt(model.lastIndex));
          for (let index = model.baseIndex; index <= model.lastIndex; index += 1) {
            expect(history.at(index)).toEqual(model.at(index));
          }
        }
      }),
      runs(200),
    );
  });

  test('control: a model that keeps what was truncated is told from it', () => {
    const forgetful = (operations: readonly Operation[]): boolean => {
      const history = new ConfigurationHistory(0, configuration(['a']));
      const model = new Naive(configuration(['a']));
      const truncated = history.truncated.bind(history);
      history.truncated = (index) => truncated(index + 1);
      for (const one of operations) perform(one, history, model);
      return JSON.stringify(history.inForce) === JSON.stringify(model.at(model.lastIndex));
    };
    const found = fc.check(
      fc.property(fc.array(operation, { maxLength: 60 }), forgetful),
      runs(1000),
    );
    expect(found.failed).toBe(true);
    // Three operations suffice; shrinking ends where no single step leads further.
    expect(found.counterexample?.[0].length).toBeLessThanOrEqual(5);
  });
});

const someTarget: fc.Arbitrary<ChangeTarget> = simple.map(({ voters, learners }) => ({
  voters,
  learners,
}));

describe('a change', () => {
  const same = (a: readonly string[], b: readonly string[]): boolean =>
    [...a].sort().join() === [...b].sort().join();

  test('is refused exactly when nothing would change or not one voter would stay', () => {
    fc.assert(
      fc.property(simple, someTarget, (from, target) => {
        const nothing = same(from.voters, target.voters) && same(from.learners, target.learners);
        const nobody = !target.voters.some((node) => from.voters.includes(node));
        expect(towards(from, target).ok).toBe(!nothing && !nobody);
      }),
      runs(1000),
    );
  });

  test('ends in its target, keeps everybody who is to stay, and its quorums meet all the way', () => {
    fc.assert(
      fc.property(simple, someTarget, (from, target) => {
        const path = pathTo(from, target);
        fc.pre(path !== null);
        const steps = path ?? [];
        expect(steps.at(-1)).toEqual({ ...target, outgoing: [] });
        const stay = membersOf(from).filter((node) =>
          membersOf({ ...target, outgoing: [] }).includes(node),
        );
        for (const [i, next] of steps.slice(1).entries()) {
          expect(disjointQuorum(steps[i] ?? from, next)).toBeNull();
          expect(membersOf(next)).toEqual(expect.arrayContaining(stay));
        }
      }),
      runs(500),
    );
  });

  test('and another one lead from anywhere to anywhere', () => {
    fc.assert(
      fc.property(simple, someTarget, (from, target) => {
        // Where nobody stays, one of the old voters comes along for the first half of the way.
        const voters = [...new Set([...target.voters, ...from.voters.slice(0, 1)])];
        const learners = target.learners.filter((node) => !voters.includes(node));
        let now = from;
        for (const step of [{ voters, learners }, target]) now = pathTo(now, step)?.at(-1) ?? now;
        expect([now.voters, now.learners].map((nodes) => [...nodes].sort())).toEqual(
          [target.voters, target.learners].map((nodes) => [...nodes].sort()),
        );
      }),
      runs(1000),
    );
  });

  test('never leaves a configuration behind that lists a node twice, or nobody who votes', () => {
    fc.assert(
      fc.property(simple, someNodes(0), someNodes(0), (from, voters, learners) => {
        const first = towards(from, { voters, learners });
        fc.pre(first.ok);
        const final = settled(first.ok ? first.value : from);
        expect(final.voters.length).toBeGreaterThan(0);
        expect(membersOf(final)).toHaveLength(final.voters.length + final.learners.length);
      }),
      runs(1000),
    );
  });
});
