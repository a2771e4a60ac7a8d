/**
 * The mutable inside of the core, shared by the files that each hold one part of the rules. Nothing
 * outside this folder sees it.
 *
 * What only a leader or only a candidate has lives in its role, so that stepping down forgets it.
 *
 * Reference: Raft figure 2 ("State").
 */
import { assert } from '../lib/assert.ts';
import type { Millis, NodeId } from '../lib/ids.ts';
import type { Random } from '../lib/random.ts';
import type { ConfigurationHistory } from './configuration.ts';
import type { RaftLog } from './log.ts';
import type { Body, Outbox } from './outbox.ts';
import type { Progress } from './progress.ts';
import type { HardState, RaftMessage, RaftOptions, SnapshotMeta } from './types.ts';
import type { WriteQueue } from './write-queue.ts';

export type Vote = {
  readonly granted: boolean;
  /** Before this moment, on our clock, the voter last acknowledged an earlier leader. */
  readonly horizonMs: Millis;
};

export type QueuedProposal = { readonly proposalId: number; readonly data: Uint8Array };

export type Campaign = {
  readonly kind: 'pre-candidate' | 'candidate';
  /** By voter, so that a duplicated reply counts once; the first answer stands. */
  readonly votes: Map<NodeId, Vote>;
  /** A candidate's own vote, which counts when it is durable. */
  readonly own: Vote;
  /** Came while the election was open; they follow the no-op or are refused when it is lost. */
  readonly proposals: QueuedProposal[];
};

export type PendingRead = {
  readonly readId: number;
  /** The round whose quorum confirms it; null until one began after the read came. */
  round: { readonly id: number; readonly beganMs: Millis; readonly index: number } | null;
};

export type Transfer = {
  readonly to: NodeId;
  readonly deadlineMs: Millis;
};

export type Leadership = {
  readonly kind: 'leader';
  readonly peers: Map<NodeId, Progress>;
  /** Ids grow by one from 1 within a term; replies of other terms never reach them. */
  round: number;
  /** Begin of every round that is young enough to matter for CheckQuorum, ascending. */
  readonly roundsBegan: Map<number, Millis>;
  reads: PendingRead[];
  transfer: Transfer | null;
  heartbeatDeadlineMs: Millis;
  /** Chunks of snapshots that were sent, to whomever, since a moment not long ago. */
  readonly bulk: { sinceMs: Millis; chunks: number };
  uncommittedBytes: number;
};

export type RoleState = { readonly kind: 'follower' } | Campaign | Leadership;

/** An acknowledgement: which round it echoed, and up to where the logs agree. A term has one leader. */
export type Told = {
  readonly term: number;
  readonly round: number;
  readonly matchIndex: number;
};

/** A snapshot that is arriving in chunks, all from one leader in one term. */
export type Incoming = {
  readonly from: NodeId;
  readonly meta: SnapshotMeta;
  readonly chunks: Uint8Array[];
  bytes: number;
};

export type State = {
  readonly options: RaftOptions;
  readonly log: RaftLog;
  readonly configurations: ConfigurationHistory;
  readonly writes: WriteQueue;
  /** Of the step that is being taken. */
  now: Millis;
  random: Random;
  readonly outbox: Outbox;

  role: RoleState;
  term: number;
  votedFor: NodeId | null;
  leader: NodeId | null;
  commitIndex: number;
  /** Handed out in `committed`, or part of a snapshot that was. */
  deliveredIndex: number;
  appliedIndex: number;
  /** Followers campaign then; candidates give up and ask anew. */
  electionDeadlineMs: Millis;
  /** When the present leader was last heard. */
  leaderContactMs: Millis;
  /** When this node last acknowledged any leader, itself included; its start at the earliest. */
  acknowledgedMs: Millis;
  /** What a leader was told last without a refusal; null: nothing in this life. */
  told: Told | null;
  /** The driver says that a write does not come back; nobody to lead the cluster. */
  diskStalled: boolean;
  incoming: Incoming | null;
};

export function hardStateOf(state: State): HardState {
  return { term: state.term, votedFor: state.votedFor, commitIndex: state.commitIndex };
}

/** Term and vote are on the disk: what depends on them may leave at once. */
export function identityIsDurable(state: State): boolean {
  return state.writes.durableTerm === state.term && state.writes.durableVote === state.votedFor;
}

export function electionTimeout(state: State): Millis {
  const { electionTimeoutMs, electionGapMs, rank } = state.options;
  return electionTimeoutMs + rank * electionGapMs + state.random.below(Math.ceil(electionGapMs));
}

export function armElection(state: State): void {
  state.electionDeadlineMs = state.now + electionTimeout(state);
}

/** An envelope in our name, in the present term unless the rule at hand names another one. */
export function envelope(state: State, to: NodeId, body: Body, term = state.term): RaftMessage {
  return { from: state.options.id, to, term, ...body };
}

export function sendNow(state: State, to: NodeId, body: Body, term = state.term): void {
  state.outbox.sendNow.push(envelope(state, to, body, term));
}

export function sendAfterPersist(state: State, to: NodeId, body: Body): void {
  state.outbox.sendAfterPersist.push(envelope(state, to, body));
}

/** The commit index never goes back and never passes the log. */
export function commitUpTo(state: State, index: number): void {
  assert(index <= state.log.lastIndex, `commit index ${index} passes the log`);
  state.commitIndex = Math.max(state.commitIndex, index);
}
