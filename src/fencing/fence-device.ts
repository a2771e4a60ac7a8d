/**
 * Port: a disk with SCSI-3 persistent reservations. The verbs are SPC-4's service actions; the
 * answers are what the protocol needs to know, one command at a time on one path.
 */
import type { Millis } from '../lib/ids.ts';

/** Cluster tag (16) | node number (16) | epoch (32). 0 means "not registered". */
export type ReservationKey = bigint;

/**
 * SPC-4 table 49 numbers everywhere: 1 WE, 3 EA, 5 WERO, 6 EARO, 7 WEAR, 8 EAAR. Linux' `pr_type`
 * counts 1–6 and is mapped only inside the adapter that uses it.
 */
export type ReservationType = 1 | 3 | 5 | 6 | 7 | 8;
export type PathId = string;

export type PrCommand = { readonly path: PathId } & (
  | {
      readonly kind:
        | 'read-keys'
        | 'read-reservation'
        | 'synchronize-cache'
        | 'logical-unit-reset'
        | 'test-unit-ready';
    }
  /**
   * REGISTER: compare and swap. `current` 0: not registered yet; `key` 0: unregister. `aptpl` is
   * false only where the target cannot keep keys through a power loss and the operator accepted
   * that.
   */
  | {
      readonly kind: 'register';
      readonly current: ReservationKey;
      readonly key: ReservationKey;
      readonly aptpl: boolean;
    }
  | { readonly kind: 'reserve'; readonly key: ReservationKey; readonly type: ReservationType }
  | {
      readonly kind: 'preempt' | 'preempt-and-abort';
      readonly key: ReservationKey;
      readonly victim: ReservationKey;
      readonly type: ReservationType;
    }
);

export type PrReply = { readonly path: PathId } & (
  | {
      readonly kind: 'keys';
      readonly generation: number;
      readonly keys: readonly ReservationKey[];
    }
  | {
      readonly kind: 'reservation';
      readonly generation: number;
      /** null: nobody holds it. 0: all registrants do (types 7 and 8). */
      readonly holder: ReservationKey | null;
      readonly type: ReservationType | null;
    }
  | {
      readonly kind:
        | 'good'
        | 'reservation-conflict'
        | 'busy'
        | 'not-supported'
        | 'path-lost'
        | 'timeout';
    }
  | {
      /** The command was NOT executed: retry. */
      readonly kind: 'unit-attention';
      /** What is told, as ASC/ASCQ `2a/05`, where the adapter learns it. */
      readonly code?: string;
    }
);

export type FenceCapabilities = {
  /** PREEMPT AND ABORT is there. */
  readonly abort: boolean;
  /** LOGICAL UNIT RESET is there. */
  readonly reset: boolean;
  /** PTPL_C: reservations can outlive a power loss of the target. */
  readonly aptpl: boolean;
  /** PTPL_A: they do now (set after a REGISTER with APTPL). */
  readonly aptplActive: boolean;
  readonly types: readonly ReservationType[];
};

export type StrayPath = {
  readonly path: PathId;
  /** Into the map: it is used from here on. @throws HoldfastError DISK_PATH_LOST */
  join(signal: AbortSignal): Promise<void>;
  /** Idempotent. */
  letGo(): Promise<void>;
};

export type FenceDevice = {
  /** VPD page 83h, checked on every path: two paths that differ are two disks. */
  identity(signal: AbortSignal): Promise<string>;
  /** Every path that the block layer will use. */
  paths(): Promise<readonly PathId[]>;
  /**
   * The paths that the block layer uses by itself at this moment; left out where it uses only what
   * a takeover verified. One that came later is looked at by the defence, and never registered.
   */
  livePaths?(): Promise<readonly PathId[]>;
  /**
   * Paths of this disk that the block layer could use and does not; left out where there is no map to
   * put them into. Each is kept from every user until it joins or is let go.
   */
  strayPaths?(signal: AbortSignal): Promise<readonly StrayPath[]>;
  execute(command: PrCommand, signal: AbortSignal): Promise<PrReply>;
  capabilities(signal: AbortSignal): Promise<FenceCapabilities>;
  /** One O_DIRECT (or emulated) read: does the path work, and how long did it take. */
  probe(signal: AbortSignal): Promise<{ readonly durationMs: Millis }>;
};
