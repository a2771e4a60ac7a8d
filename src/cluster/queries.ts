/**
 * Questions that many ask of the replicated state. Reads only. Names come from operators and peers,
 * so tables are asked for their own entries only: no group is called `constructor` by accident.
 */
import type { Epoch, GroupId, NodeId } from '../lib/ids.ts';
import type { Mode } from './command.ts';
import type { ClusterState, GroupState, MemberState, UnfinishedEpoch } from './state.ts';

/** The entry of a table under exactly this name. */
export function lookup<T>(table: Readonly<Record<string, T>>, name: string): T | null {
  return Object.hasOwn(table, name) ? (table[name] ?? null) : null;
}

export function groupOf(state: ClusterState, group: GroupId): GroupState | null {
  return lookup(state.groups, group);
}

export function memberOf(state: ClusterState, node: NodeId): MemberState | null {
  return lookup(state.members, node);
}

/** Members in the order of their numbers. */
export function membersInOrder(state: ClusterState): readonly MemberState[] {
  return Object.values(state.members).sort((a, b) => a.member.number - b.member.number);
}

/** The groups that this node owns, whatever their phase. */
export function groupsOf(state: ClusterState, node: NodeId): readonly GroupState[] {
  return Object.values(state.groups).filter((group) => group.owner === node);
}

/** A group that still counts on this node: owned by it, on its way to it, or not proven down there. */
export function heldBy(state: ClusterState, node: NodeId): GroupState | null {
  const holds = (group: GroupState): boolean =>
    group.owner === node ||
    group.releaseTo === node ||
    group.unfinished.some((unfinished) => unfinished.node === node);
  return Object.values(state.groups).find(holds) ?? null;
}

/** The epochs of a group that are not proven down; their leases may still run. */
export function unfinishedOf(state: ClusterState, group: GroupId): readonly UnfinishedEpoch[] {
  return groupOf(state, group)?.unfinished ?? [];
}

/** The owner of an epoch that is not proven down, or null. */
export function unfinishedEpoch(group: GroupState, epoch: Epoch): UnfinishedEpoch | null {
  return group.unfinished.find((one) => one.epoch === epoch) ?? null;
}

/**
 * What holds for a group: the strictest of its own mode and the cluster's. Maintenance beats standby,
 * since whoever says maintenance wants to see no change at all.
 */
export function modeOf(state: ClusterState, group: GroupState): Mode {
  const modes = [state.mode, group.mode];
  if (modes.includes('maintenance')) return 'maintenance';
  return modes.includes('standby') ? 'standby' : 'online';
}

/** Whether nothing may be done about the group now: it, the cluster or its owner is in maintenance. */
export function inMaintenance(state: ClusterState, group: GroupState): boolean {
  if (modeOf(state, group) === 'maintenance') return true;
  return group.owner !== null && memberOf(state, group.owner)?.mode === 'maintenance';
}

/** The lines of the history that came after the entry `index`; the newest are the last. */
export function historySince(
  { history }: Pick<ClusterState, 'history'>,
  index: number,
): ClusterState['history'] {
  return history.slice(history.findLastIndex((line) => line.index <= index) + 1);
}
