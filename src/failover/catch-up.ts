/**
 * Has a learner caught up? Only then may it vote: a voter that is far behind counts for the majority
 * and can confirm nothing, so commits would wait for it.
 *
 * The intuition: the leader notes the end of its log and measures how long the learner needs to get
 * there. While it gets there, the log grows; the next round is about that growth. A round that took
 * less than an election timeout says that the learner keeps up with the load of the moment, and that
 * the cluster would not wait longer for it than for an election.
 *
 * It does not give up after so many rounds, as the thesis proposes: the operator sees that the
 * learner is behind, and what is slow today may be quick tomorrow.
 *
 * Reference: Ongaro's thesis §4.2.1.
 */
import type { Millis, NodeId } from '../lib/ids.ts';
import type { FollowerStatus, RaftStatus } from '../raft/types.ts';

export type CatchUpTimes = {
  /** A round is not over sooner: one moment's luck proves nothing. */
  readonly shortestRoundMs: Millis;
  /** A round that takes longer says that the learner is behind. */
  readonly longestRoundMs: Millis;
  /** A learner that was not heard for so long begins anew. */
  readonly freshMs: Millis;
};

type Round = {
  readonly target: number;
  readonly beganMs: Millis;
  /** What the round before it has shown. */
  readonly keptUp: boolean;
};

export class CatchUp {
  readonly #times: CatchUpTimes;
  readonly #rounds = new Map<NodeId, Round>();

  constructor(times: CatchUpTimes) {
    this.#times = times;
  }

  /** Asked on the leader after every step; answers the learners that may vote. */
  observe({ configuration, lastIndex, followers }: RaftStatus, now: Millis): ReadonlySet<NodeId> {
    for (const node of this.#rounds.keys()) {
      if (!configuration.learners.includes(node)) this.#rounds.delete(node);
    }
    const caughtUp = new Set<NodeId>();
    for (const follower of followers) {
      if (!configuration.learners.includes(follower.node)) continue;
      const round = this.#next(follower, lastIndex, now);
      if (round === null) this.#rounds.delete(follower.node);
      else this.#rounds.set(follower.node, round);
      if (round?.keptUp === true) caughtUp.add(follower.node);
    }
    return caughtUp;
  }

  #next({ node, matchIndex, contactMs }: FollowerStatus, last: number, now: Millis): Round | null {
    const { shortestRoundMs, longestRoundMs, freshMs } = this.#times;
    if (now - contactMs > freshMs) return null;
    const round = this.#rounds.get(node);
    if (round === undefined) return { target: last, beganMs: now, keptUp: false };
    const lastedMs = now - round.beganMs;
    if (matchIndex >= round.target && lastedMs >= shortestRoundMs) {
      return { target: last, beganMs: now, keptUp: lastedMs <= longestRoundMs };
    }
    return lastedMs <= longestRoundMs ? round : { ...round, keptUp: false };
  }
}
