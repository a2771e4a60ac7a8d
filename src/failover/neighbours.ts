/**
 * What groups mean to each other where they are placed: who must be beside whom, who keeps away from
 * whom, what a node has room for, and how much it carries already.
 *
 * A group counts where it is, and where it is on its way to.
 */

import { leadersOf, policyOf } from '../cluster/policy.ts';
import { groupOf, memberOf } from '../cluster/queries.ts';
import type { ClusterState, GroupState } from '../cluster/state.ts';
import type { GroupId, NodeId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';

export type Objection = { readonly code: ProblemCode; readonly why: string };

/** Where it will be, as far as that is known; null: nobody has it. */
export function whereabouts(group: GroupState): NodeId | null {
  return group.phase === 'releasing' || group.owner === null ? group.releaseTo : group.owner;
}

/** Why the neighbours of the group speak against this node; null: they do not. */
export function objection(state: ClusterState, group: GroupState, node: NodeId): Objection | null {
  return (
    objectionOfLeaders(state, group, node) ??
    objectionOfRivals(state, group, node) ??
    objectionOfRoom(state, group, node)
  );
}

function objectionOfLeaders(
  state: ClusterState,
  { definition }: GroupState,
  node: NodeId,
): Objection | null {
  for (const name of policyOf(definition).with) {
    const leader = groupOf(state, name);
    const at = leader === null ? null : whereabouts(leader);
    if (at === null) {
      return { code: 'WAITS_FOR_GROUP', why: `only where ${name} runs, and nobody runs it` };
    }
    if (at !== node) return { code: 'NOT_WITH_GROUP', why: `only where ${name} runs: on ${at}` };
  }
  return null;
}

function objectionOfRivals(state: ClusterState, group: GroupState, node: NodeId): Objection | null {
  const rival = rivalsOf(state, group).find((one) => isAt(one, node));
  if (rival === undefined) return null;
  const why = `keeps apart from ${rival.definition.group}, which is there`;
  return { code: 'APART_FROM_GROUP', why };
}

/** Groups that must not be on one node with this one, whichever of the two says so. */
export function rivalsOf(state: ClusterState, group: GroupState): readonly GroupState[] {
  const { group: name } = group.definition;
  const { apart } = policyOf(group.definition);
  return Object.values(state.groups).filter(({ definition }) => {
    if (definition.group === name) return false;
    return apart.includes(definition.group) || policyOf(definition).apart.includes(name);
  });
}

function objectionOfRoom(state: ClusterState, group: GroupState, node: NodeId): Objection | null {
  const capacity = memberOf(state, node)?.capacity ?? {};
  const others = groupsAt(state, node, group.definition.group);
  for (const [kind, wanted] of Object.entries(policyOf(group.definition).uses)) {
    const room = Object.hasOwn(capacity, kind) ? capacity[kind] : undefined;
    if (room === undefined) continue;
    const used = others.reduce((sum, one) => sum + (policyOf(one.definition).uses[kind] ?? 0), 0);
    if (used + wanted > room) {
      const why = `not enough ${kind}: ${Math.max(0, room - used)} of ${room} left, ${wanted} needed`;
      return { code: 'CAPACITY_EXCEEDED', why };
    }
  }
  return null;
}

/** How many other groups the node carries, or is to carry. */
export function loadOf(state: ClusterState, node: NodeId, group: GroupId): number {
  return groupsAt(state, node, group).length;
}

/** Groups that must be where this one is. */
export function followersOf(state: ClusterState, group: GroupId): readonly GroupState[] {
  return Object.values(state.groups).filter(({ definition }) =>
    policyOf(definition).with.includes(group),
  );
}

/** Groups that start after this one, and are stopped before it. */
export function dependentsOf(state: ClusterState, group: GroupId): readonly GroupState[] {
  return Object.values(state.groups).filter(({ definition }) =>
    policyOf(definition).after.includes(group),
  );
}

/**
 * Names in the order in which places are given out: higher priority first, and whoever another group
 * waits for, or must be beside, before that group.
 */
export function placingOrder(groups: readonly GroupState[]): readonly GroupId[] {
  const byPriority = groups
    .toSorted((a, b) => policyOf(b.definition).priority - policyOf(a.definition).priority)
    .map(({ definition }) => definition);
  const definitions = new Map(byPriority.map((one) => [one.group, one]));
  const order = new Set<GroupId>();
  const visit = (name: GroupId, under: readonly GroupId[]): void => {
    const definition = definitions.get(name);
    if (definition === undefined || order.has(name) || under.includes(name)) return;
    for (const leader of leadersOf(definition)) visit(leader, [...under, name]);
    order.add(name);
  };
  for (const { group } of byPriority) visit(group, []);
  return [...order];
}

function groupsAt(state: ClusterState, node: NodeId, except: GroupId): readonly GroupState[] {
  return Object.values(state.groups).filter(
    (one) => one.definition.group !== except && isAt(one, node),
  );
}

function isAt(group: GroupState, node: NodeId): boolean {
  return group.owner === node || whereabouts(group) === node;
}
