import { describe, expect, test } from 'vitest';
import { apply } from '../../src/cluster/apply.ts';
import type { Command } from '../../src/cluster/command.ts';
import { type ClusterState, emptyState, HISTORY_LIMIT } from '../../src/cluster/state.ts';
import { MAX_EPOCH } from '../../src/lib/ids.ts';
import {
  applyAll,
  assign,
  definition,
  founded,
  group,
  member,
  refusal,
  resource,
  serving,
  takingOver,
} from './a-cluster.ts';

const onN1 = { group: 'web', expectedEpoch: 1, node: 'n1' } as const;
const stoppedN1 = {
  kind: 'stopped',
  ...onN1,
  clean: true,
  proof: 'owner',
  secret: null,
} as const satisfies Command;
const releaseTo = (to: string | null): Command => ({
  kind: 'release',
  group: 'web',
  expectedEpoch: 1,
  to,
  reason: 'move',
  by: 'op',
});
const mode = (
  subject: Extract<Command, { kind: 'set-mode' }>['subject'],
  to: 'online' | 'standby' | 'maintenance',
): Command => ({ kind: 'set-mode', subject, mode: to, by: 'op' });

describe('creating the cluster', () => {
  test('nothing is accepted before the cluster exists', () => {
    expect(refusal(emptyState, { kind: 'admit-member', member: member(1), invitation: null })).toBe(
      'NO_CLUSTER',
    );
    expect(refusal(emptyState, assign('web', 0, 'n1'))).toBe('NO_CLUSTER');
  });

  test('it is created once', () => {
    expect(founded.clusterId).toBe('lab');
    const again = { kind: 'create-cluster', clusterId: 'other', firstEpoch: 1 } as const;
    expect(refusal(founded, again)).toBe('CLUSTER_EXISTS');
  });

  test('epochs begin where the founder says, for disks that know older ones', () => {
    const late = { kind: 'create-cluster', clusterId: 'lab', firstEpoch: 41 } as const;
    expect(applyAll(emptyState, late).lastEpoch).toBe(40);
    expect(refusal(emptyState, { ...late, firstEpoch: 0 })).toBe('INVALID_DEFINITION');
    expect(refusal(emptyState, { ...late, firstEpoch: MAX_EPOCH + 1 })).toBe('INVALID_DEFINITION');
    expect(refusal(emptyState, { ...late, clusterId: '' })).toBe('INVALID_DEFINITION');
  });
});

describe('definitions of groups', () => {
  const define = (change: object, expectedRevision = 0): Command => ({
    kind: 'define-group',
    definition: { ...definition('db'), ...change },
    expectedRevision,
    by: 'op',
  });

  test('a second definition needs the revision that it was made from', () => {
    expect(refusal(founded, define({ group: 'web' }))).toBe('REVISION_MISMATCH');
    expect(refusal(founded, define({ group: 'web' }, 2))).toBe('REVISION_MISMATCH');
    const redefined = applyAll(founded, define({ group: 'web', preferred: ['n2'] }, 1));
    expect(group(redefined)).toMatchObject({ revision: 2, definition: { preferred: ['n2'] } });
  });

  test.each([
    ['a group without a name', { group: '' }],
    ['a resource that needs itself', { resources: [resource('a', 'x', ['a'])] }],
    ['a resource that needs nobody knows what', { resources: [resource('a', 'x', ['b'])] }],
    ['two resources of one name', { resources: [resource('a', 'x'), resource('a', 'y')] }],
  ])('%s is refused', (_what, change) => {
    expect(refusal(founded, define(change))).toBe('INVALID_DEFINITION');
  });

  test('resources do not change under an owner; the preference may', () => {
    const smaller = { group: 'web', resources: [resource('disk', 'disk')] };
    expect(refusal(serving, define(smaller, 1))).toBe('GROUP_OWNED');
    applyAll(serving, define({ group: 'web', preferred: ['n3'] }, 1));
    applyAll(serving, releaseTo(null), stoppedN1, define(smaller, 1));
  });

  test('a group goes only when nobody owns it and every lease of it is over', () => {
    const remove = { kind: 'delete-group', group: 'web', by: 'op' } as const;
    expect(refusal(serving, remove)).toBe('GROUP_OWNED');
    const failed = { kind: 'takeover-failed', ...onN1, code: 'MOUNT', detail: '' } as const;
    const unproven = applyAll(takingOver, failed);
    expect(refusal(unproven, remove)).toBe('EPOCH_UNFINISHED');
    expect(applyAll(unproven, stoppedN1, remove).groups).toEqual({});
    expect(refusal(founded, { ...remove, group: 'constructor' })).toBe('UNKNOWN_GROUP');
  });
});

