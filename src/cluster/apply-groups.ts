/**
 * Commands that define and delete failover groups. The resources of a group change only while nobody
 * owns it: an owner must stop what it started, by the definition by which it started it.
 */
import {
  accept,
  type Change,
  groupNamed,
  isRefusal,
  recorded,
  refuse,
  withGroup,
  without,
} from './change.ts';
import type { Command } from './command.ts';
import type { GroupDefinition } from './definition.ts';
import { type DependencyProblem, dependencyOrder } from './dependency-order.ts';
import { differenceOf, interrupts } from './difference.ts';
import { isLevel3 } from './level.ts';
import { isName, NAME_RULE } from './name.ts';
import { leadersOf } from './policy.ts';
import { lookup } from './queries.ts';
import type { ClusterState, GroupState } from './state.ts';

/** Names are short; so many are never deleted. */
const DELETED_LIMIT = 65_535;

type Of<K extends Command['kind']> = Extract<Command, { readonly kind: K }>;

export function applyDefineGroup(
  state: ClusterState,
  index: number,
  { definition, expectedRevision, by, whenDown }: Of<'define-group'>,
): Change {
  const { group: name } = definition;
  const before = lookup(state.groups, name);
  if ((before?.revision ?? 0) !== expectedRevision) {
    const detail = `group ${name} has revision ${before?.revision ?? 0}, not ${expectedRevision}`;
    return refuse(state, 'REVISION_MISMATCH', detail);
  }
  const fault = faultOf(definition) ?? faultBetweenGroups(state, definition);
  if (fault !== null) return refuse(state, 'INVALID_DEFINITION', `group ${name}: ${fault}`);
  if (before !== null && inUse(before) && !mayStay(state, before, definition)) {
    if (whenDown === true) return postponed(state, index, before, { definition, by });
    return refuse(state, 'GROUP_OWNED', `group ${name}: its resources cannot change now`);
  }
  const group = before === null ? firstState(definition) : redefined(before, definition);
  const { revision } = group;
  const told = isLevel3(state) ? told3(before?.definition ?? null, definition, revision) : null;
  const detail = [`revision ${revision}, by ${by}`, ...(told?.words ?? [])].join('; ');
  const line = { index, event: 'defined', group: name, epoch: group.epoch, detail } as const;
  const after = withGroup(state, group);
  if (told === null) return accept(recorded(after, line), group.epoch);
  const deleted = (state.deleted ?? []).filter((one) => one !== name);
  const { defined } = told;
  return accept(recorded({ ...after, deleted }, { ...line, defined }), group.epoch);
}

function told3(before: GroupDefinition | null, definition: GroupDefinition, revision: number) {
  return { words: differenceOf(before, definition), defined: { revision, definition } };
}

/** The leader sees it, has the group stopped, and defines it then. */
function postponed(
  state: ClusterState,
  index: number,
  group: GroupState,
  pending: NonNullable<GroupState['pending']>,
): Change {
  const { epoch, definition } = group;
  const words = differenceOf(definition, pending.definition).join('; ');
  const line = { index, event: 'to-be-defined', group: definition.group, epoch } as const;
  const detail = `by ${pending.by}, as soon as it is down: ${words}`;
  return accept(recorded(withGroup(state, { ...group, pending }), { ...line, detail }), epoch);
}

export function applyDeleteGroup(
  state: ClusterState,
  index: number,
  { group: name, by }: Of<'delete-group'>,
): Change {
  const group = groupNamed(state, name);
  if (isRefusal(group)) return group;
  if (group.owner !== null) {
    return refuse(state, 'GROUP_OWNED', `group ${name} is owned by ${group.owner}`);
  }
  const open = group.unfinished[0];
  if (open !== undefined) {
    // A group of the same name would start without waiting for the lease of the old one.
    return refuse(state, 'EPOCH_UNFINISHED', `epoch ${open.epoch} on ${open.node}`);
  }
  const left = { ...state, groups: without(state.groups, name) };
  const detail = `by ${by}`;
  const line = { index, event: 'deleted', group: name, epoch: group.epoch, detail } as const;
  if (!isLevel3(state)) return accept(recorded(left, line), null);
  const deleted = [...(state.deleted ?? []), name].slice(-DELETED_LIMIT);
  const { revision, definition } = group;
  const defined = { revision, definition };
  return accept(recorded({ ...left, deleted }, { ...line, defined }), null);
}

