/**
 * The words between the local socket and whoever asks: types only, the one file of `operator/` that
 * the CLI may import.
 */
import type { MemberRole, Mode, Reason } from '../cluster/command.ts';
import type {
  GroupPhase,
  HistoryEntry,
  Invitation,
  TakeoverFailure,
  Wish,
} from '../cluster/state.ts';
import type { Change, Wanted } from '../cluster/wanted.ts';
import type { Overrun } from '../failover/budget.ts';
import type { Timeline as ToldTimeline } from '../failover/timeline.ts';
import type { Basis, WhatIf } from '../failover/what-if.ts';
import type { Epoch, GroupId, Interconnect, Millis, NodeId } from '../lib/ids.ts';
import type { LinkState } from '../membership/heartbeat.ts';

/** `stale`: this node could not ask a majority in time; what it says may be out of date. */
export type Answer<T> = {
  readonly clusterId: string;
  readonly answeredBy: NodeId;
  readonly stale: boolean;
  readonly appliedIndex: number;
  readonly data: T;
};

export type LinkStatus = {
  readonly interconnect: Interconnect;
  readonly state: LinkState;
  /** Since the last heartbeat; null: never heard. */
  readonly silentMs: Millis | null;
};

export type MemberStatus = {
  readonly node: NodeId;
  readonly number: number;
  readonly peerId: string;
  readonly addresses: Readonly<Record<Interconnect, string>>;
  readonly mode: Mode;
  /** What the operators want it to be. */
  readonly role: MemberRole;
  /**
   * What it is in Raft's configuration. `joining`, `outgoing`: voters change just now and it votes
   * in the new half only, or in the old half only. `none`: not in it (yet, or any more).
   */
  readonly raft: 'voter' | 'joining' | 'outgoing' | 'learner' | 'none';
  /** Entries of the leader's log that it lacks; null where this node does not lead. */
  readonly lag: number | null;
  /** In words, on the leader: why it is not yet what it is wanted to be, or empty. */
  readonly waits: string;
  readonly self: boolean;
  readonly leader: boolean;
  readonly state: LinkState;
  readonly links: readonly LinkStatus[];
};

export type GroupStatus = {
  readonly group: GroupId;
  readonly mode: Mode;
  readonly phase: GroupPhase;
  readonly owner: NodeId | null;
  readonly epoch: Epoch;
  readonly previousOwner: NodeId | null;
  readonly reason: Reason;
  /** In words: why it is not served, or empty. */
  readonly why: string;
  /** What this node itself does for the group. */
  readonly local: {
    readonly state: string;
    readonly epoch: Epoch;
    readonly leaseRemainingMs: Millis | null;
    readonly resources: readonly {
      readonly resource: string;
      readonly type: string;
      readonly state: string;
      readonly code: string | null;
    }[];
  };
  readonly failures: readonly TakeoverFailure[];
  readonly fitness: readonly {
    readonly node: NodeId;
    readonly fit: boolean;
    readonly code: string | null;
  }[];
  /** An operator has put it there; null or missing: nobody wants it anywhere in particular. */
  readonly wish?: Wish | null | undefined;
  /** Resources under maintenance. */
  readonly paused?: readonly string[] | undefined;
};

export type ClusterStatus = {
  readonly node: NodeId;
  readonly version: string;
  readonly incarnation: number;
  readonly quorate: boolean;
  /** In words: why nothing is served, or empty. */
  readonly why: string;
  readonly leader: NodeId | null;
  readonly role: string;
  readonly term: number;
  readonly commitIndex: number;
  /** A write of this node's log does not come back: it does not lead, and acknowledges nothing. */
  readonly logStalled: boolean;
  readonly mode: Mode;
  readonly members: readonly MemberStatus[];
  readonly groups: readonly GroupStatus[];
  /** On the leader: what the configuration wants and the state refuses. */
  readonly refused?:
    | readonly { readonly key: string; readonly code: string; readonly detail: string }[]
    | undefined;
};

/** One failover as the history tells it: bars for each phase. */
export type Timeline = ToldTimeline & {
  /** What took longer than the group allows now. */
  readonly overruns?: readonly Overrun[] | undefined;
};

/** Measured when asked: until the other host answers a TCP connect; null: not within a second. */
export type LatencyStatus = {
  readonly node: NodeId;
  readonly interconnect: Interconnect;
  readonly roundTripMs: Millis | null;
};

/** `index`: the log entry that proves it; null: this node merely sees it so now. */
export type Sentence = { readonly text: string; readonly index: number | null };

