/**
 * The commands that the log carries. Every command on a group names the epoch that it expects and
 * is compared when it is *applied*: a plan made on an uncommitted tail is therefore harmless.
 */
import type { Epoch, GroupId, Interconnect, Millis, NodeId } from '../lib/ids.ts';
import type { PhaseStamp } from '../lib/phases.ts';
import type { GroupDefinition, Member } from './definition.ts';

export type Mode = 'online' | 'standby' | 'maintenance';

/**
 * What the operators want a member to be; Raft's configuration follows. A learner receives the log
 * and may own groups, but does not vote; whoever is leaving gives up its groups and is removed.
 */
export type MemberRole = 'voter' | 'learner' | 'leaving';

/** Why a group was assigned; handed to applications as HOLDFAST_REASON. */
export type Reason = 'boot' | 'failover' | 'move' | 'restart';

/** What the leader knew when it decided. Kept in the history: `why GROUP` reads it. */
export type Evidence = {
  readonly kind: 'silence' | 'proof-of-death' | 'reported' | 'operator' | 'boot';
  readonly observer: NodeId;
  /** Silence per interconnect when the decision was made. */
  readonly perInterconnectMs: Readonly<Record<Interconnect, Millis>>;
  readonly detail: string;
};

type Guard = { readonly group: GroupId; readonly expectedEpoch: Epoch };

export type Command =
  | { readonly kind: 'create-cluster'; readonly clusterId: string; readonly firstEpoch: Epoch }
  /** A one-time key may bring one new member in; whoever holds its private half proves it (P7). */
  | {
      readonly kind: 'invite';
      /** Peer id of the one-time key. */
      readonly peerId: string;
      /** The only name that it may take; null: any. */
      readonly node: NodeId | null;
      readonly role: Exclude<MemberRole, 'leaving'>;
      /**
       * Wall clock, milliseconds since 1970. A replay knows no clock, so applying does not judge it:
       * the leader does, before it proposes the admission.
       */
      readonly expiresAtMs: Millis;
      readonly by: string;
    }
  | { readonly kind: 'revoke-invitation'; readonly peerId: string; readonly by: string }
  | {
      readonly kind: 'admit-member';
      readonly member: Member;
      /**
       * Peer id of the invitation that this admission uses up. Null while the bootstrap list is
       * written down; refused once the cluster has given out its first epoch.
       */
      readonly invitation: string | null;
    }
  | {
      readonly kind: 'set-role';
      readonly node: NodeId;
      readonly role: MemberRole;
      readonly by: string;
    }
  /** The last step of leaving: the node is out of Raft's configuration and holds nothing. */
  | { readonly kind: 'remove-member'; readonly node: NodeId }
  /** The majority is lost for good: an operator has named who goes on (written while offline). */
  | {
      readonly kind: 'recover';
      readonly survivors: readonly NodeId[];
      /** At least 1. Epochs that the lost majority may have given out must not be given again. */
      readonly epochJump: number;
      readonly by: string;
    }
  | {
      readonly kind: 'define-group';
      readonly definition: GroupDefinition;
      /** 0: must not exist yet. */
      readonly expectedRevision: number;
      readonly by: string;
      /**
       * The group is in use: the leader stops it, defines it as soon as nothing of it is up, and it
       * starts again. Without this, resources of a group that is in use cannot be changed.
       */
      readonly whenDown?: true;
    }
  | { readonly kind: 'delete-group'; readonly group: GroupId; readonly by: string }
  /** A new owner. The new epoch is the cluster's counter plus one, given out when applied. */
  | (Guard & {
      readonly kind: 'assign';
      readonly node: NodeId;
      readonly reason: Reason;
      readonly evidence: Evidence;
      /** Counted by the new owner from its receipt; 0 when every earlier epoch is proven down. */
      readonly leaseRemainderMs: Millis;
      /** The leader's own measurements, on its clock: `detect` and `elect`. */
      readonly stamps: readonly PhaseStamp[];
    })
  /** Orderly hand-over: the owner stops, says `stopped`, and the leader assigns `to` (or nobody). */
  | (Guard & {
      readonly kind: 'release';
      readonly to: NodeId | null;
      readonly reason: Reason;
      readonly by: string;
    })
  /** SHA-256 (hex) of the secret whose publication proves that this epoch was torn down (§7). */
  | (Guard & { readonly kind: 'pledge'; readonly node: NodeId; readonly secretHash: string })
  | (Guard & {
      readonly kind: 'stopped';
      readonly node: NodeId;
      readonly clean: boolean;
      /** `guardian` needs `secret`, whose hash must equal the pledge of that epoch. */
      readonly proof: 'owner' | 'guardian';
      readonly secret: string | null;
    })
  | (Guard & { readonly kind: 'fenced'; readonly node: NodeId; readonly disk: string })
  /** The owner answers clients. Carries its phases. */
  | (Guard & {
      readonly kind: 'serving';
      readonly node: NodeId;
      readonly stamps: readonly PhaseStamp[];
    })
  /** More phases of an epoch, from whoever measured them (the leader: `decide`). Changes nothing else. */
  | (Guard & {
      readonly kind: 'report';
      readonly node: NodeId;
      readonly stamps: readonly PhaseStamp[];
    })
  | (Guard & {
      readonly kind: 'takeover-failed';
      readonly node: NodeId;
      readonly code: string;
      readonly detail: string;
    })
  | {
      readonly kind: 'set-mode';
      readonly subject:
        | { readonly kind: 'node'; readonly node: NodeId }
        | { readonly kind: 'group'; readonly group: GroupId }
        | { readonly kind: 'cluster' }
        /** `online` or `maintenance`: not monitored, and its failures are nobody's business. */
        | { readonly kind: 'resource'; readonly group: GroupId; readonly resource: string };
      readonly mode: Mode;
      readonly by: string;
    }
  /** Every member knows this level (`level.ts`). */
  | { readonly kind: 'set-level'; readonly level: number }
  /** Failures of a group, or losses of a node, up to this epoch count no more. */
  | {
      readonly kind: 'forget-failures';
      readonly subject:
        | { readonly kind: 'group'; readonly group: GroupId }
        | { readonly kind: 'node'; readonly node: NodeId };
      readonly throughEpoch: Epoch;
      readonly by: string;
    }
  /** Where an operator has put a group, until when; null: nowhere in particular any more. */
  | {
      readonly kind: 'set-wish';
      readonly group: GroupId;
      readonly wish: {
        readonly node: NodeId;
        /** Wall clock, milliseconds since 1970: judged by the leader, never by a replay. */
        readonly expiresAtMs: Millis;
      } | null;
      readonly by: string;
    }
  /** What a node has room for, by kind; null: no bound is known. */
  | {
      readonly kind: 'set-capacity';
      readonly node: NodeId;
      readonly capacity: Readonly<Record<string, number>> | null;
      readonly by: string;
    }
  /**
   * The leader has seen the last lease of every unfinished epoch run out, and the owner, if any, is
   * gone: nothing of the group is visible anywhere, though nobody said `stopped`.
   */
  | (Guard & { readonly kind: 'expired'; readonly detail: string });

/** The proposer's envelope: `requestId` finds the waiting proposer again when the entry is applied. */
export type CommandEnvelope = {
  readonly origin: NodeId;
  readonly incarnation: number;
  readonly requestId: number;
  readonly command: Command;
};
