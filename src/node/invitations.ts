/**
 * The leader's care for invitations: one that has expired brings nobody in any more, and is taken out
 * of the cluster's state, so that its key does not even get a connection.
 *
 * The state machine knows no clock, so this is the one place that judges `expiresAtMs`, by the wall
 * clock of the node that leads. A leader whose clock is wrong lets an invitation live for longer or
 * shorter; nobody comes in without one.
 */
import { invitationOf } from '../cluster/apply-invitations.ts';
import type { Command } from '../cluster/command.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { Proposal } from '../failover/bootstrap.ts';
import type { Millis } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import type { Guests } from '../mesh/mesh.ts';

/** Who makes the last mark in the history of an invitation that nobody used. */
const BY = 'the leader: expired';

/** INVITATION_EXPIRED for an admission that comes too late; null for everything else. */
export function lateAdmission(
  state: ClusterState,
  command: Command,
  wallMs: Millis,
): ProblemCode | null {
  if (command.kind !== 'admit-member' || command.invitation === null) return null;
  const invitation = invitationOf(state, command.invitation);
  return invitation !== null && invitation.expiresAtMs <= wallMs ? 'INVITATION_EXPIRED' : null;
}

/** What the leader proposes so that expired invitations go. */
export function expiredInvitations(state: ClusterState, wallMs: Millis): readonly Proposal[] {
  return state.invitations
    .filter(({ expiresAtMs }) => expiresAtMs <= wallMs)
    .map(({ peerId }) => ({
      key: `revoke:${peerId}`,
      command: { kind: 'revoke-invitation', peerId, by: BY },
    }));
}

/** Whose keys are known at the door, though they are no members. */
export function guestsOf({ invitations, removed }: ClusterState): Guests {
  return {
    invited: invitations.map(({ peerId }) => peerId),
    removed: removed.map(({ peerId }) => peerId),
  };
}
