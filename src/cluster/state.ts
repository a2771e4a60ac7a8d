/**
 * The replicated state: who is a member, which groups there are, who owns them in which epoch, and
 * what happened. Plain data, changed only by `apply`; a snapshot is this value, encoded.
 */
import type { Epoch, GroupId, Millis, NodeId } from '../lib/ids.ts';
import type { PhaseStamp } from '../lib/phases.ts';
import type { Evidence, MemberRole, Mode, Reason } from './command.ts';
import type { GroupDefinition, Member } from './definition.ts';

export type MemberState = {
  readonly member: Member;
  readonly mode: Mode;
  readonly role: MemberRole;
  /**
   * When it was lost while it owned something, as the newest epoch of the cluster then; oldest first.
   * One death counts once, however many groups it owned.
   */
  readonly losses?: readonly Epoch[];
  /** By kind; null or missing: no bound is known. */
  readonly capacity?: Readonly<Record<string, number>> | null;
};

/**
 * A key that may bring one new member in. A used one stays until it expires, so that a newcomer whose
 * answer was lost hears it again; and whoever else comes with it hears that it was used.
 */
export type Invitation = {
  readonly peerId: string;
  readonly node: NodeId | null;
  readonly role: Exclude<MemberRole, 'leaving'>;
  /** Wall clock, milliseconds since 1970; judged by the leader, never here. */
  readonly expiresAtMs: Millis;
  readonly by: string;
  /** Whom it has brought in; null: it is open. */
  readonly usedBy: NodeId | null;
};

/** Who was a member and is none any more. The newest are kept; `usedNames` remembers all. */
export type Tombstone = {
  readonly node: NodeId;
  readonly number: number;
  readonly peerId: string;
};

/** An epoch that was given out and is not yet proven down: its lease may still run. */
export type UnfinishedEpoch = {
  readonly epoch: Epoch;
  readonly node: NodeId;
  readonly secretHash: string | null;
};

export type TakeoverFailure = {
  readonly epoch: Epoch;
  readonly node: NodeId;
  readonly code: string;
  readonly detail: string;
};

/**
 * - `unowned`: nobody owns the group (before the first assignment, or after a release to nobody).
 * - `taking-over`: the owner of this epoch fences, mounts, starts.
 * - `serving`: it has reported that clients are answered.
 * - `releasing`: the owner must stop and say so; `releaseTo` comes next.
 */
export type GroupPhase = 'unowned' | 'taking-over' | 'serving' | 'releasing';

export type GroupState = {
  readonly definition: GroupDefinition;
  readonly revision: number;
  readonly mode: Mode;
  readonly phase: GroupPhase;
  readonly owner: NodeId | null;
  /** 0 before the first assignment; otherwise the epoch of the newest `assign`. */
  readonly epoch: Epoch;
  readonly previousOwner: NodeId | null;
  readonly reason: Reason;
  readonly leaseRemainderMs: Millis;
  readonly releaseTo: NodeId | null;
  readonly releaseReason: Reason;
  readonly unfinished: readonly UnfinishedEpoch[];
  /** For each disk (resource name) the newest epoch whose takeover was verified. */
  readonly fencedEpoch: Readonly<Record<string, Epoch>>;
  /** Failed takeovers, and what failed while it served, until they are forgotten; by epoch. */
  readonly failures: readonly TakeoverFailure[];
  readonly wish?: Wish | null;
  /** Takes the place of `definition` as soon as nothing of the group is up. */
  readonly pending?: { readonly definition: GroupDefinition; readonly by: string } | null;
  /** Resources under maintenance, by name. */
  readonly paused?: readonly string[];
};

/** An operator has moved the group there: it stays, and comes first, until this is undone or expires. */
export type Wish = {
  readonly node: NodeId;
  /** Wall clock, milliseconds since 1970; judged by the leader, never here. */
  readonly expiresAtMs: Millis;
  readonly by: string;
};

/** One line of the past. The newest entries are kept; `index` is the log index that made it. */
export type HistoryEntry = {
  readonly index: number;
  readonly group: GroupId | null;
  readonly epoch: Epoch;
  readonly event:
    | 'created'
    | 'member-admitted'
    | 'member-removed'
    | 'invited'
    | 'invitation-revoked'
    | 'role'
    | 'recovered'
    | 'defined'
    | 'deleted'
    | 'assigned'
    | 'released'
    | 'stopped'
    | 'fenced'
    | 'serving'
    | 'takeover-failed'
    | 'mode'
    | 'level'
    | 'forgotten'
    | 'wish'
    | 'capacity'
    | 'expired'
    | 'to-be-defined';
  readonly node: NodeId | null;
  readonly from: NodeId | null;
  readonly reason: Reason | null;
  readonly evidence: Evidence | null;
  readonly stamps: readonly PhaseStamp[];
  readonly detail: string;
  /** `defined`, `deleted`: the definition that came, or went. */
  readonly defined?:
    | { readonly revision: number; readonly definition: GroupDefinition }
    | undefined;
  /** `stopped`, since feature level 4: everything was stopped in order, not by force. */
  readonly clean?: boolean | undefined;
};

export type ClusterState = {
  readonly clusterId: string | null;
  /** The first epoch that the founder let the cluster give out. */
  readonly firstEpoch: Epoch;
  /** Counter of epochs given out so far; `firstEpoch - 1` before the first one. */
  readonly lastEpoch: Epoch;
  readonly mode: Mode;
  readonly members: Readonly<Record<NodeId, MemberState>>;
  /** In the order in which they were made. At most one for a peer id. */
  readonly invitations: readonly Invitation[];
  /** Oldest first. */
  readonly removed: readonly Tombstone[];
  /** Numbers once given are never given again, nor are names. */
  readonly usedNumbers: readonly number[];
  readonly usedNames: readonly NodeId[];
  readonly groups: Readonly<Record<GroupId, GroupState>>;
  readonly history: readonly HistoryEntry[];
  /** Missing: the oldest (`level.ts`). */
  readonly level?: number;
  /** Names of groups that were deleted and not defined again since: no file brings them back. */
  readonly deleted?: readonly GroupId[];
};

export const HISTORY_LIMIT = 512;
export const INVITATION_LIMIT = 64;
export const TOMBSTONE_LIMIT = 256;
/** Older losses of a node than these say nothing that the newer ones do not. */
export const LOSS_LIMIT = 8;

export const emptyState: ClusterState = {
  clusterId: null,
  firstEpoch: 1,
  lastEpoch: 0,
  mode: 'online',
  members: {},
  invitations: [],
  removed: [],
  usedNumbers: [],
  usedNames: [],
  groups: {},
  history: [],
};
