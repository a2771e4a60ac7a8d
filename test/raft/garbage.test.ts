/**
 * Messages of any values: whatever a broken memory or a stranger sends, a core neither crashes nor
 * breaks an invariant of its own.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Entry, RaftEvent, RaftMessage } from '../../src/raft/types.ts';
import { Bench, configuration, entriesOf } from './bench.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd', 'stranger');
const number = fc.oneof(
  { weight: 8, arbitrary: fc.nat(8) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 31, 2 ** 53 - 1, 2 ** 53, 1e300) },
);
const voters = fc.uniqueArray(name, { maxLength: 4 });
const someConfiguration = fc
  .tuple(voters, voters, voters)
  .map(([one, two, three]) => configuration(one, two, three));
const bytes = fc.uint8Array({ maxLength: 12 });
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ kind: fc.constant('no-op' as const), index: number, term: number }),
  fc.record({ kind: fc.constant('command' as const), index: number, term: number, data: bytes }),
  fc.record({
    kind: fc.constant('configuration' as const),
    index: number,
    term: number,
    configuration: someConfiguration,
  }),
);
/** Half of the appends at least hold together, or nothing would get past the first check. */
const entries = fc.oneof(
  fc.array(entry, { maxLength: 3 }),
  fc.tuple(fc.nat(6), fc.array(fc.nat(4), { maxLength: 4 })).map(([from, terms]) =>
    entriesOf(
      [...terms].sort((a, b) => a - b),
      from + 1,
    ),
  ),
);
const envelope = { from: name, to: fc.constant('a'), term: number };
const message: fc.Arbitrary<RaftMessage> = fc.oneof(
  fc.record({
    ...envelope,
    kind: fc.constantFrom('pre-vote' as const, 'vote' as const),
    lastIndex: number,
    lastTerm: number,
    transfer: fc.boolean(),
  }),
  fc.record({
    ...envelope,
    kind: fc.constantFrom('pre-vote-reply' as const, 'vote-reply' as const),
    granted: fc.boolean(),
    quietMs: fc.oneof(number, fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1)),
  }),
  fc.record({
    ...envelope,
    kind: fc.constant('append' as const),
    prevIndex: number,
    prevTerm: number,
    entries,
    commitIndex: number,
    readId: number,
  }),
  fc.record({
    ...envelope,
    kind: fc.constant('append-reply' as const),
    matchIndex: number,
    conflict: fc.option(fc.record({ index: number, term: number })),
    readId: number,
  }),
  fc.record({
    ...envelope,
    kind: fc.constant('snapshot' as const),
    meta: fc.record({ index: number, term: number, configuration: someConfiguration }),
    offset: number,
    last: fc.boolean(),
    chunk: bytes,
    readId: number,
  }),
  fc.record({
    ...envelope,
    kind: fc.constant('snapshot-reply' as const),
    index: number,
    offset: number,
    done: fc.boolean(),
    readId: number,
  }),
  fc.record({
    ...envelope,
    kind: fc.constantFrom('timeout-now' as const, 'transfer-refused' as const),
  }),
);

type Act =
  | { readonly kind: 'event'; readonly event: RaftEvent }
  | { readonly kind: 'elapse'; readonly ms: number }
  | { readonly kind: 'sync' };

const event: fc.Arbitrary<RaftEvent> = fc.oneof(
  { weight: 10, arbitrary: message.map((one) => ({ kind: 'message' as const, message: one })) },
  fc.constant({ kind: 'deadline' as const }),
  fc.record({ kind: fc.constant('propose' as const), proposalId: number, data: bytes }),
  fc.record({ kind: fc.constant('read' as const), readId: number }),
  fc.record({ kind: fc.constant('transfer' as const), to: name, timeoutMs: number }),
  fc.record({ kind: fc.constant('applied' as const), index: number }),
  fc.constant({ kind: 'forget-leader' as const }),
  fc.constant({ kind: 'disk-stalled' as const, sinceMs: 0 }),
);
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: event.map((one) => ({ kind: 'event' as const, event: one })) },
  fc.record({ kind: fc.constant('elapse' as const), ms: fc.nat(400) }),
  fc.constant({ kind: 'sync' as const }),
);

/** The bench throws when an invariant of the node breaks. */
function endure(bench: Bench, acts: readonly Act[]): void {
  for (const one of acts) {
    if (one.kind === 'event') bench.step(one.event);
    else if (one.kind === 'elapse') bench.elapse(one.ms);
    else bench.sync();
  }
  expect(bench.committed.map(({ index }) => index)).toEqual(
    [...bench.committed.keys()].map((i) => i + (bench.committed[0]?.index ?? 0)),
  );
}

describe('any messages, in any order', () => {
  const acts = fc.array(act, { maxLength: 60 });
  const runs = { numRuns: 400 };

  test('to a follower with a log', () => {
    fc.assert(
      fc.property(acts, (all) => endure(new Bench({ terms: [1, 1, 2], commitIndex: 1 }), all)),
      runs,
    );
  });

  test('to a leader', () => {
    const elected = (): Bench => {
      const bench = new Bench({ terms: [1, 1, 2] });
      bench.lead();
      return bench;
    };
    fc.assert(
      fc.property(acts, (all) => endure(elected(), all)),
      runs,
    );
  });
});

test('a message for another node, or from ourselves, is not read', () => {
  const bench = new Bench();
  const before = bench.status;
  const vote = { kind: 'vote', term: 5, lastIndex: 0, lastTerm: 0, transfer: false } as const;
  bench.step({ kind: 'message', message: { ...vote, from: 'b', to: 'c' } });
  bench.step({ kind: 'message', message: { ...vote, from: 'a', to: 'a' } });
  expect(bench.status).toEqual(before);
});
