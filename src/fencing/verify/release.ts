/**
 * Takes every key off a disk: the one thing that the cluster itself never does, since a disk that
 * nobody reserves is one that every thawed machine can write. An operator does it, when he knows
 * that no such machine is left: to give the disk to another use, or to another cluster.
 *
 * The way: register a key of our own, preempt every other one, unregister. No REGISTER AND IGNORE
 * and no CLEAR: what was read is compared, and who was removed is told.
 *
 * Reference: SPC-4 §5.13.11.2; DESIGN §8 ("Only `holdfast disk release` unregisters").
 */
import { HoldfastError } from '../../lib/error.ts';
import type { ReservationKey, ReservationType } from '../fence-device.ts';
import { holdingOn, keysOn, preempt, register } from './talk.ts';
import type { Initiator, Talk } from './words.ts';

export type OnDisk = {
  readonly keys: readonly ReservationKey[];
  readonly holder: ReservationKey | null;
  readonly type: ReservationType | null;
};

/** A node may register between two looks; not for ever. */
const MAX_ROUNDS = 5;

/** @throws HoldfastError RESERVATIONS_UNSUPPORTED */
export function* look(): Talk<OnDisk> {
  const keys = yield* keysOn('first');
  const holding = yield* holdingOn('first');
  if (keys === null || holding === null) throw new HoldfastError('RESERVATIONS_UNSUPPORTED', {});
  return { keys, ...holding };
}

/** `mine`: a key that nobody has. Answers what is left, which is nothing when all went well. */
export function* release(mine: ReservationKey): Talk<OnDisk> {
  let found = yield* look();
  for (let round = 0; round < MAX_ROUNDS && found.keys.length > 0; round += 1) {
    // This path may be registered already: then its own key is swapped.
    for (const current of [0n, ...new Set(found.keys)]) {
      if ((yield* register('first', current, mine)) === 'good') break;
    }
    const type = found.type ?? 1;
    for (const victim of new Set(found.keys.filter((key) => key !== mine))) {
      const kind = yield* preempt('first', mine, victim, { type, abort: true });
      if (kind === 'not-supported') {
        yield* preempt('first', mine, victim, { type, abort: false });
      }
    }
    yield* register('first', mine, 0n);
    found = yield* look();
  }
  return found;
}

/** A conversation with one initiator. */
export async function converse<T>(
  talk: Talk<T>,
  initiator: Initiator,
  signal: AbortSignal,
): Promise<T> {
  let next = talk.next();
  while (next.done !== true) {
    const answer = await initiator.ask(next.value.verb, signal);
    if (answer.kind === 'path-lost' || answer.kind === 'timeout') {
      throw new HoldfastError('DISK_PATHS_LOST', { device: initiator.name, answer: answer.kind });
    }
    next = talk.next(answer);
  }
  return next.value;
}