/** Why a group is where it is, or a node what it is: from committed evidence. */
export type Explanation = {
  readonly kind: 'group' | 'node';
  readonly name: string;
  readonly sentences: readonly Sentence[];
  /** What to do, for each code that stands in the way; empty when nothing does. */
  readonly remedies: readonly string[];
};

/** Server-sent events of `/v1/events`. */
export type ClusterEvent =
  | { readonly kind: 'history'; readonly entry: HistoryEntry }
  | { readonly kind: 'leader'; readonly leader: NodeId | null; readonly term: number }
  /** Raft's configuration as this node has it now; `outgoing` is empty unless voters change. */
  | {
      readonly kind: 'configuration';
      readonly voters: readonly NodeId[];
      readonly outgoing: readonly NodeId[];
      readonly learners: readonly NodeId[];
    }
  | {
      readonly kind: 'link';
      readonly node: NodeId;
      readonly interconnect: Interconnect;
      readonly state: LinkState;
    }
  | {
      readonly kind: 'local';
      readonly group: GroupId;
      readonly epoch: Epoch;
      readonly state: string;
      readonly detail: string;
    };

export type MoveRequest = {
  readonly group: GroupId;
  readonly to: NodeId | null;
  /** How long it is wanted there, unless `unmove` undoes it; 0: not at all. */
  readonly wishMs: Millis;
};
export type MoveAnswer = {
  readonly group: GroupId;
  readonly from: NodeId | null;
  readonly to: NodeId | null;
};

export type RoleRequest = {
  readonly node: NodeId;
  readonly role: MemberRole;
  /** Also when no majority of the voters that would be left is heard. */
  readonly force: boolean;
};
export type RoleAnswer = {
  readonly node: NodeId;
  readonly from: MemberRole;
  readonly to: MemberRole;
};

export type InviteRequest = {
  /** The only name that it is good for; null: any. */
  readonly node: NodeId | null;
  readonly role: 'voter' | 'learner';
  readonly lifetimeMs: Millis;
};
export type InvitationStatus = Invitation;
/** The token is said once and kept nowhere: whoever has it may join in its place. */
export type InviteAnswer = InvitationStatus & { readonly token: string };

export type ApplyRequest = Wanted & {
  readonly dryRun: boolean;
  /** Groups that are in use may be stopped for it. */
  readonly yes: boolean;
};
export type RollbackRequest = {
  readonly group: GroupId;
  /** null: the one before the present one. */
  readonly revision: number | null;
  readonly dryRun: boolean;
  readonly yes: boolean;
};
export type ApplyAnswer = {
  readonly changes: readonly Omit<Change, 'command'>[];
  /** False: it was only asked for, nothing was done. */
  readonly done: boolean;
};

/**
 * Port: what the operator server asks of the daemon behind it; implemented by `node/`. Rejections
 * are `HoldfastError`s and become problem documents.
 */
export type Daemon = {
  /** `current`: wait for a ReadIndex round (bounded); the answer says `stale: true` when none came. */
  status(options: { readonly current: boolean }): Promise<Answer<ClusterStatus>>;
  timelines(options: { readonly group: GroupId | null }): Promise<Answer<readonly Timeline[]>>;
  history(options: { readonly limit: number }): Promise<Answer<readonly HistoryEntry[]>>;
  move(request: MoveRequest, by: string): Promise<Answer<MoveAnswer>>;
  setMode(
    subject:
      | { readonly kind: 'node'; readonly node: NodeId }
      | { readonly kind: 'group'; readonly group: GroupId }
      | { readonly kind: 'cluster' }
      | { readonly kind: 'resource'; readonly group: GroupId; readonly resource: string },
    mode: Mode,
    by: string,
  ): Promise<Answer<null>>;
  setRole(request: RoleRequest, by: string): Promise<Answer<RoleAnswer>>;
  invite(request: InviteRequest, by: string): Promise<Answer<InviteAnswer>>;
  invitations(): Promise<Answer<readonly InvitationStatus[]>>;
  revokeInvitation(peerId: string, by: string): Promise<Answer<null>>;
  /** What would happen; texts as in `failover/suppositions.ts`. */
  plan(texts: readonly string[]): Promise<Answer<WhatIf>>;
  basis(): Promise<Answer<Basis>>;
  apply(request: ApplyRequest, by: string): Promise<Answer<ApplyAnswer>>;
  rollback(request: RollbackRequest, by: string): Promise<Answer<ApplyAnswer>>;
  unmove(group: GroupId, by: string): Promise<Answer<null>>;
  /** Prometheus text exposition. */
  metrics(): Promise<string>;
  subscribe(listener: (event: ClusterEvent) => void): () => void;
};
