/**
 * The judgements of a takeover: what on the disk forbids it, whom it may preempt, and whether a
 * late write is still possible. Each is a question about what was read; none of them does anything.
 *
 * Reference: DESIGN §8 steps 1, 3 and 5.
 */
import type { ReservationKey } from '../fence-device.ts';
import { standing, unpackKey } from './key.ts';
import type { Facts, TakeoverFailed, TakeoverFailure } from './takeover-state.ts';

/**
 * What was read becomes a fact; an older key that is seen once is not forgotten until it is
 * aborted.
 */
export function withKeys(facts: Facts, keys: readonly ReservationKey[]): Facts {
  const others = keys.filter((key) => key !== facts.goal.key);
  return { ...facts, keys, unaborted: [...new Set([...facts.unaborted, ...others])] };
}

/** The keys, and whoever holds the reservation: it may have registered since they were read. */
export function withHolder(facts: Facts, holder: ReservationKey | null): Facts {
  if (holder === null || facts.keys.includes(holder)) return facts;
  return withKeys(facts, [...facts.keys, holder]);
}

/** A reservation of ours that is gone, or none at all: see `Facts.gap`. */
export function withGap(facts: Facts, holder: ReservationKey | null): Facts {
  const ours = holder === facts.goal.key;
  const gap = facts.gap || holder === null || (facts.took && !ours);
  return { ...facts, took: facts.took || ours, gap };
}

/**
 * A key on the disk that ends the attempt: a stranger's is never stolen, a newer one never
 * preempted.
 */
export function obstacle(facts: Facts): TakeoverFailed | null {
  const { goal } = facts;
  const stranger = facts.keys.find((key) => standing(goal.key, key) === 'stranger');
  if (stranger !== undefined) return failed('FOREIGN_RESERVATION', stranger);
  if (goal.omit.includes('superseded-check')) return null;
  const rivals = facts.keys.filter((key) => standing(goal.key, key) === 'rival');
  const unheardOf = rivals.find((key) => unpackKey(key).epoch > goal.lastEpoch);
  if (unheardOf !== undefined) return failed('STATE_ROLLED_BACK', unheardOf);
  const rival = rivals[0];
  return rival === undefined ? null : failed('TAKEOVER_SUPERSEDED', rival);
}

/** Every key but ours, each once. `obstacle` has made sure that all of them are older. */
export function olderKeys(facts: Facts): readonly ReservationKey[] {
  return [...new Set(facts.keys.filter((key) => key !== facts.goal.key))];
}

/**
 * What a path of this node may hold now, most likely first: a key of ours that was read, or none.
 */
export function ownCandidates(facts: Facts): readonly ReservationKey[] {
  const own = facts.keys.filter((key) => {
    const place = standing(facts.goal.key, key);
    return place === 'mine' || place === 'own-older';
  });
  return [...new Set([...own, 0n])];
}

/** Only our key, and at least one of it. */
export function aloneOn(facts: Facts): boolean {
  return facts.keys.length > 0 && facts.keys.every((key) => key === facts.goal.key);
}

/** With types 1 and 3 only the holding path may write, so holding is a property of a path. */
export function holdsByPath(facts: Facts): boolean {
  return facts.goal.type === 1 || facts.goal.type === 3;
}

/** Is it the key of the last takeover before this one, or of a newer one? See `predecessor`. */
export function isPredecessor({ goal }: Facts, victim: ReservationKey): boolean {
  return unpackKey(victim).epoch >= (goal.predecessor ?? 0);
}

/**
 * Can a write that the target accepted earlier still be carried out? Yes where an older key was
 * seen and its abort was not confirmed to us, where the disk was reserved by nobody for a while,
 * where nobody was there to abort, and where the takeover before this one may have died between
 * removing a key and the end of its aborts.
 */
export function lateWritePossible(facts: Facts): boolean {
  if (facts.goal.omit.includes('reset')) return false;
  if (facts.unaborted.length > 0 || facts.gap) return true;
  return !facts.wasReset && (!facts.goal.predecessorFenced || !facts.abortedSome);
}

export function failed(code: TakeoverFailure, by: ReservationKey | null): TakeoverFailed {
  return { kind: 'failed', code, by };
}
