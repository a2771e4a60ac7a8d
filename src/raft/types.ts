/**
 * The shapes of the consensus core: what it is told, and the record `Ready` that it answers with.
 * All of it is plain, serialisable data. Names follow the Raft paper (Ongaro and Ousterhout, 2014,
 * extended version) and the thesis.
 */
import type { Millis, NodeId } from '../lib/ids.ts';

export type HardState = {
  readonly term: number;
  readonly votedFor: NodeId | null;
  readonly commitIndex: number;
};

/** `outgoing` is empty unless the configuration is joint (§6). Learners replicate and do not count. */
export type Configuration = {
  readonly voters: readonly NodeId[];
  readonly outgoing: readonly NodeId[];
  readonly learners: readonly NodeId[];
};

export type Entry = { readonly index: number; readonly term: number } & (
  | { readonly kind: 'command'; readonly data: Uint8Array }
  | { readonly kind: 'no-op' }
  | { readonly kind: 'configuration'; readonly configuration: Configuration }
);

/** Whom a change of membership leads to; who is in neither list is removed. */
export type ChangeTarget = {
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
};

export type SnapshotMeta = {
  readonly index: number;
  readonly term: number;
  readonly configuration: Configuration;
};

/** A vote request's reply carries the term of the request when granted, the voter's own when not. */
export type RaftMessage = { readonly from: NodeId; readonly to: NodeId; readonly term: number } & (
  | {
      readonly kind: 'pre-vote' | 'vote';
      readonly lastIndex: number;
      readonly lastTerm: number;
      /** The leader itself asked for this election, so voters need not wait until it falls silent. */
      readonly transfer: boolean;
    }
  | {
      readonly kind: 'pre-vote-reply' | 'vote-reply';
      readonly granted: boolean;
      /** Time since the voter last acknowledged an earlier leader; 0 after a restart (DESIGN §7). */
      readonly quietMs: Millis;
    }
  | {
      readonly kind: 'append';
      readonly prevIndex: number;
      readonly prevTerm: number;
      readonly entries: readonly Entry[];
      readonly commitIndex: number;
      /** Round id: an echo of it counts for CheckQuorum and ReadIndex rounds begun up to it. */
      readonly readId: number;
    }
  | {
      readonly kind: 'append-reply';
      /** Up to here the sender's log is durable and equals the leader's; also in a rejection. */
      readonly matchIndex: number;
      /** Rejection: the last place at which the sender's log may agree, and its term there. */
      readonly conflict: { readonly index: number; readonly term: number } | null;
      readonly readId: number;
    }
  | {
      readonly kind: 'snapshot';
      readonly meta: SnapshotMeta;
      readonly offset: number;
      readonly last: boolean;
      readonly chunk: Uint8Array;
      readonly readId: number;
    }
  | {
      readonly kind: 'snapshot-reply';
      readonly index: number;
      /** Bytes received so far; the leader sends the next chunk from here. */
      readonly offset: number;
      readonly done: boolean;
      readonly readId: number;
    }
  /** The leader hands over: campaign at once (thesis §3.10). */
  | { readonly kind: 'timeout-now' }
  /** The answer of a target that will not campaign, so that the leader need not wait for it. */
  | { readonly kind: 'transfer-refused' }
);

export type RaftEvent =
  | { readonly kind: 'message'; readonly message: RaftMessage }
  | { readonly kind: 'deadline' }
  | { readonly kind: 'propose'; readonly proposalId: number; readonly data: Uint8Array }
  /** Answered in `accepted` or `rejected`; over when a simple configuration is committed (§6). */
  | { readonly kind: 'change'; readonly proposalId: number; readonly target: ChangeTarget }
  /** The log store has synced everything up to (term, index) of the last `persist` with this mark. */
  | { readonly kind: 'durable'; readonly mark: number }
  | { readonly kind: 'disk-stalled'; readonly sinceMs: Millis }
  | { readonly kind: 'applied'; readonly index: number }
  /** The state machine was saved up to `meta`; the log before it may go, `state` serves followers. */
  | { readonly kind: 'compacted'; readonly meta: SnapshotMeta; readonly state: Uint8Array }
  /** Asks for a ReadIndex (§6.4 of the thesis); `readId` is the caller's, fresh for each attempt. */
  | { readonly kind: 'read'; readonly readId: number }
  /** Hand over to `to` within `timeoutMs`. What it came to: `transferEnded`, or another leader. */
  | { readonly kind: 'transfer'; readonly to: NodeId; readonly timeoutMs: Millis }
  /** The failure detector has proof that the leader's process is gone. */
  | { readonly kind: 'forget-leader' };

/** What may be handed in together with others of its kind, when all of it has arrived. */
export type GatheredEvent = Extract<RaftEvent, { kind: 'message' | 'propose' | 'durable' }>;