describe('assign', () => {
  test('gives out the next epoch and remembers who may still be seen', () => {
    const state = applyAll(serving, assign('web', 1, 'n2', { leaseRemainderMs: 120 }));
    expect(state.lastEpoch).toBe(2);
    expect(group(state)).toMatchObject({
      phase: 'taking-over',
      owner: 'n2',
      epoch: 2,
      previousOwner: 'n1',
      leaseRemainderMs: 120,
      unfinished: [
        { epoch: 1, node: 'n1' },
        { epoch: 2, node: 'n2' },
      ],
    });
    expect(state.history.at(-1)).toMatchObject({ event: 'assigned', node: 'n2', from: 'n1' });
  });

  test('a remainder of nothing says that every earlier epoch is over', () => {
    const state = applyAll(serving, assign('web', 1, 'n2', { leaseRemainderMs: 0 }));
    expect(group(state).unfinished.map(({ epoch }) => epoch)).toEqual([2]);
  });

  test('a plan made for another epoch is refused', () => {
    expect(refusal(serving, assign('web', 0, 'n2'))).toBe('STALE_EPOCH');
    expect(refusal(serving, assign('web', 2, 'n2'))).toBe('STALE_EPOCH');
    const taken = applyAll(serving, assign('web', 1, 'n2'));
    expect(refusal(taken, assign('web', 1, 'n3'))).toBe('STALE_EPOCH');
  });

  test.each([
    ['a group that is not defined', founded, assign('db', 0, 'n1'), 'UNKNOWN_GROUP'],
    ['a node that is no member', founded, assign('web', 0, 'n9'), 'UNKNOWN_NODE'],
    [
      'a node in standby',
      applyAll(founded, mode({ kind: 'node', node: 'n1' }, 'standby')),
      assign('web', 0, 'n1'),
      'NODE_NOT_ELIGIBLE',
    ],
    [
      'a cluster in maintenance',
      applyAll(founded, mode({ kind: 'cluster' }, 'maintenance')),
      assign('web', 0, 'n1'),
      'IN_MAINTENANCE',
    ],
    [
      'a group in maintenance',
      applyAll(founded, mode({ kind: 'group', group: 'web' }, 'maintenance')),
      assign('web', 0, 'n1'),
      'IN_MAINTENANCE',
    ],
    [
      'an owner in maintenance',
      applyAll(serving, mode({ kind: 'node', node: 'n1' }, 'maintenance')),
      assign('web', 1, 'n2'),
      'IN_MAINTENANCE',
    ],
  ])('%s is refused', (_what, state, command, code) => {
    expect(refusal(state, command)).toBe(code);
  });

  test('the last epoch is 2^32-1, and the next one is refused', () => {
    const last: ClusterState = { ...founded, lastEpoch: MAX_EPOCH - 1 };
    const spent = applyAll(last, assign('web', 0, 'n1'));
    expect(group(spent).epoch).toBe(0xffff_ffff);
    expect(refusal(spent, assign('web', MAX_EPOCH, 'n2'))).toBe('EPOCHS_EXHAUSTED');
  });

  test('epochs are the cluster’s, not the group’s', () => {
    const define = {
      kind: 'define-group',
      definition: definition('db'),
      expectedRevision: 0,
    } as const;
    const state = applyAll(serving, { ...define, by: 'op' }, assign('db', 0, 'n2'));
    expect(group(state, 'db').epoch).toBe(2);
    expect(group(state, 'web').epoch).toBe(1);
  });
});

