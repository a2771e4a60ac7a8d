/**
 * The keys of a verification: they say that they are one, so that a verification which was cut
 * short is told from a cluster that uses the disk. All their bits are in use, the highest too: a
 * target that keeps fewer than 64 shows it.
 */
import type { ReservationKey } from '../fence-device.ts';
import type { VerificationKeys } from './words.ts';

const PREFIX = 0xf846_5646n;

/** `run`: 24 bits that tell two runs apart. */
export function verificationKeys(run: number): VerificationKeys {
  const key = (number: bigint) => (PREFIX << 32n) | 0x8000_0001n | (BigInt(run) << 7n) | number;
  return { first: key(0x10n), other: key(0x20n), second: key(0x30n) };
}

export function isVerificationKey(key: ReservationKey): boolean {
  return key >> 32n === PREFIX;
}
