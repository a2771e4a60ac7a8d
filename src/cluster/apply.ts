/**
 * The replicated state machine: one committed command at a time changes the state, on every node in
 * the same order, to the same result.
 *
 * Total: every command has an answer for every state. A command that does not fit, because it was
 * planned on a state that is gone, is refused and changes nothing; whoever proposed it reads the
 * code. Nothing here knows clocks, nodes that live, or disks: what must have been observed (that an
 * owner is dead, that a lease has run out) is the proposer's to know and stands in the command.
 *
 * Reference: DESIGN §7; Raft §5.3 (state machine safety).
 */
import { unreachable } from '../lib/assert.ts';
import { applyPledge, applyStopped } from './apply-evidence.ts';
import { applyDefineGroup, applyDeleteGroup } from './apply-groups.ts';
import { applyInvite, applyRevokeInvitation } from './apply-invitations.ts';
import {
  applyAdmitMember,
  applyCreateCluster,
  applyRemoveMember,
  applySetRole,
} from './apply-members.ts';
import { applySetMode } from './apply-mode.ts';
import { applyAssign, applyRelease } from './apply-ownership.ts';
import {
  applyExpired,
  applyForgetFailures,
  applySetCapacity,
  applySetLevel,
  applySetWish,
} from './apply-policy.ts';
import { applyRecover } from './apply-recover.ts';
import { applyReport } from './apply-report.ts';
import { applyFenced, applyServing, applyTakeoverFailed } from './apply-takeover.ts';
import { type Applied, type Change, refuse } from './change.ts';
import type { Command } from './command.ts';
import { isTooNew, levelNeeded, levelOf } from './level.ts';
import type { ClusterState } from './state.ts';

export type { Applied };

/** `index` is the command's place in the log; it is noted in the history. */
export function apply(state: ClusterState, index: number, command: Command): Change {
  if (command.kind !== 'create-cluster' && state.clusterId === null) {
    return refuse(state, 'NO_CLUSTER', `${command.kind} before create-cluster`);
  }
  if (isTooNew(state, command)) {
    const needed = `needs feature level ${levelNeeded(command)}`;
    return refuse(state, 'FEATURE_LEVEL_LOW', `${needed}; this is ${levelOf(state)}`);
  }
  switch (command.kind) {
    case 'create-cluster':
      return applyCreateCluster(state, index, command);
    case 'invite':
      return applyInvite(state, index, command);
    case 'revoke-invitation':
      return applyRevokeInvitation(state, index, command);
    case 'admit-member':
      return applyAdmitMember(state, index, command);
    case 'set-role':
      return applySetRole(state, index, command);
    case 'remove-member':
      return applyRemoveMember(state, index, command);
    case 'recover':
      return applyRecover(state, index, command);
    case 'define-group':
      return applyDefineGroup(state, index, command);
    case 'delete-group':
      return applyDeleteGroup(state, index, command);
    case 'assign':
      return applyAssign(state, index, command);
    case 'release':
      return applyRelease(state, index, command);
    case 'pledge':
      return applyPledge(state, command);
    case 'stopped':
      return applyStopped(state, index, command);
    case 'fenced':
      return applyFenced(state, index, command);
    case 'serving':
      return applyServing(state, index, command);
    case 'report':
      return applyReport(state, command);
    case 'takeover-failed':
      return applyTakeoverFailed(state, index, command);
    case 'set-mode':
      return applySetMode(state, index, command);
    case 'set-level':
      return applySetLevel(state, index, command);
    case 'forget-failures':
      return applyForgetFailures(state, index, command);
    case 'set-wish':
      return applySetWish(state, index, command);
    case 'set-capacity':
      return applySetCapacity(state, index, command);
    case 'expired':
      return applyExpired(state, index, command);
    default:
      return unreachable(command);
  }
}
