/**
 * Commands that create the cluster and say who belongs to it. A member's number is part of its
 * reservation keys, so it is given once and never again, not even after the member has gone. Nor is
 * its name: whoever reads an old line of the history must not take a newcomer for its namesake.
 */
import { MAX_EPOCH, type NodeId } from '../lib/ids.ts';
import { invitationOf, withUsedInvitation } from './apply-invitations.ts';
import { accept, type Change, recorded, refuse, without } from './change.ts';
import type { Command } from './command.ts';
import type { Member } from './definition.ts';
import { isLevel3 } from './level.ts';
import { isName, NAME_RULE } from './name.ts';
import { heldBy, lookup } from './queries.ts';
import { type ClusterState, type GroupState, TOMBSTONE_LIMIT } from './state.ts';

type Of<K extends Command['kind']> = Extract<Command, { readonly kind: K }>;

const MAX_NUMBER = 65_535;

export function applyCreateCluster(
  state: ClusterState,
  index: number,
  { clusterId, firstEpoch }: Of<'create-cluster'>,
): Change {
  if (state.clusterId !== null) {
    return refuse(state, 'CLUSTER_EXISTS', `this is cluster ${state.clusterId}`);
  }
  if (clusterId === '') return refuse(state, 'INVALID_DEFINITION', 'the cluster id is empty');
  if (!Number.isInteger(firstEpoch) || firstEpoch < 1 || firstEpoch > MAX_EPOCH) {
    return refuse(state, 'INVALID_DEFINITION', `first epoch ${firstEpoch} is not 1 … 2^32-1`);
  }
  const lastEpoch = firstEpoch - 1;
  const created = { ...state, clusterId, firstEpoch, lastEpoch };
  const line = {
    index,
    event: 'created',
    group: null,
    epoch: lastEpoch,
    detail: clusterId,
  } as const;
  return accept(recorded(created, line), null);
}

export function applyAdmitMember(
  state: ClusterState,
  index: number,
  { member, invitation: key }: Of<'admit-member'>,
): Change {
  const { node, number } = member;
  const fault = faultOf(state, member) ?? faultOfInvitation(state, node, key);
  if (fault !== null) return fault;
  const invitation = key === null ? null : invitationOf(state, key);
  const role = invitation?.role ?? 'voter';
  const before = key === null ? state : withUsedInvitation(state, key, node);
  const admitted: ClusterState = {
    ...before,
    members: { ...state.members, [node]: { member, mode: 'online', role } },
    usedNumbers: [...state.usedNumbers, number],
    usedNames: [...state.usedNames, node],
  };
  const line = { index, event: 'member-admitted', group: null, epoch: state.lastEpoch } as const;
  const detail = `as ${role}${invitation === null ? '' : `, invited by ${invitation.by}`}`;
  return accept(recorded(admitted, { ...line, node, detail }), null);
}

function faultOf(state: ClusterState, member: Member): Change | null {
  const { node, number, peerId } = member;
  if (!isName(node)) return refuse(state, 'INVALID_DEFINITION', `node ${node}: ${NAME_RULE}`);
  if (peerId === '') return refuse(state, 'INVALID_DEFINITION', `node ${node}: no peer id`);
  if (!Number.isInteger(number) || number < 1 || number > MAX_NUMBER) {
    return refuse(state, 'INVALID_DEFINITION', `member number ${number} is not 1 … ${MAX_NUMBER}`);
  }
  const twin = Object.values(state.members).find((other) => collides(other.member, member));
  if (twin !== undefined) return refuse(state, 'MEMBER_EXISTS', `like ${twin.member.node}`);
  if (state.usedNames.includes(node)) return refuse(state, 'NAME_USED', `node ${node}`);
  if (state.usedNumbers.includes(number)) {
    return refuse(state, 'NUMBER_USED', `member number ${number}`);
  }
  return null;
}

/** Without an invitation only while the founders are written down: nothing was owned before. */
function faultOfInvitation(state: ClusterState, node: NodeId, key: string | null): Change | null {
  if (key === null) {
    if (state.lastEpoch < state.firstEpoch) return null;
    return refuse(state, 'INVITATION_REQUIRED', `node ${node}`);
  }
  const invitation = invitationOf(state, key);
  if (invitation === null) return refuse(state, 'INVITATION_UNKNOWN', key);
  if (invitation.usedBy !== null) {
    return refuse(state, 'INVITATION_USED', `${invitation.usedBy} came in by it`);
  }
  if (invitation.node === null || invitation.node === node) return null;
  return refuse(state, 'INVITATION_MISMATCH', `made for ${invitation.node}, not for ${node}`);
}

function collides(a: Member, b: Member): boolean {
  if (a.node === b.node || a.peerId === b.peerId) return true;
  const taken = new Set(Object.values(a.addresses));
  return Object.values(b.addresses).some((address) => taken.has(address));
}

/** What the operators want; Raft's configuration follows as soon as it can. */
export function applySetRole(
  state: ClusterState,
  index: number,
  { node, role, by }: Of<'set-role'>,
): Change {
  const member = lookup(state.members, node);
  if (member === null) return refuse(state, 'UNKNOWN_NODE', `node ${node}`);
  if (member.role === role) return accept(state, null);
  const members = { ...state.members, [node]: { ...member, role } };
  const groups = role === 'leaving' && isLevel3(state) ? unwanted(state, node) : state.groups;
  if (!hasVoter(members)) return refuse(state, 'LAST_VOTER', `node ${node}`);
  const line = { index, event: 'role', group: null, epoch: state.lastEpoch, node } as const;
  const detail = `${role}, by ${by}`;
  return accept(recorded({ ...state, members, groups }, { ...line, detail }), null);
}

/** Nothing goes to a node that leaves, and nobody wishes it there any more. */
function unwanted({ groups }: ClusterState, node: NodeId): ClusterState['groups'] {
  return Object.fromEntries(
    Object.entries(groups).map(([name, group]): [string, GroupState] => {
      const { releaseTo, wish } = group;
      if (releaseTo !== node && wish?.node !== node) return [name, group];
      const onItsWay = releaseTo === node ? { releaseTo: null } : {};
      return [name, { ...group, ...onItsWay, ...(wish?.node === node ? { wish: null } : {}) }];
    }),
  );
}

function hasVoter(members: ClusterState['members']): boolean {
  return Object.values(members).some(({ role }) => role === 'voter');
}

/** Refused unless it is leaving: an operator who has changed their mind in time is heard. */
export function applyRemoveMember(
  state: ClusterState,
  index: number,
  { node }: Of<'remove-member'>,
): Change {
  const member = lookup(state.members, node);
  if (member === null) return refuse(state, 'UNKNOWN_NODE', `node ${node}`);
  if (member.role !== 'leaving') {
    return refuse(state, 'MEMBER_NOT_LEAVING', `${node} is a ${member.role}`);
  }
  const held = heldBy(state, node);
  if (held !== null) {
    return refuse(state, 'MEMBER_IN_USE', `${node} still counts for ${held.definition.group}`);
  }
  const line = { index, event: 'member-removed', group: null, epoch: state.lastEpoch } as const;
  return accept(recorded(withTombstone(state, node), { ...line, node }), null);
}

/** The state without this member, which is remembered among the removed ones. */
export function withTombstone(state: ClusterState, node: NodeId): ClusterState {
  const member = lookup(state.members, node)?.member;
  if (member === undefined) return state;
  const { number, peerId } = member;
  const removed = [...state.removed, { node, number, peerId }].slice(-TOMBSTONE_LIMIT);
  return { ...state, members: without(state.members, node), removed };
}
