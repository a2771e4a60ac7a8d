/**
 * A world as a row of numbers, the steps from one to the next, and what must not happen on the way.
 */

/** What must not happen. */
export type Harm =
  /** A write of an older epoch landed after a newer one's takeover had returned. */
  | 'late-write'
  /** Told that it holds, and a verified path cannot write. */
  | 'no-right'
  /** What the owner read when its takeover had returned is gone after a power loss. */
  | 'lost-data'
  /** A key that is not of this cluster was removed. */
  | 'stolen'
  /** The newest attacker, alone and without faults, does not get there. */
  | 'stuck';

/** Columns of a world. */
export const TARGET = 0;
export const FLAGS = 1;
export const SPENT = 2;
/** Commands that are late: the number of a list of operations. */
export const LATE = 3;
/** For each machine: the epoch that it has mounted (4 bits), logins of its paths (2 bits each). */
export const MACHINE = 4;
/** For each machine: its look at the disk. */
export const LOOK = 7;
/** For each epoch from 1 on. */
export const ATTEMPT = 10;
/** For each epoch: nexuses whose tasks a PREEMPT AND ABORT under way has yet to end. */
export const ABORTING = 14;
export const WIDTH = 18;
export const MACHINES = 3;

export const ACTIONS = [
  'start',
  'command',
  'half',
  'rest',
  'give-up',
  'deadline',
  'crash',
  'late',
  'late-half',
  'submit',
  'land',
  'unmount',
  'commit',
  'power',
  'login',
  'release',
  'clear',
  'eat',
  'stranger',
  'look',
  'look-on',
  'register-again',
] as const;
export type ActionKind = (typeof ACTIONS)[number];

export function unpacked(action: number): { kind: ActionKind; who: number; what: number } {
  const kind = ACTIONS[action & 31] as ActionKind;
  return { kind, who: (action >> 5) & 15, what: action >> 9 };
}
