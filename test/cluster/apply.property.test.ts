/**
 * Random commands on random states: whatever is thrown at the state machine, its promises hold. The
 * model knows only what was accepted: which epoch was given to whom, and what was proven down.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Applied, apply } from '../../src/cluster/apply.ts';
import { FAILURE_LIMIT } from '../../src/cluster/change.ts';
import { decodeState, encodeState } from '../../src/cluster/codec.ts';
import type { Command } from '../../src/cluster/command.ts';
import { type ClusterState, HISTORY_LIMIT } from '../../src/cluster/state.ts';
import { sha256Hex } from '../../src/lib/sha256.ts';
import { applyAll, assign, definition, founded, member } from './a-cluster.ts';

const start = applyAll(founded, {
  kind: 'define-group',
  definition: definition('db'),
  expectedRevision: 0,
  by: 'test',
});

const node = fc.constantFrom('n1', 'n2', 'n3');
const groupName = fc.constantFrom('web', 'db');
const mode = fc.constantFrom('online', 'online', 'standby', 'maintenance' as const);
const anyEpoch = fc.nat(12);
const by = fc.constant('test');
const guard = { group: groupName, expectedEpoch: anyEpoch };

const newcomer = fc.constantFrom(3, 4, 5, 6).map(member);
const key = fc.constantFrom('k1', 'k2');
const membership: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constant('invite' as const),
    peerId: key,
    node: fc.option(newcomer.map((one) => one.node)),
    role: fc.constantFrom('voter', 'learner' as const),
    expiresAtMs: fc.constant(1),
    by,
  }),
  fc.record({ kind: fc.constant('revoke-invitation' as const), peerId: key, by }),
  fc.record({
    kind: fc.constant('admit-member' as const),
    member: newcomer,
    invitation: fc.option(key),
  }),
  fc.record({
    kind: fc.constant('set-role' as const),
    node: fc.oneof(
      node,
      newcomer.map((one) => one.node),
    ),
    role: fc.constantFrom('voter', 'learner', 'leaving', 'leaving' as const),
    by,
  }),
  fc.record({ kind: fc.constant('remove-member' as const), node }),
);
const rare: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constant('recover' as const),
    survivors: fc.uniqueArray(node, { minLength: 1 }),
    epochJump: fc.constantFrom(0, 1),
    by,
  }),
  fc.constant({ kind: 'set-mode', subject: { kind: 'cluster' }, mode: 'online', by: 'test' }),
);

const ownership: fc.Arbitrary<Command> = fc.oneof(
  fc
    .tuple(groupName, anyEpoch, node, fc.constantFrom(0, 0, 250))
    .map(([group, epoch, to, leaseRemainderMs]) => assign(group, epoch, to, { leaseRemainderMs })),
  fc.record({
    kind: fc.constant('release' as const),
    ...guard,
    to: fc.option(node),
    reason: fc.constant('move' as const),
    by,
  }),
  fc.record({
    kind: fc.constant('pledge' as const),
    ...guard,
    node,
    secretHash: fc.constant(sha256Hex('s')),
  }),
  fc.record({
    kind: fc.constant('stopped' as const),
    ...guard,
    node,
    clean: fc.boolean(),
    proof: fc.constantFrom('owner', 'guardian' as const),
    secret: fc.constantFrom('s', 'wrong', null),
  }),
  fc.record({ kind: fc.constant('fenced' as const), ...guard, node, disk: fc.constant('disk') }),
  fc.record({ kind: fc.constant('serving' as const), ...guard, node, stamps: fc.constant([]) }),
  fc.record({
    kind: fc.constant('takeover-failed' as const),
    ...guard,
    node,
    code: fc.constant('MOUNT'),
    detail: fc.constant(''),
  }),
  fc.record({
    kind: fc.constant('set-mode' as const),
    subject: fc.oneof(
      node.map((one) => ({ kind: 'node' as const, node: one })),
      groupName.map((group) => ({ kind: 'group' as const, group })),
    ),
    mode,
    by,
  }),
);

/** Mostly about groups, or mostly about members. */
function mixed(groups: number, members: number): fc.Arbitrary<Command> {
  return fc.oneof(
    { weight: groups, arbitrary: ownership },
    { weight: members, arbitrary: membership },
    { weight: 1, arbitrary: rare },
  );
}

/** Most guesses of an epoch are wrong; aimed at the current one, commands get further. */
const aimed = (command: fc.Arbitrary<Command>) => fc.tuple(command, fc.boolean());

function aim(state: ClusterState, wanted: Command, hit: boolean): Command {
  if (!hit || !('expectedEpoch' in wanted)) return wanted;
  return { ...wanted, expectedEpoch: state.groups[wanted.group]?.epoch ?? 0 };
}

type Accepted = {
  readonly command: Command;
  readonly outcome: Applied;
};

/** What must hold, told from the commands alone. Answers the first violation in words, or null. */
function violation(
  before: ClusterState,
  state: ClusterState,
  log: readonly Accepted[],
): string | null {
  if (state.lastEpoch < before.lastEpoch) return 'the counter of epochs went back';
  const owners = new Map<number, string>();
  for (const { command: it, outcome } of log) {
    if (it.kind !== 'assign' || !outcome.ok || outcome.epoch === null) continue;
    if (owners.has(outcome.epoch)) return `epoch ${outcome.epoch} was given out twice`;
    owners.set(outcome.epoch, it.node);
  }
  for (const [name, group] of Object.entries(state.groups)) {
    if (group.epoch < (before.groups[name]?.epoch ?? 0)) return `epoch of ${name} went back`;
    if (group.owner !== null && owners.get(group.epoch) !== group.owner) {
      return `${name} is owned by ${group.owner}, but epoch ${group.epoch} was not given to it`;
    }
    if ((group.owner === null) !== (group.phase === 'unowned')) return `${name}: phase and owner`;
    const unfinished = group.unfinished.map(({ epoch }) => epoch).join();
    const expected = unfinishedByLog(name, log).join();
    if (unfinished !== expected) return `${name}: unfinished ${unfinished}, expected ${expected}`;
    if (group.failures.length > FAILURE_LIMIT) return 'failures grow without end';
  }
  if (state.history.length > HISTORY_LIMIT) return 'history grows without end';
  return violationOfMembers(state, log);
}

