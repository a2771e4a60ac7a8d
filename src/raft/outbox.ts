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
}
