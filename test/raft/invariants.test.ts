/** Negative controls: each invariant reports the violation that it is there for. */
import { expect, test } from 'vitest';
import type { RaftCore } from '../../src/raft/core.ts';
import { ClusterChecker, checkStep } from '../../src/raft/invariants.ts';
import type { RaftStatus, Ready } from '../../src/raft/types.ts';
import { Bench, command, configuration } from './bench.ts';

const status = (parts: Partial<RaftStatus>): RaftStatus => ({
  ...new Bench({ terms: [1, 1, 2], term: 4, commitIndex: 2 }).status,
  ...parts,
});

for (const [invariant, before] of [
  ['Monotonic', { term: 5 }],
  ['Monotonic', { commitIndex: 3 }],
  ['Monotonic', { appliedIndex: 1 }],
  ['OneVotePerTerm', { votedFor: 'c' }],
  ['ElectionSafety', { leader: 'c' }],
] as const) {
  test(`${invariant} is broken by what was ${JSON.stringify(before)} before`, () => {
    const bench = new Bench({ terms: [1, 1, 2], term: 4, votedFor: 'b', commitIndex: 2 });
    bench.appendFrom('b', 4, { prevIndex: 3, prevTerm: 2 });
    expect(checkStep(bench.status, bench.core)).toEqual([]);
    const found = checkStep({ ...bench.status, ...before }, bench.core);
    expect(found.map((one) => one.invariant)).toEqual([invariant]);
  });
}

test('LeaderAppendOnly is broken by a leader whose log shrank', () => {
  const bench = new Bench();
  bench.lead();
  const found = checkStep({ ...bench.status, lastIndex: 9 }, bench.core);
  expect(found.map(({ invariant }) => invariant)).toEqual(['LeaderAppendOnly']);
});

test('Order is broken by what is applied before it is committed', () => {
  const after = status({ appliedIndex: 3 });
  // A hand-made core: the real one cannot be brought there.
  const core = { status: () => after } as unknown as RaftCore;
  expect(checkStep(after, core).map(({ invariant }) => invariant)).toEqual(['Order']);
});

const abc = configuration();
const joint = configuration(['a', 'b', 'd'], ['a', 'b', 'c']);
for (const [story, before, after, places] of [
  ['voters change in one step', abc, configuration(['a', 'b', 'd']), {}],
  ['the joint one leaves out an old voter', abc, configuration(['a', 'd'], ['a', 'b']), {}],
  ['the final one is not what the joint one led to', joint, configuration(['a', 'b']), {}],
  ['a joint one follows a joint one', joint, configuration(['a'], ['a', 'b', 'd']), {}],
  ['the one before is not committed', abc, joint, { configurationIndex: 4 }],
  ['nothing of the term is committed', abc, joint, { term: 3 }],
] as const) {
  test(`LawfulChange is broken when ${story}`, () => {
    const led = { role: 'leader', leader: 'a', term: 2, commitIndex: 3, lastIndex: 5 } as const;
    const now = status({ ...led, configurationIndex: 5, configuration: after, ...termOf(places) });
    const core = { status: () => now, termAt: () => 2 } as unknown as RaftCore;
    const was = status({ ...led, configurationIndex: 1, configuration: before, ...places });
    expect(checkStep(was, core).map(({ invariant }) => invariant)).toEqual(['LawfulChange']);
  });
}

function termOf(places: Partial<RaftStatus>): Partial<RaftStatus> {
  return places.term === undefined ? {} : { term: places.term };
}

const ready = (parts: Partial<Ready>): Ready => ({
  sendNow: [],
  persist: null,
  sendAfterPersist: [],
  restore: null,
  committed: [],
  reads: [],
  readsRejected: [],
  rejected: [],
  accepted: [],
  transferEnded: null,
  role: 'follower',
  leader: null,
  term: 2,
  commitIndex: 0,
  horizonMs: null,
  nextDeadlineMs: 0,
  ...parts,
});
const coreOf = (terms: readonly number[]): RaftCore => new Bench({ terms }).core;
const names = (found: readonly { readonly invariant: string }[]): readonly string[] =>
  found.map(({ invariant }) => invariant);

test('ElectionSafety: two leaders of one term', () => {
  const checker = new ClusterChecker();
  const lead = ready({ role: 'leader' });
  expect(names(checker.observe('a', coreOf([1]), lead))).toEqual([]);
  expect(names(checker.observe('b', coreOf([1]), lead))).toEqual(['ElectionSafety']);
});

test('LogMatching: one place and term, two contents, or two predecessors', () => {
  const checker = new ClusterChecker();
  const holding = (text: string): Ready =>
    ready({
      persist: { mark: 1, hardState: null, entries: [command(3, 2, text)], snapshot: null },
    });
  expect(names(checker.observe('a', coreOf([1, 1, 2]), holding('x')))).toEqual([]);
  expect(names(checker.observe('b', coreOf([1, 1, 2]), holding('x')))).toEqual([]);
  expect(names(checker.observe('b', coreOf([1, 1, 2]), holding('y')))).toEqual(['LogMatching']);
  expect(names(checker.observe('b', coreOf([1, 2, 2]), holding('x')))).toEqual(['LogMatching']);
});

test('StateMachineSafety: two entries applied at one place', () => {
  const checker = new ClusterChecker();
  const core = coreOf([1]);
  expect(names(checker.observe('a', core, ready({ committed: [command(1, 1)] })))).toEqual([]);
  expect(names(checker.observe('b', core, ready({ committed: [command(1, 2)] })))).toEqual([
    'StateMachineSafety',
  ]);
});

test('LeaderCompleteness: a leader without an entry that was committed in an earlier term', () => {
  const checker = new ClusterChecker();
  checker.observe(
    'a',
    coreOf([1, 1]),
    ready({ term: 1, committed: [command(1, 1), command(2, 1)] }),
  );
  const elected = ready({ role: 'leader', term: 2, horizonMs: 0 });
  expect(names(checker.observe('b', coreOf([1]), elected))).toEqual(['LeaderCompleteness']);
  const late = ready({ role: 'leader', term: 1, horizonMs: 0 });
  expect(names(checker.observe('b', coreOf([1]), late))).toEqual([]);
});

test('OneVotePerTerm: a voter that grants two votes, or grants one and asks for its own', () => {
  const checker = new ClusterChecker();
  const vote = { kind: 'vote-reply', from: 'c', term: 3, granted: true, quietMs: 0 } as const;
  expect(names(checker.observeMessage({ ...vote, to: 'a' }))).toEqual([]);
  expect(names(checker.observeMessage({ ...vote, to: 'a' }))).toEqual([]);
  expect(names(checker.observeMessage({ ...vote, to: 'b', granted: false }))).toEqual([]);
  expect(names(checker.observeMessage({ ...vote, to: 'b' }))).toEqual(['OneVotePerTerm']);
  const own = { kind: 'vote', from: 'c', to: 'b', lastIndex: 0, lastTerm: 0 } as const;
  expect(names(checker.observeMessage({ ...own, term: 3, transfer: false }))).toEqual([
    'OneVotePerTerm',
  ]);
});

test('committed configurations are compared by content', () => {
  const checker = new ClusterChecker();
  const core = coreOf([1]);
  const change = (voters: readonly string[]): Ready =>
    ready({
      committed: [
        { index: 1, term: 1, kind: 'configuration', configuration: configuration(voters) },
      ],
    });
  expect(names(checker.observe('a', core, change(['a'])))).toEqual([]);
  expect(names(checker.observe('b', core, change(['b'])))).toEqual(['StateMachineSafety']);
});
