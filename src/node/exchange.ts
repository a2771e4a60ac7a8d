/**
 * What this node asks of the leader, whoever that is, and what others ask of this node while it leads:
 * commands into the log, and reads that a quorum confirms. It finds the leader again after every
 * change, so nobody above it knows who leads.
 */
import type { Applied } from '../cluster/apply.ts';
import type { CommandEnvelope } from '../cluster/command.ts';
import type { ControlMessage } from '../failover/control.ts';
import type { Millis, NodeId } from '../lib/ids.ts';
import type { GatheredEvent, RaftEvent } from '../raft/types.ts';
import { Proposals, type ProposalsOptions } from './proposals.ts';
import { Reads } from './reads.ts';

export type ExchangeOptions = {
  readonly self: NodeId;
  readonly incarnation: number;
  readonly heartbeatMs: Millis;
  readonly electionTimeoutMs: Millis;
  readonly leader: () => NodeId | null;
  readonly appliedIndex: () => number;
  readonly step: (event: RaftEvent) => void;
  readonly gather: (event: GatheredEvent) => void;
  readonly takeGathered: () => void;
  readonly send: (message: ControlMessage) => void;
  readonly now: () => Millis;
  readonly refuses: NonNullable<ProposalsOptions['refuses']>;
};

export class Exchange {
  readonly proposals: Proposals;
  readonly reads: Reads;
  #leaderChanged = false;

  constructor(options: ExchangeOptions) {
    const { gather, step, takeGathered, heartbeatMs, electionTimeoutMs } = options;
    this.proposals = new Proposals({
      ...options,
      retryMs: electionTimeoutMs,
      proposeLocally: (proposalId, data) => gather({ kind: 'propose', proposalId, data }),
      proposed: takeGathered,
    });
    this.reads = new Reads({
      ...options,
      retryMs: heartbeatMs * 2,
      readLocally: (readId) => step({ kind: 'read', readId }),
    });
  }

  get nextDeadlineMs(): Millis {
    return Math.min(this.reads.nextDeadlineMs, this.proposals.nextDeadlineMs);
  }

  /** Taken note of inside a step; acted upon by `settleLeader` when the step is over. */
  leaderChanged(): void {
    this.#leaderChanged = true;
  }

  /** Before anything new is planned: what was bound to the last term is over. */
  settleLeader(): void {
    if (!this.#leaderChanged) return;
    this.#leaderChanged = false;
    this.proposals.leaderChanged();
    this.reads.leaderChanged();
  }

  applied(envelope: CommandEnvelope, outcome: Applied): void {
    this.proposals.applied(envelope, outcome);
  }

  /** Reads first: what they set free may want to be proposed at once. */
  flush(now: Millis): void {
    this.reads.flush(now);
    this.proposals.flush(now);
  }

  take(message: ControlMessage, now: Millis): void {
    switch (message.kind) {
      case 'propose':
        this.proposals.arrived(message);
        break;
      case 'propose-refused':
        this.proposals.refused(message, now);
        break;
      case 'read':
        this.reads.asked(message);
        break;
      case 'read-reply':
        this.reads.replied(message);
        break;
      default:
        break;
    }
  }
}
