/**
 * How much may happen in one explored history. Everything else (which message is delivered when, in
 * what order, how long a disk takes) is free.
 */
import type { ChangeTarget, Configuration, Entry, HardState } from '../../../src/raft/types.ts';
import type { Kind } from './catalogue.ts';

/** At most this often, over all nodes; at most 3, since they are packed into two bits each. */
export type Budget = {
  readonly timeout: number;
  readonly heartbeat: number;
  readonly 'quorum-lost': number;
  readonly silence: number;
  readonly crash: number;
  readonly 'disk-stalled': number;
  readonly 'forget-leader': number;
  readonly transfer: number;
  readonly compact: number;
  readonly propose: number;
  readonly change: number;
  readonly read: number;
  readonly duplicate: number;
};

export const BUDGETED = [
  'timeout',
  'heartbeat',
  'quorum-lost',
  'silence',
  'crash',
  'disk-stalled',
  'forget-leader',
  'transfer',
  'compact',
  'propose',
  'change',
  'read',
  'duplicate',
] as const satisfies readonly (keyof Budget)[];

/** Not counted: each of them ends something that was counted when it began. */
export const FREE: readonly Kind[] = ['write', 'transfer-expires'];

export const NONE: Budget = {
  timeout: 0,
  heartbeat: 0,
  'quorum-lost': 0,
  silence: 0,
  crash: 0,
  'disk-stalled': 0,
  'forget-leader': 0,
  transfer: 0,
  compact: 0,
  propose: 0,
  change: 0,
  read: 0,
  duplicate: 0,
};

export type Disk = {
  readonly hardState: HardState;
  readonly entries: readonly Entry[];
  /** So many of the entries have gone into a snapshot. */
  readonly saved: number;
};

export type Scope = {
  readonly name: string;
  readonly about: string;
  readonly budget: Budget;
  readonly bootstrap: Configuration;
  /** What the disks of the nodes a, b, c hold at the beginning. */
  readonly disks: readonly [Disk, Disk, Disk];
  /** Whether a is elected, and everything delivered and written, before the exploration begins. */
  readonly led: boolean;
  /**
   * A message that was sent stays deliverable for ever, any number of times; otherwise it is
   * delivered once, or twice as `duplicate` allows.
   */
  readonly forEver: boolean;
  /** At most so many messages that will still be delivered are on their way; the rest is lost. */
  readonly inFlight: number;
  readonly maxAppendBytes: number;
  /** Each write is on the disk before anything else happens. */
  readonly instantDisk: boolean;
  /** Two messages that have arrived may be handed in together (`stepAll`). */
  readonly gathers: boolean;
  /** The nodes are alike, so whoever is the first to time out may be called a. */
  readonly alike: boolean;
  /** Where a change of membership leads to: the first one, then the next. */
  readonly targets: readonly ChangeTarget[];
};
