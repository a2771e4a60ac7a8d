/**
 * Collects what one step wants done, in the three orders that matter: messages that may leave now,
 * messages that must wait for the disk, and everything that the driver hears of.
 *
 * Decides nothing.
 */
import type { Millis, NodeId } from '../lib/ids.ts';
import type { RaftMessage, Ready } from './types.ts';

/** A message without its envelope; distributes over the union. */
export type Body<M = RaftMessage> = M extends unknown ? Omit<M, 'from' | 'to' | 'term'> : never;

type Mutable<T> = T extends readonly (infer E)[] ? E[] : never;

/** What an outbox holds at the end of a step. */
export type Collected = Pick<
  Ready,
  | 'sendNow'
  | 'sendAfterPersist'
  | 'restore'
  | 'reads'
  | 'readsRejected'
  | 'rejected'
  | 'accepted'
  | 'transferEnded'
  | 'horizonMs'
>;

export class Outbox {
  readonly sendNow: Mutable<Ready['sendNow']> = [];
  readonly sendAfterPersist: Mutable<Ready['sendAfterPersist']> = [];
  readonly reads: Mutable<Ready['reads']> = [];
  readonly readsRejected: Mutable<Ready['readsRejected']> = [];
  readonly rejected: Mutable<Ready['rejected']> = [];
  readonly accepted: Mutable<Ready['accepted']> = [];
  restore: Ready['restore'] = null;
  transferEnded: Ready['transferEnded'] = null;
  horizonMs: Millis | null = null;

  rejectProposal(
    proposalId: number,
    code: Ready['rejected'][number]['code'],
    leader: NodeId | null,
  ): void {
    this.rejected.push({ proposalId, code, leader });
  }

  /** Hands everything over and is empty again. Most lists stay empty in most steps and cost nothing. */
  take(): Collected {
    const collected = {
      sendNow: taken(this.sendNow),
      sendAfterPersist: taken(this.sendAfterPersist),
      restore: this.restore,
      reads: taken(this.reads),
      readsRejected: taken(this.readsRejected),
      rejected: taken(this.rejected),
      accepted: taken(this.accepted),
      transferEnded: this.transferEnded,
      horizonMs: this.horizonMs,
    };
    this.restore = null;
    this.transferEnded = null;
    this.horizonMs = null;
    return collected;
  }
}

const NOTHING: readonly never[] = [];

function taken<T>(list: T[]): readonly T[] {
  return list.length === 0 ? NOTHING : list.splice(0);
}
