/** Random service actions, mostly with the key that the nexus has, so that most of them do something. */
import type { ReserveOut } from '../../../src/fencing/devices/emulated/commands.ts';
import type { ReservationType } from '../../../src/fencing/fence-device.ts';
import type { Random } from '../../../src/lib/random.ts';

export const TYPES: readonly ReservationType[] = [1, 3, 5, 6, 7, 8];
const KEYS = 5;

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.below(items.length)] as T;
}

/** @param own the key of the nexus that will send it; 0n: not registered */
export function randomCommand(random: Random, own: bigint): ReserveOut {
  const key = random.below(8) === 0 ? BigInt(random.below(4)) : own;
  const serviceKey = BigInt(random.below(KEYS));
  const type: ReservationType = random.below(3) === 0 ? pick(random, TYPES) : 5;
  const aptpl = random.below(2) === 0;
  switch (random.below(10)) {
    case 0:
    case 1:
    case 2:
      return { action: 'register', key, serviceKey, aptpl };
    case 3:
      return { action: 'register-and-ignore', key, serviceKey, aptpl };
    case 4:
    case 5:
      return { action: 'reserve', key, type };
    case 6:
      return { action: 'release', key, type };
    case 7:
      return random.below(4) === 0
        ? { action: 'clear', key }
        : { action: 'preempt-and-abort', key, serviceKey, type };
    default:
      return { action: 'preempt', key, serviceKey, type };
  }
}