/**
 * How a transfer ended without a new leader: nobody was asked, or the target said no (`refused`); the
 * bound passed (`timed-out`); a transfer to another node took its place (`replaced`). In all of them
 * but the last, proposals are taken again. Success, and every other end of a leadership, shows in
 * `role` and `leader`.
 */
export type TransferEnded = {
  readonly to: NodeId;
  readonly outcome: 'refused' | 'timed-out' | 'replaced';
};

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

/** One synced batch. `mark` comes back in the `durable` event; marks grow by one. */
export type Persist = {
  readonly mark: number;
  readonly hardState: HardState | null;
  /** Replace everything stored from the first entry's index on. */
  readonly entries: readonly Entry[];
  /** A snapshot received from the leader: replaces log and state machine. */
  readonly snapshot: { readonly meta: SnapshotMeta; readonly state: Uint8Array } | null;
};

/** What the driver performs, in the written order. */
export type Ready = {
  /** May leave before the write. */
  readonly sendNow: readonly RaftMessage[];
  readonly persist: Persist | null;
  /** Leave only after `persist` (or, if null, after every earlier mark) is durable. */
  readonly sendAfterPersist: readonly RaftMessage[];
  /** A snapshot to load into the state machine before `committed` is applied. */
  readonly restore: { readonly meta: SnapshotMeta; readonly state: Uint8Array } | null;
  readonly committed: readonly Entry[];
  /** Reads that are confirmed: valid once `index` is applied; their quorum round began at `beganMs`. */
  readonly reads: readonly {
    readonly readId: number;
    readonly index: number;
    readonly beganMs: Millis;
  }[];
  readonly readsRejected: readonly { readonly readId: number; readonly leader: NodeId | null }[];
  readonly rejected: readonly {
    readonly proposalId: number;
    readonly code:
      | 'NOT_LEADER'
      | 'TOO_MANY_UNCOMMITTED'
      | 'TRANSFERRING'
      /** Of a change: another one is not finished. */
      | 'CHANGE_PENDING'
      /** Of a change: this leader has not committed anything yet; ask again. */
      | 'TERM_NOT_COMMITTED'
      | 'INVALID_CHANGE';
    readonly leader: NodeId | null;
  }[];
  readonly accepted: readonly {
    readonly proposalId: number;
    readonly index: number;
    readonly term: number;
  }[];
  readonly transferEnded: TransferEnded | null;
  readonly role: Role;
  readonly leader: NodeId | null;
  readonly term: number;
  readonly commitIndex: number;
  /**
   * Set in the step in which this node becomes leader: the latest moment, on this node's clock, at
   * which an earlier leader can have heard a quorum (DESIGN §7). Otherwise null.
   */
  readonly horizonMs: Millis | null;
  /** Call `step({kind: 'deadline'})` at this time at the latest. */
  readonly nextDeadlineMs: Millis;
};

/** All durations in milliseconds. `rank` (0 …) spaces the election timeouts of the voters. */
export type RaftOptions = {
  readonly id: NodeId;
  readonly heartbeatMs: Millis;
  readonly electionTimeoutMs: Millis;
  /** Gap G: timeout = electionTimeoutMs + rank·G + random below G. */
  readonly electionGapMs: Millis;
  readonly rank: number;
  /** A leader that has not heard a quorum for so long steps down and falls silent. */
  readonly checkQuorumMs: Millis;
  /** Drift bound ρ of any two clocks, for `horizonMs`. */
  readonly clockDrift: number;
  readonly maxInflightAppends: number;
  readonly maxAppendBytes: number;
  readonly maxUncommittedBytes: number;
  readonly snapshotChunkBytes: number;
};

/** What a node finds on its disk when it starts. */
export type Restored = {
  readonly hardState: HardState;
  readonly snapshot: { readonly meta: SnapshotMeta; readonly state: Uint8Array } | null;
  /** Contiguous; the first one follows the snapshot, or is entry 1. */
  readonly entries: readonly Entry[];
};

/** What a leader knows of another member. */
export type FollowerStatus = {
  readonly node: NodeId;
  readonly state: 'probe' | 'replicate' | 'snapshot';
  /** Its log is durable and equals the leader's up to here. */
  readonly matchIndex: number;
  /** The latest moment, on the leader's clock, since which it is known to follow. */
  readonly contactMs: Millis;
};

/** What is in force, and who leads. */
export type Membership = Pick<
  RaftStatus,
  'configuration' | 'configurationIndex' | 'commitIndex' | 'leader'
>;

export type RaftStatus = {
  readonly role: Role;
  readonly term: number;
  readonly leader: NodeId | null;
  readonly votedFor: NodeId | null;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly firstIndex: number;
  readonly configuration: Configuration;
  /**
   * The entry that the configuration in force came with, committed or not; of a node that has it from
   * a snapshot, the place of the snapshot.
   */
  readonly configurationIndex: number;
  /** The driver said that a write does not come back. */
  readonly diskStalled: boolean;
  /** Empty unless this node leads. */
  readonly followers: readonly FollowerStatus[];
  readonly transferringTo: NodeId | null;
};