/** Whoever was ever a member is one, or is remembered; no name and no number was given twice. */
function violationOfMembers(state: ClusterState, log: readonly Accepted[]): string | null {
  const members = Object.values(state.members);
  if (!members.some(({ role }) => role === 'voter')) return 'nobody votes';
  const admissions = log.flatMap(({ command: it }) =>
    it.kind === 'admit-member' ? [it.member] : [],
  );
  const everAdmitted = [...[1, 2, 3].map(member), ...admissions];
  for (const part of ['node', 'number'] as const) {
    const given = everAdmitted.map((one) => one[part]);
    if (new Set(given).size < given.length) return `a ${part} was given twice`;
  }
  const gone = state.removed.map((one) => one.node);
  const known = [...members.map(({ member: one }) => one.node), ...gone].sort();
  const expected = everAdmitted.map((one) => one.node).sort();
  return known.join() === expected.join() ? null : `members ${known}, expected ${expected}`;
}

function unfinishedByLog(name: string, log: readonly Accepted[]): readonly number[] {
  let open: number[] = [];
  for (const { command: it, outcome } of log) {
    if (!('group' in it) || it.group !== name || !outcome.ok) continue;
    if (it.kind === 'assign') {
      open = [...(it.leaseRemainderMs === 0 ? [] : open), outcome.epoch ?? 0];
    } else if (it.kind === 'stopped') open = open.filter((epoch) => epoch !== it.expectedEpoch);
    else if (it.kind === 'serving') open = open.filter((epoch) => epoch >= it.expectedEpoch);
  }
  return open;
}

type Machine = typeof apply;

function run(machine: Machine, script: readonly (readonly [Command, boolean])[]): string | null {
  let state = start;
  const log: Accepted[] = [];
  for (const [i, [wanted, hit]] of script.entries()) {
    const before = state;
    const it = aim(state, wanted, hit);
    const { state: next, outcome } = machine(state, i + 1, it);
    if (!outcome.ok && next !== before) return 'a refused command changed the state';
    state = next;
    if (outcome.ok) log.push({ command: it, outcome });
    const wrong = violation(before, state, log);
    if (wrong !== null) return wrong;
  }
  const bytes = encodeState(state);
  const decoded = decodeState(bytes);
  if (!decoded.ok) return `the state cannot be saved: ${decoded.error.detail}`;
  expect(decoded.value).toEqual(state);
  return null;
}

const script = fc.oneof(
  fc.array(aimed(mixed(24, 3)), { maxLength: 60, size: 'max' }),
  fc.array(aimed(mixed(1, 12)), { maxLength: 60, size: 'max' }),
);

describe('any sequence of commands', () => {
  test('keeps one owner per epoch, growing epochs, and a true list of unfinished ones', () => {
    fc.assert(
      fc.property(script, (commands) => {
        expect(run(apply, commands)).toBeNull();
      }),
      { numRuns: 300 },
    );
  });

  test('gives the same state on every node', () => {
    fc.assert(
      fc.property(script, (commands) => {
        const replay = (): ClusterState =>
          commands.reduce((state, [it], i) => apply(state, i, it).state, start);
        expect(encodeState(replay())).toEqual(encodeState(replay()));
      }),
      { numRuns: 50 },
    );
  });

  const broken: readonly (readonly [string, Machine])[] = [
    [
      'a removed member whose name and number are forgotten',
      (state, index, it) => {
        const change = apply(state, index, it);
        if (it.kind !== 'remove-member' || !change.outcome.ok) return change;
        const usedNames = change.state.usedNames.filter((name) => name !== it.node);
        const usedNumbers = change.state.usedNumbers.filter((one) => `n${one}` !== it.node);
        return { ...change, state: { ...change.state, usedNames, usedNumbers } };
      },
    ],
    [
      'an epoch that is given out twice',
      (state, index, it) => {
        const change = apply(state, index, it);
        return it.kind === 'assign' && change.outcome.ok
          ? { ...change, state: { ...change.state, lastEpoch: state.lastEpoch } }
          : change;
      },
    ],
    [
      'a forgotten unfinished epoch',
      (state, index, it) => {
        const forgetful = it.kind === 'assign' ? { ...it, leaseRemainderMs: 0 } : it;
        return apply(state, index, forgetful);
      },
    ],
    [
      'a plan for an old epoch that is accepted',
      (state, index, it) => {
        const change = apply(state, index, it);
        const stale = !change.outcome.ok && change.outcome.code === 'STALE_EPOCH';
        if (!stale || !('expectedEpoch' in it) || it.kind !== 'serving') return change;
        const group = state.groups[it.group];
        if (group === undefined) return change;
        const groups = { ...state.groups, [it.group]: { ...group, owner: it.node } };
        return { state: { ...state, groups }, outcome: { ok: true, epoch: group.epoch } };
      },
    ],
  ];

  test.each(broken)('negative control: %s is found', (_what, machine) => {
    const outcome = fc.check(
      fc.property(script, (commands) => run(machine, commands) === null),
      { numRuns: 1_000 },
    );
    expect(outcome.failed).toBe(true);
  });
});
