/**
 * The words of a takeover: its goal, what it has learnt, its states, its ends. Data only; the steps
 * are in `takeover.ts`, the judgements in `takeover-rules.ts`. Reference: DESIGN §8.
 */
import type { Epoch } from '../../lib/ids.ts';
import type {
  PathId,
  PrCommand,
  PrReply,
  ReservationKey,
  ReservationType,
} from '../fence-device.ts';

/**
 * Rules that a test may leave out, so that its checker must report the harm. Empty in production.
 */
export type TakeoverRule = 'superseded-check' | 'abort' | 'reset' | 'verify' | 'verify-every-path';

export type TakeoverGoal = {
  readonly key: ReservationKey;
  /** 7 and 8 are refused. 1 and 3 allow one path only: a mere registrant cannot write. */
  readonly type: ReservationType;
  /** Every path that the block layer will use. Not empty, no duplicates. */
  readonly paths: readonly PathId[];
  /** Every earlier epoch's takeover of this disk was verified and committed. */
  readonly predecessorFenced: boolean;
  /**
   * Epoch of that last takeover. Only the abort of its key (or of a newer one) proves that its
   * writes are over: after a CLEAR an older attacker may hold the disk in its place. Left out where
   * it is not known; then every abort counts.
   */
  readonly predecessor?: Epoch;
  /** Highest epoch that the cluster is known to have committed. */
  readonly lastEpoch: Epoch;
  /** False only for a target without PTPL_C that the operator accepted. */
  readonly aptpl: boolean;
  /** The operator accepts a target that can neither abort nor reset: `guaranteed` is then false. */
  readonly acceptLateWrites: boolean;
  readonly omit: readonly TakeoverRule[];
};

export type TakeoverFailure =
  | 'TAKEOVER_SUPERSEDED'
  | 'STATE_ROLLED_BACK'
  | 'FOREIGN_RESERVATION'
  | 'RESERVATION_TYPE_UNSUPPORTED'
  | 'RESERVATIONS_UNSUPPORTED'
  | 'LATE_WRITES_POSSIBLE'
  | 'DISK_PATHS_LOST'
  | 'TAKEOVER_ROUNDS_EXHAUSTED'
  | 'TAKEOVER_TIMED_OUT';

/** What an attempt has learnt so far, whatever it does next. */
export type Facts = {
  readonly goal: TakeoverGoal;
  /** The paths that still answer. The first one does what is done once for the logical unit. */
  readonly paths: readonly PathId[];
  readonly round: number;
  /** Repetitions of the command that is out (unit attention, busy). */
  readonly repeats: number;
  /** As last read; sorted as the target gave them, one entry per registered nexus. */
  readonly keys: readonly ReservationKey[];
  /** Older keys seen on the disk whose tasks the target has not confirmed to be aborted. */
  readonly unaborted: readonly ReservationKey[];
  /** Did a PREEMPT AND ABORT of the predecessor's key, or of a newer one, succeed? */
  readonly abortedSome: boolean;
  /** Did a RESERVE or a PREEMPT of ours succeed, as far as its answer or the disk told? */
  readonly took: boolean;
  /**
   * The disk was found reserved by nobody, or no longer by us although we took it: in between
   * everybody could write, and no key tells who did. Only a reset ends such a write.
   */
  readonly gap: boolean;
  /** Our key holds the reservation, by a nexus that is not this path's (any more). */
  readonly elsewhere: boolean;
  /** False once the target refused PREEMPT AND ABORT. */
  readonly canAbort: boolean;
  readonly wasReset: boolean;
  readonly guaranteed: boolean;
};

/** What `verifying` asks on each path, in this order. */
export const CHECKS = ['keys', 'reservation', 'registration', 'holding'] as const;
export type Check = (typeof CHECKS)[number];

/** Each state is the command that is out: see `commandOf`. */
export type TakeoverState =
  | {
      readonly kind: 'reading-keys';
      readonly facts: Facts;
      /** What follows: the first look registers, the look after that takes. */
      readonly next: 'register' | 'preempt';
    }
  | {
      readonly kind: 'reading-reservation';
      readonly facts: Facts;
      /** What follows: the first look registers, the look after that takes. */
      readonly next: 'register' | 'preempt';
    }
  | {
      readonly kind: 'registering';
      readonly facts: Facts;
      readonly left: readonly PathId[];
      /** What the first path of `left` may hold now, most likely first. */
      readonly candidates: readonly ReservationKey[];
    }
  | { readonly kind: 'reserving'; readonly facts: Facts }
  | {
      readonly kind: 'preempting';
      readonly facts: Facts;
      readonly victims: readonly ReservationKey[];
    }
  | {
      readonly kind: 'verifying';
      readonly facts: Facts;
      readonly left: readonly PathId[];
      readonly check: Check;
    }
  | { readonly kind: 'resetting'; readonly facts: Facts }
  | { readonly kind: 'flushing'; readonly facts: Facts }
  | TakeoverHeld
  | TakeoverFailed;

export type TakeoverHeld = {
  readonly kind: 'held';
  readonly key: ReservationKey;
  readonly type: ReservationType;
  /** Verified: only these may carry IO. Paths that did not answer are not among them. */
  readonly paths: readonly PathId[];
  readonly rounds: number;
  readonly wasReset: boolean;
  /** False: a write accepted earlier may still land (P2 not guaranteed on this target). */
  readonly guaranteed: boolean;
};

export type TakeoverFailed = {
  readonly kind: 'failed';
  readonly code: TakeoverFailure;
  /** The key that stands in the way, when it is a key. */
  readonly by: ReservationKey | null;
};

export type TakeoverInput =
  | { readonly kind: 'reply'; readonly reply: PrReply }
  | { readonly kind: 'deadline' };

export type TakeoverStep = {
  readonly state: TakeoverState;
  /** None or one: the next goes out when its reply is in. */
  readonly commands: readonly PrCommand[];
};

/** A state in which a command is out. */
export type Running = Exclude<TakeoverState, TakeoverHeld | TakeoverFailed>;
