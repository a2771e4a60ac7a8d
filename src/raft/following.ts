/**
 * What a node does with the entries that a leader of its term sends.
 *
 * Any message of the present leader is a sign of life, also one whose entries are refused
 * (redpanda#30817). New entries are acknowledged when they are durable; an append without entries is
 * answered at once, with what is durable so far, so that a slow disk never makes a healthy follower
 * look dead.
 *
 * Never touches a committed entry: a message that would is not from a sound leader and is dropped.
 *
 * Reference: Raft §5.3, figure 2 ("AppendEntries RPC").
 */
import type { NodeId } from '../lib/ids.ts';
import { becomeFollower } from './roles.ts';
import {
  armElection,
  commitUpTo,
  identityIsDurable,
  type State,
  sendAfterPersist,
  sendNow,
} from './state.ts';
import type { Entry, RaftMessage } from './types.ts';

type Append = Extract<RaftMessage, { kind: 'append' }>;

/** follower | pre-candidate | candidate -> follower of `from`. False when we lead this term. */
export function follow(state: State, from: NodeId): boolean {
  if (state.role.kind === 'leader') return false;
  // Election Safety: a term has one leader, so a second one is a lie or a broken memory.
  if (state.leader !== null && state.leader !== from) return false;
  becomeFollower(state, state.term, from);
  state.leaderContactMs = state.now;
  state.acknowledgedMs = state.now;
  armElection(state);
  return true;
}

export function onAppend(state: State, message: Append): void {
  if (contradictsCommitted(state, message) || !follow(state, message.from)) return;
  const { prevIndex, prevTerm, entries, readId } = message;
  const { log } = state;
  const last = prevIndex + entries.length;
  if (last <= state.commitIndex) {
    acknowledge(state, message, state.commitIndex);
  } else if (prevIndex >= state.commitIndex && log.termAt(prevIndex) !== prevTerm) {
    const matchIndex = Math.min(state.commitIndex, state.writes.durableIndex);
    // What is committed agrees with every leader, so the search never has to go below it.
    const index = Math.max(state.commitIndex, log.lastPlaceAtMost(prevIndex, prevTerm));
    const conflict = { index, term: log.termAt(index) ?? 0 };
    const body = { kind: 'append-reply', matchIndex, conflict, readId } as const;
    if (identityIsDurable(state)) sendNow(state, message.from, body);
    else sendAfterPersist(state, message.from, body);
  } else {
    adopt(state, entries);
    commitUpTo(state, Math.min(message.commitIndex, last));
    acknowledge(state, message, last);
  }
}

/** Skips what is there already: a late message must not shorten the log (Raft §5.3, step 3). */
function adopt(state: State, entries: readonly Entry[]): void {
  const { configurations, log, writes } = state;
  for (const entry of entries) {
    if (entry.index <= state.commitIndex || log.termAt(entry.index) === entry.term) continue;
    if (entry.index <= log.lastIndex) {
      log.truncate(entry.index);
      writes.truncated(entry.index);
      configurations.truncated(entry.index);
    }
    log.append(entry);
    configurations.appended(entry);
  }
}

/**
 * Tells the leader that our logs agree up to `verified`, as far as it is or will be durable. An append
 * that only brings a new commit index in a round that was answered needs no second answer: it would
 * say nothing new, and if the first one was lost, the next heartbeat is a round of its own.
 */
function acknowledge(state: State, message: Append, verified: number): void {
  const { durableIndex } = state.writes;
  const now =
    identityIsDurable(state) && (message.entries.length === 0 || verified <= durableIndex);
  const matchIndex = now ? Math.min(verified, durableIndex) : verified;
  const { readId } = message;
  if (now && message.entries.length === 0 && isTold(state, readId, matchIndex)) return;
  state.told = { term: state.term, round: readId, matchIndex };
  const body = { kind: 'append-reply', matchIndex, conflict: null, readId } as const;
  if (now) sendNow(state, message.from, body);
  else sendAfterPersist(state, message.from, body);
}

/** What waited for the disk was sent when it was durable. */
function isTold({ told, term, writes }: State, round: number, match: number): boolean {
  if (told === null || told.term !== term) return false;
  const sent = told.matchIndex <= writes.durableIndex;
  return sent && told.round === round && told.matchIndex >= match;
}

/** Log Matching and Leader Completeness say that this cannot come from a leader. */
function contradictsCommitted(state: State, { prevIndex, prevTerm, entries }: Append): boolean {
  const { commitIndex, log } = state;
  const ours = log.termAt(commitIndex);
  if (prevIndex === commitIndex) return prevTerm !== ours;
  const theirs = entries[commitIndex - prevIndex - 1];
  return theirs !== undefined && theirs.term !== ours;
}