function firstState(definition: GroupDefinition): GroupState {
  return {
    definition,
    revision: 1,
    mode: 'online',
    phase: 'unowned',
    owner: null,
    epoch: 0,
    previousOwner: null,
    reason: 'boot',
    leaseRemainderMs: 0,
    releaseTo: null,
    releaseReason: 'boot',
    unfinished: [],
    fencedEpoch: {},
    failures: [],
  };
}

function redefined(before: GroupState, definition: GroupDefinition): GroupState {
  const names = new Set(definition.resources.map((resource) => resource.name));
  const fencedEpoch = Object.fromEntries(
    Object.entries(before.fencedEpoch).filter(([disk]) => names.has(disk)),
  );
  const revision = before.revision + 1;
  const next = { ...before, definition, revision, fencedEpoch, failures: [] };
  const { paused, pending } = before;
  return {
    ...next,
    ...(paused === undefined ? {} : { paused: paused.filter((one) => names.has(one)) }),
    ...(pending === undefined ? {} : { pending: null }),
  };
}

/** Something of the group may be up somewhere: an owner, or an epoch that is not proven down. */
function inUse(group: GroupState): boolean {
  return group.owner !== null || group.unfinished.length > 0;
}

/** From level 3 on: what other nodes have as parameters of their own is no business of the owner's. */
function mayStay(state: ClusterState, before: GroupState, after: GroupDefinition): boolean {
  return isLevel3(state) ? !interrupts(before, after) : sameResources(before.definition, after);
}

function sameResources(a: GroupDefinition, b: GroupDefinition): boolean {
  return JSON.stringify(a.resources) === JSON.stringify(b.resources);
}

/** Groups must not wait for each other in a circle, nor be both together and apart. */
function faultBetweenGroups(state: ClusterState, definition: GroupDefinition): string | null {
  if (definition.policy === undefined) return null;
  const { group: name } = definition;
  const { with: beside, apart, after } = definition.policy;
  if ([...beside, ...apart, ...after].includes(name)) return 'its policy names the group itself';
  const torn = beside.find((other) => apart.includes(other));
  if (torn !== undefined) return `both with ${torn} and apart from it`;
  const others = Object.values(state.groups)
    .map((one) => one.definition)
    .filter((one) => one.group !== name);
  const all = [...others, definition];
  const known = new Set(all.map(({ group }) => group));
  const order = dependencyOrder(
    all.map((one) => {
      return { name: one.group, needs: leadersOf(one).filter((leader) => known.has(leader)) };
    }),
  );
  if (order.ok || order.error.code !== 'CYCLIC_DEPENDENCY') return null;
  return `groups wait for each other: ${order.error.cycle.join(' → ')}`;
}

function faultOf(definition: GroupDefinition): string | null {
  if (!isName(definition.group)) return NAME_RULE;
  const badName = definition.resources.find((resource) => !isName(resource.name));
  if (badName !== undefined) return `resource ${badName.name}: ${NAME_RULE}`;
  const order = dependencyOrder(definition.resources);
  return order.ok ? null : inWords(order.error);
}

function inWords(problem: DependencyProblem): string {
  switch (problem.code) {
    case 'CYCLIC_DEPENDENCY':
      return `resources need each other: ${problem.cycle.join(' → ')}`;
    case 'UNKNOWN_DEPENDENCY':
      return `resource ${problem.resource} needs ${problem.needs}, which is not defined`;
    case 'DUPLICATE_NAME':
      return `two resources are called ${problem.resource}`;
  }
}
