/**
 * A leader's own deeds: taking office, appending, committing, its deadlines, leaving office.
 *
 * A new leader appends a no-op, since it may commit entries of earlier terms only through one of its
 * own (Raft §5.4.2, figure 8). Proposals that came while the election was open follow it in the same
 * message and the same write.
 *
 * Does not interpret what followers answer (replication.ts), nor hand over in order (transfer.ts).
 *
 * Reference: Raft §5.3, §5.4.2, §8; thesis §6.4.
 */
import type { Millis, NodeId } from '../lib/ids.ts';
import { isVoter, membersOf, votersOf } from './configuration.ts';
import { entryBytes } from './log.ts';
import { Progress } from './progress.ts';
import { quorumValue } from './quorum.ts';
import { becomeFollower } from './roles.ts';
import {
  beginRound,
  bestSuccessor,
  hasLostQuorum,
  openRound,
  quorumContactMs,
  serveReads,
} from './rounds.ts';
import { type Campaign, commitUpTo, type Leadership, type State, sendNow } from './state.ts';
import { askSuccessor } from './transfer.ts';
import type { Entry } from './types.ts';

/** candidate -> leader */
export function becomeLeader(state: State, campaign: Campaign): void {
  const { configurations, log, now, options, outbox } = state;
  const peers = new Map<NodeId, Progress>();
  for (const member of membersOf(configurations.inForce)) {
    if (member !== options.id) peers.set(member, new Progress(log.lastIndex + 1, now));
  }
  const lead: Leadership = {
    kind: 'leader',
    peers,
    round: 0,
    roundsBegan: new Map(),
    reads: [],
    transfer: null,
    heartbeatDeadlineMs: now,
    bulk: { sinceMs: now, chunks: 0 },
    uncommittedBytes: log.bytesOf(state.commitIndex + 1, log.lastIndex),
  };
  state.role = lead;
  state.leader = options.id;
  outbox.horizonMs = horizonOf(state, campaign);
  openRound(state, lead);
  appendOwn(state, lead, { kind: 'no-op', index: log.lastIndex + 1, term: state.term });
  for (const { proposalId, data } of campaign.proposals) {
    acceptProposal(state, lead, proposalId, data);
  }
}

/**
 * DESIGN §7: every quorum of an earlier leader shares a voter with the one that elected us, so no
 * earlier leader heard a quorum after the latest moment at which one of these voters acknowledged.
 */
function horizonOf(state: State, campaign: Campaign): Millis {
  let horizonMs = Number.NEGATIVE_INFINITY;
  for (const voter of votersOf(state.configurations.inForce)) {
    const vote = campaign.votes.get(voter);
    if (vote?.granted === true) horizonMs = Math.max(horizonMs, vote.horizonMs);
  }
  return horizonMs;
}

export function propose(state: State, proposalId: number, data: Uint8Array): void {
  const { role, outbox, options } = state;
  if (role.kind === 'candidate') {
    const held = role.proposals.reduce((sum, one) => sum + one.data.byteLength, 0);
    if (role.proposals.length > 0 && held + data.byteLength > options.maxUncommittedBytes) {
      outbox.rejectProposal(proposalId, 'TOO_MANY_UNCOMMITTED', null);
    } else {
      role.proposals.push({ proposalId, data });
    }
    return;
  }
  if (role.kind !== 'leader') outbox.rejectProposal(proposalId, 'NOT_LEADER', state.leader);
  else if (role.transfer !== null) {
    outbox.rejectProposal(proposalId, 'TRANSFERRING', state.leader);
  } else acceptProposal(state, role, proposalId, data);
}

function acceptProposal(
  state: State,
  lead: Leadership,
  proposalId: number,
  data: Uint8Array,
): void {
  const { log, options, outbox, term } = state;
  const entry: Entry = { kind: 'command', index: log.lastIndex + 1, term, data };
  const bytes = lead.uncommittedBytes + entryBytes(entry);
  // One proposal is always let in, however large: otherwise it could never be.
  if (lead.uncommittedBytes > 0 && bytes > options.maxUncommittedBytes) {
    outbox.rejectProposal(proposalId, 'TOO_MANY_UNCOMMITTED', state.leader);
    return;
  }
  appendOwn(state, lead, entry);
  outbox.accepted.push({ proposalId, index: entry.index, term });
}

export function appendOwn(state: State, lead: Leadership, entry: Entry): void {
  state.log.append(entry);
  state.configurations.appended(entry);
  lead.uncommittedBytes += entryBytes(entry);
}

/** Raft §5.4.2: only an entry of the present term is committed by counting; the rest follow it. */
export function advanceCommit(state: State, lead: Leadership): void {
  const { configurations, log, options, writes } = state;
  const reached = quorumValue(configurations.inForce, (voter) =>
    voter === options.id ? writes.durableIndex : (lead.peers.get(voter)?.match ?? 0),
  );
  if (reached <= state.commitIndex || log.termAt(reached) !== state.term) return;
  lead.uncommittedBytes -= log.bytesOf(state.commitIndex + 1, reached);
  commitUpTo(state, reached);
  serveReads(state, lead);
}

export function leaderDeadlineMs(state: State, lead: Leadership): Millis {
  return Math.min(
    lead.heartbeatDeadlineMs,
    quorumContactMs(state, lead) + state.options.checkQuorumMs,
    lead.transfer?.deadlineMs ?? Number.POSITIVE_INFINITY,
  );
}

/** CheckQuorum first: a leader that has lost its quorum must not send one more heartbeat. */
export function onLeaderDeadline(state: State, lead: Leadership): void {
  if (stepDownWithoutQuorum(state)) return;
  if (state.now < lead.heartbeatDeadlineMs) return;
  beginRound(state, lead);
  askSuccessor(state, lead);
}

/** leader -> follower, when no quorum has been heard for too long. Answers whether it happened. */
export function stepDownWithoutQuorum(state: State): boolean {
  if (state.role.kind !== 'leader' || !hasLostQuorum(state, state.role)) return false;
  becomeFollower(state, state.term, null);
  return true;
}

/** leader -> follower, once the configuration that leaves it out is committed (Raft §6). */
export function stepDownWhenRemoved(state: State): void {
  const { configurations, options, role } = state;
  if (role.kind !== 'leader' || state.commitIndex < configurations.index) return;
  if (!isVoter(configurations.inForce, options.id)) stepDownInFavour(state, role);
}

/**
 * leader -> follower, and the best of the others need not wait for a timeout. For a leader that was
 * removed, and for one whose log cannot be written (DESIGN §4).
 */
export function stepDownInFavour(state: State, lead: Leadership): void {
  const successor = bestSuccessor(state, lead);
  if (successor !== null) sendNow(state, successor, { kind: 'timeout-now' });
  becomeFollower(state, state.term, null);
}
