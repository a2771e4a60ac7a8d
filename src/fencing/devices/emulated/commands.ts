/**
 * What is said to the emulated target and what it answers: SCSI commands and statuses as plain
 * data. Reference: SPC-4 §6.15 and §6.16 (PERSISTENT RESERVE IN and OUT), annex F (sense codes).
 */
import type { ReservationKey, ReservationType } from '../../fence-device.ts';
import type { Nexus, Reservation } from './reservations.ts';

/** ASC/ASCQ pairs as two hex bytes each, which is how sense data is printed everywhere. */
export type UnitAttention =
  | '29/00' // POWER ON, RESET, OR BUS DEVICE RESET OCCURRED
  | '29/03' // BUS DEVICE RESET FUNCTION OCCURRED
  | '2a/03' // RESERVATIONS PREEMPTED
  | '2a/04' // RESERVATIONS RELEASED
  | '2a/05'; // REGISTRATIONS PREEMPTED

export type Status =
  | 'good'
  | 'reservation-conflict'
  | 'busy'
  | { readonly check: 'unit-attention'; readonly code: UnitAttention }
  /** ILLEGAL REQUEST: 20/00 opcode, 24/00 CDB field, 26/00 parameter, 26/04 invalid release. */
  | { readonly check: 'illegal-request'; readonly code: '20/00' | '24/00' | '26/00' | '26/04' };

export type ReserveOut =
  | {
      readonly action: 'register' | 'register-and-ignore';
      readonly key: ReservationKey;
      readonly serviceKey: ReservationKey;
      readonly aptpl: boolean;
    }
  | {
      readonly action: 'reserve' | 'release';
      readonly key: ReservationKey;
      readonly type: ReservationType;
    }
  | { readonly action: 'clear'; readonly key: ReservationKey }
  | {
      readonly action: 'preempt' | 'preempt-and-abort';
      readonly key: ReservationKey;
      readonly serviceKey: ReservationKey;
      readonly type: ReservationType;
    };

export type TargetOptions = {
  /** VPD page 83h designator of the logical unit, such as `naa.6001405…`. */
  readonly identity: string;
  readonly abort: boolean;
  readonly reset: boolean;
  /** PTPL_C. */
  readonly aptpl: boolean;
  readonly types: readonly ReservationType[];
  /** Completed writes reach the medium only with a flush; a power loss takes the rest. */
  readonly writeCache: boolean;
};

export const DEFAULT_TARGET: Omit<TargetOptions, 'identity'> = {
  abort: true,
  reset: true,
  aptpl: true,
  types: [1, 3, 5, 6, 7, 8],
  writeCache: true,
};

/** A write that was accepted and is not yet carried out. */
export type Task = {
  readonly id: number;
  readonly nexus: Nexus;
  readonly block: number;
  readonly data: string;
};

/** What survives a restart of the process that holds the disk; everything in it is JSON. */
export type TargetImage = {
  readonly aptplActive: boolean;
  readonly registrations: readonly (readonly [Nexus, string])[];
  readonly reservation: Reservation | null;
  readonly blocks: readonly (readonly [number, string])[];
};

export type Capabilities = {
  readonly abort: boolean;
  readonly reset: boolean;
  readonly aptpl: boolean;
  readonly aptplActive: boolean;
  readonly types: readonly ReservationType[];
};

export type ReservationReport = {
  readonly generation: number;
  readonly holder: ReservationKey | null;
  readonly type: ReservationType | null;
};
