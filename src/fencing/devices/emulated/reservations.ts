/**
 * Who may do what in the presence of a persistent reservation, and who holds it: the tables of
 * SPC-4 as functions over plain data. The target (`target.ts`) asks them; nothing here changes
 * anything.
 *
 * Reference: SPC-4 §5.13.1 table 65 (commands), table 66 (PR OUT), §5.13.10 (holder); SBC-3 §4.17.
 */
import type { ReservationKey, ReservationType } from '../../fence-device.ts';

/** I_T nexus: one initiator port logged in to one target port. */
export type Nexus = string;

export type Reservation = {
  readonly type: ReservationType;
  /** null for types 7 and 8: every registrant holds. */
  readonly holder: Nexus | null;
};

export type Registrations = ReadonlyMap<Nexus, ReservationKey>;

/** How SBC-3 sorts the commands: FLUSH is SYNCHRONIZE CACHE, sorted with the writes. */
export type Access = 'read' | 'write';

const EXCLUSIVE_ACCESS: readonly ReservationType[] = [3, 6, 8];
const REGISTRANTS_MAY: readonly ReservationType[] = [5, 6, 7, 8];
const ALL_REGISTRANTS: readonly ReservationType[] = [7, 8];

export function allRegistrantsHold(type: ReservationType): boolean {
  return ALL_REGISTRANTS.includes(type);
}

/** Types whose loss the other registrants are told of (RESERVATIONS RELEASED). */
export function registrantsShare(type: ReservationType): boolean {
  return REGISTRANTS_MAY.includes(type);
}

export function holds(
  reservation: Reservation | null,
  registrations: Registrations,
  nexus: Nexus,
): boolean {
  if (reservation === null) return false;
  if (allRegistrantsHold(reservation.type)) return registrations.has(nexus);
  return reservation.holder === nexus;
}

/** Does the reservation refuse this nexus a command that reads or writes the medium? */
export function conflicts(
  reservation: Reservation | null,
  registrations: Registrations,
  nexus: Nexus,
  access: Access,
): boolean {
  if (reservation === null || holds(reservation, registrations, nexus)) return false;
  if (registrantsShare(reservation.type) && registrations.has(nexus)) return false;
  return access === 'write' || EXCLUSIVE_ACCESS.includes(reservation.type);
}

/** What READ RESERVATION answers: 0 as the key where all registrants hold. */
export function holderKey(
  reservation: Reservation | null,
  registrations: Registrations,
): ReservationKey | null {
  if (reservation === null) return null;
  if (reservation.holder === null) return 0n;
  return registrations.get(reservation.holder) ?? 0n;
}
