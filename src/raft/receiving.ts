/**
 * The rules about terms, which come before every other rule, and the way of each message to the
 * file that knows what it means.
 *
 * Appends, snapshots and vote requests are taken from any sender: it may belong to a configuration
 * that we have not received yet (Raft §6). Replies only count from those that we ask.
 *
 * Reference: Raft §5.1; thesis §4.2.3.
 */

import { isMember } from './configuration.ts';
import { hearsLeaderOtherThan, onPreVote, onVote, onVoteReply } from './election.ts';
import { onAppend } from './following.ts';
import { onSnapshot } from './install.ts';
import type { Snapshot } from './log.ts';
import { isPlausible } from './plausible.ts';
import { onAppendReply, onSnapshotReply } from './replication.ts';
import { becomeFollower } from './roles.ts';
import { type State, sendAfterPersist } from './state.ts';
import { onTimeoutNow, onTransferRefused, refuse } from './transfer.ts';
import type { RaftMessage } from './types.ts';

/** Answers the snapshot that the message completed, if it did. */
export function receive(state: State, message: RaftMessage): Snapshot | null {
  const { id } = state.options;
  if (message.to !== id || message.from === id || !isPlausible(message)) return null;
  if (message.kind === 'pre-vote') {
    onPreVote(state, message);
    return null;
  }
  if (message.term > state.term && !acceptTerm(state, message)) return null;
  if (message.term < state.term) {
    answerOldTerm(state, message);
    return null;
  }
  return dispatch(state, message);
}

/** Takes over a higher term. False when the message is to be dropped. */
function acceptTerm(state: State, message: RaftMessage): boolean {
  switch (message.kind) {
    case 'append':
    case 'snapshot':
      becomeFollower(state, message.term, null);
      return true;
    case 'vote':
      if (!message.transfer && hearsLeaderOtherThan(state, message.from)) return false;
      becomeFollower(state, message.term, null);
      return true;
    case 'pre-vote-reply':
      if (message.granted) {
        // Granted for the term that we would campaign in; nobody is in that term yet.
        onVoteReply(state, message);
        return false;
      }
      break;
    case 'timeout-now':
      return false;
    default:
      break;
  }
  // A reply. Strangers are not asked, so they have nothing to tell.
  if (isMember(state.configurations.inForce, message.from)) {
    becomeFollower(state, message.term, null);
  }
  return false;
}

/** A sender that lags learns of our term; without that it could stay behind for ever. */
function answerOldTerm(state: State, message: RaftMessage): void {
  switch (message.kind) {
    case 'append':
    case 'snapshot':
      sendAfterPersist(state, message.from, {
        kind: 'append-reply',
        matchIndex: 0,
        conflict: null,
        readId: 0,
      });
      return;
    case 'vote':
      onVote(state, message);
      return;
    case 'pre-vote-reply':
      onVoteReply(state, message);
      return;
    case 'timeout-now':
      refuse(state, message.from);
      return;
    default:
  }
}

function dispatch(state: State, message: RaftMessage): Snapshot | null {
  const { role } = state;
  switch (message.kind) {
    case 'append':
      onAppend(state, message);
      return null;
    case 'snapshot':
      return onSnapshot(state, message);
    case 'vote':
      onVote(state, message);
      return null;
    case 'vote-reply':
    case 'pre-vote-reply':
      onVoteReply(state, message);
      return null;
    case 'append-reply':
      if (role.kind === 'leader') onAppendReply(state, role, message);
      return null;
    case 'snapshot-reply':
      if (role.kind === 'leader') onSnapshotReply(state, role, message);
      return null;
    case 'timeout-now':
      onTimeoutNow(state, message.from);
      return null;
    case 'transfer-refused':
      if (role.kind === 'leader') onTransferRefused(state, role, message.from);
      return null;
    default:
      return null;
  }
}
