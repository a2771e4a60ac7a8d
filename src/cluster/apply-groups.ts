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
import { isName, NAME_RULE } from './name.ts';
import { lookup } from './queries.ts';
import type { ClusterState, GroupState } from './state.ts';

type Of<K extends Command['kind']> = Extract<Command, { readonly kind: K }>;

export function applyDefineGroup(
  state: ClusterState,
  index: number,
  { definition, expectedRevision, by }: Of<'define-group'>,
): Change {
  const { group: name } = definition;
  const before = lookup(state.groups, name);
  if ((before?.revision ?? 0) !== expectedRevision) {
    const detail = `group ${name} has revision ${before?.revision ?? 0}, not ${expectedRevision}`;
    return refuse(state, 'REVISION_MISMATCH', detail);
  }
  const fault = faultOf(definition);
  if (fault !== null) return refuse(state, 'INVALID_DEFINITION', `group ${name}: ${fault}`);
  if (before !== null && inUse(before) && !sameResources(before.definition, definition)) {
    return refuse(state, 'GROUP_OWNED', `group ${name}: its resources cannot change now`);
  }
  const group = before === null ? firstState(definition) : redefined(before, definition);
  const detail = `revision ${group.revision}, by ${by}`;
  const line = { index, event: 'defined', group: name, epoch: group.epoch, detail } as const;
  return accept(recorded(withGroup(state, group), line), group.epoch);
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
  const deleted = { ...state, groups: without(state.groups, name) };
  const detail = `by ${by}`;
  const line = { index, event: 'deleted', group: name, epoch: group.epoch, detail } as const;
  return accept(recorded(deleted, line), null);
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
  return { ...before, definition, revision: before.revision + 1, fencedEpoch, failures: [] };
}

/** Something of the group may be up somewhere: an owner, or an epoch that is not proven down. */
function inUse(group: GroupState): boolean {
  return group.owner !== null || group.unfinished.length > 0;
}

function sameResources(a: GroupDefinition, b: GroupDefinition): boolean {
  return JSON.stringify(a.resources) === JSON.stringify(b.resources);
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
