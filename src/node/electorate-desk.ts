/**
 * The leader's hands for changes of membership: shows the pure rules (`failover/electorate.ts`) what
 * Raft and the failure detector see, and passes on the one step that they answer.
 *
 * Keeps what only this leader can know: how well learners follow, and which attempts to hand over
 * came to nothing. A change that the core refuses is not remembered: the next step finds it undone.
 */
import type { ClusterState } from '../cluster/state.ts';
import type { Times } from '../config/types.ts';
import type { Proposal } from '../failover/bootstrap.ts';
import { CatchUp } from '../failover/catch-up.ts';
import { electorate, type MemberWaiting } from '../failover/electorate.ts';
import type { Millis, NodeId } from '../lib/ids.ts';
import type { View } from '../membership/view.ts';
import type { RaftEvent, RaftStatus } from '../raft/types.ts';

export type ElectorateDeskOptions = {
  readonly self: NodeId;
  readonly times: Times;
  readonly state: () => ClusterState;
  readonly raft: () => RaftStatus;
  readonly step: (event: RaftEvent, now: Millis) => void;
  readonly log: (event: string, facts: object) => void;
};

export type Moment = {
  readonly now: Millis;
  /** With this node in it. */
  readonly view: View;
  readonly inFlight: ReadonlySet<string>;
};

/** Commands are numbered from 1 on: the core's answer to a change finds nobody who waits for it. */
const CHANGE_ID = 0;
/** A voter that lacks more entries would let the cluster wait while it catches up. */
const CLOSE_ENTRIES = 64;

export class ElectorateDesk {
  readonly #options: ElectorateDeskOptions;
  #catchUp: CatchUp;
  #failedTransfers = 0;
  #transferring = false;
  #waiting: readonly MemberWaiting[] = [];

  constructor(options: ElectorateDeskOptions) {
    this.#options = options;
    this.#catchUp = this.#begun();
  }

  /** In words, for `status`: what the members wait for. */
  get waiting(): readonly MemberWaiting[] {
    return this.#waiting;
  }

  becameLeader(): void {
    this.#catchUp = this.#begun();
    this.#failedTransfers = 0;
    this.#transferring = false;
  }

  lostLeadership(): void {
    this.#waiting = [];
  }

  /** Begins at most one change; answers the commands that the list of members needs. */
  reconcile({ now, view, inFlight }: Moment): readonly Proposal[] {
    const { self, state, step, log } = this.#options;
    const raft = this.#options.raft();
    this.#countTransfers(raft);
    const { configuration } = raft;
    const output = electorate({
      state: state(),
      self,
      configuration,
      settled: raft.configurationIndex <= raft.commitIndex && configuration.outgoing.length === 0,
      transferring: this.#transferring,
      alive: aliveIn(view),
      caughtUp: this.#catchUp.observe(raft, now),
      fitToLead: this.#fitToLead(raft, view, now),
      failedTransfers: this.#failedTransfers,
      inFlight,
    });
    this.#waiting = output.waiting;
    if (output.step.kind === 'transfer') {
      const { to } = output.step;
      log('leadership is handed over, since this node leaves', { to });
      this.#transferring = true;
      step({ kind: 'transfer', to, timeoutMs: this.#options.times.electionTimeoutMs * 2 }, now);
    } else if (output.step.kind === 'change') {
      const { target } = output.step;
      step({ kind: 'change', proposalId: CHANGE_ID, target }, now);
      if (this.#options.raft().configurationIndex !== raft.configurationIndex) {
        log('members change', { from: configuration, to: target });
      }
    }
    return output.proposals;
  }

  #begun(): CatchUp {
    const { times } = this.#options;
    return new CatchUp({
      shortestRoundMs: times.heartbeatMs,
      longestRoundMs: times.electionTimeoutMs,
      freshMs: times.checkQuorumMs,
    });
  }

  /** We still lead, and the core does not hand over any more: the attempt has failed. */
  #countTransfers({ transferringTo }: RaftStatus): void {
    if (!this.#transferring || transferringTo !== null) return;
    this.#transferring = false;
    this.#failedTransfers += 1;
  }

  #fitToLead(
    { configuration, followers, lastIndex }: RaftStatus,
    view: View,
    now: Millis,
  ): ReadonlySet<NodeId> {
    const { checkQuorumMs } = this.#options.times;
    const alive = aliveIn(view);
    const fit = followers.filter(
      ({ node, matchIndex, contactMs }) =>
        configuration.voters.includes(node) &&
        alive.has(node) &&
        now - contactMs <= checkQuorumMs &&
        lastIndex - matchIndex <= CLOSE_ENTRIES,
    );
    return new Set(fit.map(({ node }) => node));
  }
}

/** Whom this node hears, itself included when it is in the view. */
export function aliveIn({ nodes }: View): ReadonlySet<NodeId> {
  return new Set(
    Object.values(nodes)
      .filter(({ state }) => state === 'alive')
      .map(({ node }) => node),
  );
}