describe('release and stopped: an orderly move', () => {
  test('the owner stops, says so, and the wish stays for the planner', () => {
    const releasing = applyAll(serving, releaseTo('n2'));
    expect(group(releasing)).toMatchObject({ phase: 'releasing', owner: 'n1', releaseTo: 'n2' });
    const stopped = applyAll(releasing, stoppedN1);
    expect(group(stopped)).toMatchObject({
      phase: 'unowned',
      owner: null,
      previousOwner: 'n1',
      releaseTo: 'n2',
      releaseReason: 'move',
      unfinished: [],
    });
    const moved = applyAll(stopped, assign('web', 1, 'n2', { reason: 'move' }));
    expect(group(moved)).toMatchObject({ owner: 'n2', previousOwner: 'n1', releaseTo: null });
  });

  test.each([
    ['to the owner itself', serving, releaseTo('n1'), 'ALREADY_OWNER'],
    ['to a stranger', serving, releaseTo('n9'), 'UNKNOWN_NODE'],
    [
      'of a group that nobody owns',
      founded,
      { ...releaseTo('n2'), expectedEpoch: 0 },
      'WRONG_PHASE',
    ],
    ['twice', applyAll(serving, releaseTo('n2')), releaseTo('n3'), 'WRONG_PHASE'],
    ['planned for another epoch', serving, { ...releaseTo('n2'), expectedEpoch: 7 }, 'STALE_EPOCH'],
    [
      'in maintenance',
      applyAll(serving, mode({ kind: 'cluster' }, 'maintenance')),
      releaseTo('n2'),
      'IN_MAINTENANCE',
    ],
  ] as readonly (readonly [string, ClusterState, Command, string])[])(
    'a release %s is refused',
    (_what, state, command, code) => expect(refusal(state, command)).toBe(code),
  );

  test('an owner that stops unasked leaves a group that wants a failover', () => {
    expect(group(applyAll(serving, stoppedN1))).toMatchObject({
      phase: 'unowned',
      releaseTo: null,
      releaseReason: 'failover',
    });
  });

  test('an earlier epoch that is proven down changes nothing about the current owner', () => {
    const moved = applyAll(serving, assign('web', 1, 'n2', { leaseRemainderMs: 300 }), stoppedN1);
    expect(group(moved)).toMatchObject({ phase: 'taking-over', owner: 'n2', epoch: 2 });
    expect(group(moved).unfinished.map(({ epoch }) => epoch)).toEqual([2]);
  });

  test('only the node of an epoch that is not over can stop it', () => {
    expect(refusal(serving, { ...stoppedN1, node: 'n2' })).toBe('NOT_OWNER');
    expect(refusal(applyAll(serving, stoppedN1), stoppedN1)).toBe('STALE_EPOCH');
    expect(refusal(serving, { ...stoppedN1, expectedEpoch: 2 })).toBe('STALE_EPOCH');
  });
});

describe('modes and history', () => {
  test('modes are noted for nodes, groups and the cluster', () => {
    const state = applyAll(
      founded,
      mode({ kind: 'node', node: 'n2' }, 'standby'),
      mode({ kind: 'group', group: 'web' }, 'maintenance'),
      mode({ kind: 'cluster' }, 'standby'),
    );
    expect(state.members['n2']?.mode).toBe('standby');
    expect(group(state).mode).toBe('maintenance');
    expect(state.mode).toBe('standby');
    expect(refusal(founded, mode({ kind: 'node', node: 'n9' }, 'standby'))).toBe('UNKNOWN_NODE');
    expect(refusal(founded, mode({ kind: 'group', group: 'x' }, 'standby'))).toBe('UNKNOWN_GROUP');
  });

  test('the history keeps the newest lines and the index that made each', () => {
    const flips = Array.from({ length: HISTORY_LIMIT + 10 }, (_, i) =>
      mode({ kind: 'cluster' }, i % 2 === 0 ? 'standby' : 'online'),
    );
    let state = founded;
    flips.forEach((flip, i) => {
      state = apply(state, 1_000 + i, flip).state;
    });
    expect(state.history).toHaveLength(HISTORY_LIMIT);
    expect(state.history.at(-1)?.index).toBe(1_000 + flips.length - 1);
    expect(state.history.some(({ event }) => event === 'created')).toBe(false);
  });
});
