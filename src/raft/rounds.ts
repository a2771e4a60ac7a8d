/**
 * Rounds: numbered questions "do you still follow me?" that every follower echoes.
 *
 * An echo of round r proves that its sender followed us after r began. From that come
 *   - CheckQuorum: a leader that no quorum has echoed for `checkQuorumMs`, counted from when the
 *     echoed rounds *began*, steps down. A thawed leader that finds queued echoes learns from them
 *     only how things stood before it froze.
 *   - ReadIndex: a read is confirmed by a quorum of echoes of a round that began after the read
 *     came. No clock is asked.
 *
 * Reads wait for the first commit of the term, before which a leader does not know what is committed
 * (etcd#7331). While one round of reads is open, later reads gather for the next round.
 *
 * Reference: thesis §6.2 (CheckQuorum), §6.4 (ReadIndex); etcd#20418 for why ids are never reused.
 */
import type { Millis } from '../lib/ids.ts';
import { votersOf } from './configuration.ts';
import type { Progress } from './progress.ts';
import { quorumValue } from './quorum.ts';
import { isInContact, sendHeartbeat } from './sending.ts';
import type { Leadership, State } from './state.ts';

/** Reads that may wait at once; more are refused. */
const MAX_PENDING_READS = 4096;

/** Begins a round and asks every follower. */
export function beginRound(state: State, lead: Leadership): void {
  openRound(state, lead);
  for (const [peer, progress] of lead.peers) sendHeartbeat(state, lead, peer, progress);
}

/** Begins a round whose question travels with messages that leave in this step anyway. */
export function openRound(state: State, lead: Leadership): void {
  const { now, options } = state;
  lead.round += 1;
  lead.roundsBegan.set(lead.round, now);
  for (const [id, beganMs] of lead.roundsBegan) {
    if (beganMs >= now - options.checkQuorumMs) break;
    lead.roundsBegan.delete(id);
  }
  lead.heartbeatDeadlineMs = now + options.heartbeatMs;
  if (!hasCommittedInTerm(state)) return;
  for (const read of lead.reads) {
    read.round ??= { id: lead.round, beganMs: now, index: state.commitIndex };
  }
}

/** Notes an echo. Ids that we never gave out are not believed. */
export function echoed(lead: Leadership, progress: Progress, round: number): void {
  if (round > lead.round || round <= progress.echoedRound) return;
  progress.echoedRound = round;
  const beganMs = lead.roundsBegan.get(round);
  if (beganMs !== undefined) progress.contactMs = Math.max(progress.contactMs, beganMs);
}

/** The latest moment since which a quorum is known to have followed us. */
export function quorumContactMs(state: State, lead: Leadership): Millis {
  return quorumValue(state.configurations.inForce, (voter) =>
    voter === state.options.id
      ? Number.POSITIVE_INFINITY
      : (lead.peers.get(voter)?.contactMs ?? Number.NEGATIVE_INFINITY),
  );
}

export function hasLostQuorum(state: State, lead: Leadership): boolean {
  return state.now >= quorumContactMs(state, lead) + state.options.checkQuorumMs;
}

export function addRead(state: State, lead: Leadership, readId: number): void {
  if (lead.reads.length >= MAX_PENDING_READS) {
    state.outbox.readsRejected.push({ readId, leader: state.leader });
    return;
  }
  lead.reads.push({ readId, round: null });
  serveReads(state, lead);
}

/** Answers the reads that a quorum has confirmed, and asks for those that wait. */
export function serveReads(state: State, lead: Leadership): void {
  if (lead.reads.length === 0) return;
  confirmReads(state, lead);
  const open = lead.reads.some((read) => read.round !== null);
  if (open || lead.reads.length === 0 || !hasCommittedInTerm(state)) return;
  beginRound(state, lead);
  confirmReads(state, lead);
}

function confirmReads(state: State, lead: Leadership): void {
  const confirmed = quorumValue(state.configurations.inForce, (voter) =>
    voter === state.options.id
      ? Number.POSITIVE_INFINITY
      : (lead.peers.get(voter)?.echoedRound ?? 0),
  );
  lead.reads = lead.reads.filter(({ readId, round }) => {
    if (round === null || round.id > confirmed) return true;
    state.outbox.reads.push({ readId, index: round.index, beganMs: round.beganMs });
    return false;
  });
}

export function hasCommittedInTerm(state: State): boolean {
  return state.log.termAt(state.commitIndex) === state.term;
}

/** The voter, other than us, that would make the best next leader: heard lately, longest log. */
export function bestSuccessor(state: State, lead: Leadership): string | null {
  let best: { readonly voter: string; readonly match: number } | null = null;
  for (const voter of votersOf(state.configurations.inForce)) {
    const progress = lead.peers.get(voter);
    if (progress === undefined || !isInContact(state, progress)) continue;
    if (best === null || progress.match > best.match) best = { voter, match: progress.match };
  }
  return best?.voter ?? null;
}
