/**
 * The leader's side of the owners' leases: to whom may one be granted, and how long can an earlier one
 * still run (DESIGN §7)?
 *
 * The intuition: the leader needs no list of what earlier leaders granted. A leader grants only after
 * a quorum round, and the quorum that elected this leader shares a voter with that round; so no grant
 * of an earlier leader is younger than the moment at which the last of our voters heard from it: the
 * horizon. From the horizon, or from our own latest grant, an owner's lease runs for at most L on its
 * clock, which is L(1 + 2ρ) + ε on ours: one ρ for the owner's clock, one for that of the next owner,
 * who counts the last part of the wait.
 *
 * It does not know whether a quorum round was made, or which proposals were accepted: the driver
 * asks `mayGrant` when a request comes *and again* before it answers, writes `granted` before the
 * answer leaves, and calls `close` in the same step in which it proposes an `assign`.
 */
import { groupOf } from '../cluster/queries.ts';
import type { ClusterState, GroupState } from '../cluster/state.ts';
import type { Epoch, GroupId, Millis, NodeId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { failure, type Result, success } from '../lib/result.ts';

/** L, ρ, and ε: what rounding and timer resolution may add. */
export type LedgerOptions = {
  readonly leaseMs: Millis;
  readonly clockDrift: number;
  readonly epsilonMs: Millis;
};

export type GrantRefused = {
  readonly code: Extract<
    ProblemCode,
    'NOT_LEADER' | 'UNKNOWN_GROUP' | 'STALE_EPOCH' | 'NOT_OWNER' | 'ASSIGN_PENDING'
  >;
  /** The group's epoch as this node knows it; 0 when it knows no such group. */
  readonly newestEpoch: Epoch;
};

export class LeaseLedger {
  readonly #options: LedgerOptions;
  /** Null while this node does not lead. */
  #horizonMs: Millis | null = null;
  readonly #closed = new Set<GroupId>();
  /** When the latest request that was granted had come, for each epoch. */
  readonly #grants = new Map<GroupId, Map<Epoch, Millis>>();

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** `horizonMs` comes from the election: no earlier leader heard a quorum after it. */
  becameLeader(horizonMs: Millis): void {
    this.#horizonMs = horizonMs;
    this.#closed.clear();
  }

  lostLeadership(): void {
    this.#horizonMs = null;
    this.#closed.clear();
  }

  /** From the moment the group's next `assign` is proposed, nothing is granted for it. */
  close(group: GroupId): void {
    this.#closed.add(group);
  }

  /** The `assign` was applied (so the new epoch may have leases) or can never be applied. */
  reopen(group: GroupId): void {
    this.#closed.delete(group);
  }

  mayGrant(
    group: GroupId,
    epoch: Epoch,
    state: ClusterState,
    from: NodeId,
  ): Result<null, GrantRefused> {
    const known = groupOf(state, group);
    const newestEpoch = known?.epoch ?? 0;
    if (this.#horizonMs === null) return failure({ code: 'NOT_LEADER', newestEpoch });
    if (known === null) return failure({ code: 'UNKNOWN_GROUP', newestEpoch });
    if (known.epoch !== epoch) return failure({ code: 'STALE_EPOCH', newestEpoch });
    if (known.owner !== from) return failure({ code: 'NOT_OWNER', newestEpoch });
    if (this.#closed.has(group)) return failure({ code: 'ASSIGN_PENDING', newestEpoch });
    return success(null);
  }

  /** `receivedMs`: when the request came, on this node's clock; the owner asked no later. */
  granted(group: GroupId, epoch: Epoch, receivedMs: Millis): void {
    const ofGroup = this.#grants.get(group) ?? new Map<Epoch, Millis>();
    ofGroup.set(epoch, Math.max(receivedMs, ofGroup.get(epoch) ?? Number.NEGATIVE_INFINITY));
    this.#forget(ofGroup, receivedMs);
    this.#grants.set(group, ofGroup);
  }

  /** When the latest granted request for this epoch had come; null: this node granted none lately. */
  lastGrantMs(group: GroupId, epoch: Epoch): Millis | null {
    return this.#grants.get(group)?.get(epoch) ?? null;
  }

  /** L′: from a grant, how long its lease can run on another clock. */
  get longestLeaseMs(): Millis {
    const { leaseMs, clockDrift, epsilonMs } = this.#options;
    return leaseMs * (1 + 2 * clockDrift) + epsilonMs;
  }

  /** How long the group's next owner has to wait before it may be seen; 0: not at all. */
  remainderMs(group: GroupState, now: Millis): Millis {
    if (group.unfinished.length === 0) return 0;
    const grants = group.unfinished.flatMap(
      ({ epoch }) => this.lastGrantMs(group.definition.group, epoch) ?? [],
    );
    const latest = Math.max(this.#horizonMs ?? now, ...grants);
    return Math.max(0, latest + this.longestLeaseMs - now);
  }

  /** What has run out long ago bounds nothing any more. */
  #forget(ofGroup: Map<Epoch, Millis>, now: Millis): void {
    for (const [epoch, receivedMs] of ofGroup) {
      if (now - receivedMs > 2 * this.longestLeaseMs) ofGroup.delete(epoch);
    }
  }
}
