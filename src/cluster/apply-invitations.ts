/**
 * Invitations: a key that an operator made may bring one new member in, once. What is committed is
 * the public half; whoever joins proves that it holds the private one (`mesh`).
 *
 * A replay knows no clock, so an invitation is not refused here because it is too old: the leader
 * looks at `expiresAtMs` before it proposes an admission.
 */
import type { NodeId } from '../lib/ids.ts';
import { accept, type Change, recorded, refuse } from './change.ts';
import type { Command } from './command.ts';
import { isName, NAME_RULE } from './name.ts';
import { lookup } from './queries.ts';
import { type ClusterState, INVITATION_LIMIT, type Invitation } from './state.ts';

type Of<K extends Command['kind']> = Extract<Command, { readonly kind: K }>;

export function applyInvite(state: ClusterState, index: number, command: Of<'invite'>): Change {
  const { kind: _, ...invited } = command;
  const invitation: Invitation = { ...invited, usedBy: null };
  const fault = faultOf(state, invitation);
  if (fault !== null) return fault;
  const { by, role, node } = invitation;
  const after = { ...state, invitations: [...state.invitations, invitation] };
  const line = { index, event: 'invited', group: null, epoch: state.lastEpoch, node } as const;
  return accept(recorded(after, { ...line, detail: `as ${role}, by ${by}` }), null);
}

function faultOf(state: ClusterState, { peerId, node }: Invitation): Change | null {
  if (peerId === '') return refuse(state, 'INVALID_DEFINITION', 'the peer id is empty');
  if (invitationOf(state, peerId) !== null) return refuse(state, 'INVITATION_EXISTS', peerId);
  if (Object.values(state.members).some((other) => other.member.peerId === peerId)) {
    return refuse(state, 'MEMBER_EXISTS', `peer ${peerId}`);
  }
  if (state.invitations.length >= INVITATION_LIMIT) {
    return refuse(state, 'TOO_MANY_INVITATIONS', `${INVITATION_LIMIT} are open`);
  }
  return node === null ? null : faultOfName(state, node);
}

function faultOfName(state: ClusterState, node: string): Change | null {
  if (!isName(node)) return refuse(state, 'INVALID_DEFINITION', `node ${node}: ${NAME_RULE}`);
  if (lookup(state.members, node) !== null) return refuse(state, 'MEMBER_EXISTS', `node ${node}`);
  return state.usedNames.includes(node) ? refuse(state, 'NAME_USED', `node ${node}`) : null;
}

/** Also how the leader forgets an invitation that has expired; a used one is forgotten silently. */
export function applyRevokeInvitation(
  state: ClusterState,
  index: number,
  { peerId, by }: Of<'revoke-invitation'>,
): Change {
  const invitation = invitationOf(state, peerId);
  if (invitation === null) return refuse(state, 'INVITATION_UNKNOWN', peerId);
  const invitations = state.invitations.filter((one) => one.peerId !== peerId);
  const revoked: ClusterState = { ...state, invitations };
  if (invitation.usedBy !== null) return accept(revoked, null);
  const line = { index, event: 'invitation-revoked', group: null, epoch: state.lastEpoch } as const;
  const { node } = invitation;
  return accept(recorded(revoked, { ...line, node, detail: `by ${by}` }), null);
}

/** The invitation with this key, open or used; or null. */
export function invitationOf(state: ClusterState, peerId: string): Invitation | null {
  return state.invitations.find((one) => one.peerId === peerId) ?? null;
}

export function withUsedInvitation(
  state: ClusterState,
  peerId: string,
  usedBy: NodeId,
): ClusterState {
  const invitations = state.invitations.map((one) =>
    one.peerId === peerId ? { ...one, usedBy } : one,
  );
  return { ...state, invitations };
}
