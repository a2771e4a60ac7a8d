/**
 * Commands that create the cluster and say who belongs to it. A member's number is part of its
 * reservation keys, so it is given once and never again, not even after the member has gone.
 */
import { MAX_EPOCH } from '../lib/ids.ts';
import { accept, type Change, recorded, refuse, without } from './change.ts';
import type { Command } from './command.ts';
import type { Member } from './definition.ts';
import { isName, NAME_RULE } from './name.ts';
import { lookup } from './queries.ts';
import type { ClusterState } from './state.ts';

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
  const created = { ...state, clusterId, lastEpoch };
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
  { member }: Of<'admit-member'>,
): Change {
  const { node, number } = member;
  if (!isName(node)) return refuse(state, 'INVALID_DEFINITION', `node ${node}: ${NAME_RULE}`);
  if (!Number.isInteger(number) || number < 1 || number > MAX_NUMBER) {
    return refuse(state, 'INVALID_DEFINITION', `member number ${number} is not 1 … ${MAX_NUMBER}`);
  }
  const twin = Object.values(state.members).find((other) => collides(other.member, member));
  if (twin !== undefined) return refuse(state, 'MEMBER_EXISTS', `like ${twin.member.node}`);
  if (state.usedNumbers.includes(number)) {
    return refuse(state, 'NUMBER_USED', `member number ${number}`);
  }
  const admitted: ClusterState = {
    ...state,
    members: { ...state.members, [node]: { member, mode: 'online' } },
    usedNumbers: [...state.usedNumbers, number],
  };
  const line = {
    index,
    event: 'member-admitted',
    group: null,
    epoch: state.lastEpoch,
    node,
  } as const;
  return accept(recorded(admitted, line), null);
}

function collides(a: Member, b: Member): boolean {
  if (a.node === b.node || a.peerId === b.peerId) return true;
  const taken = new Set(Object.values(a.addresses));
  return Object.values(b.addresses).some((address) => taken.has(address));
}

export function applyRemoveMember(
  state: ClusterState,
  index: number,
  { node }: Of<'remove-member'>,
): Change {
  if (lookup(state.members, node) === null) return refuse(state, 'UNKNOWN_NODE', `node ${node}`);
  const held = Object.values(state.groups).find(
    (group) =>
      group.owner === node ||
      group.releaseTo === node ||
      group.unfinished.some((unfinished) => unfinished.node === node),
  );
  if (held !== undefined) {
    return refuse(state, 'MEMBER_IN_USE', `${node} still counts for ${held.definition.group}`);
  }
  const removed = { ...state, members: without(state.members, node) };
  const line = {
    index,
    event: 'member-removed',
    group: null,
    epoch: state.lastEpoch,
    node,
  } as const;
  return accept(recorded(removed, line), null);
}
