/**
 * Does the storage remember who was fenced when it loses power? Nobody but an operator can pull its
 * plug, so this is tried in two halves: a reservation is left behind, the storage is switched off
 * and on, and what is there afterwards is looked at and taken away.
 *
 * Reference: SPC-4 §5.13.5 (preserving reservations through power loss).
 */
import { HoldfastError } from '../../lib/error.ts';
import type { ReservationKey } from '../fence-device.ts';
import { formatKey } from '../protocol/key.ts';
import { isVerificationKey } from './keys.ts';
import { look, release } from './release.ts';
import { finding, register, reserve } from './talk.ts';
import type { Finding, Talk } from './words.ts';

const NAME = 'power loss (tried)';

/**
 * Leaves a key and a reservation behind. @throws HoldfastError FOREIGN_RESERVATION,
 * RESERVATIONS_UNSUPPORTED
 */
export function* beforePowerLoss(key: ReservationKey): Talk<readonly Finding[]> {
  const [stranger] = (yield* look()).keys;
  if (stranger !== undefined) {
    throw new HoldfastError('FOREIGN_RESERVATION', { key: formatKey(stranger) });
  }
  const registered = yield* register('first', 0n, key);
  const reserved = yield* reserve('first', key, 1);
  const left = registered === 'good' && reserved === 'good';
  if (left) return [finding(NAME, 'unproven', 'a reservation was left on the disk', NEXT)];
  yield* release(key);
  const seen = `REGISTER with APTPL is answered ${registered}, RESERVE ${reserved}`;
  return [finding(NAME, 'limited', seen, LACKING)];
}

/**
 * Looks at what is left and takes it away; `mine` is a key that nobody has. @throws HoldfastError
 * FOREIGN_RESERVATION when somebody uses the disk by now
 */
export function* afterPowerLoss(mine: ReservationKey): Talk<readonly Finding[]> {
  const { keys, holder, type } = yield* look();
  const stranger = keys.find((key) => !isVerificationKey(key));
  if (stranger !== undefined) {
    throw new HoldfastError('FOREIGN_RESERVATION', { key: formatKey(stranger) });
  }
  yield* release(mine);
  const [key] = keys;
  if (key === undefined) {
    const seen = 'key and reservation are gone (or were never left: `--power-loss begin`)';
    return [finding(NAME, 'limited', seen, LACKING)];
  }
  if (holder === key && type === 1) {
    return [finding(NAME, 'works', 'key and reservation were there afterwards')];
  }
  const seen = 'the key is there, the reservation is gone';
  return [finding(NAME, 'limited', seen, LACKING)];
}

const NEXT = 'switch the storage off and on, then run `disk verify DEVICE --power-loss end`';
const LACKING =
  'after a power loss of the storage a fenced machine could write: refused, ' +
  'unless the group says `volatile-reservations: true`';
