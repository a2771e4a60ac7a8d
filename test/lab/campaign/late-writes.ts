/**
 * The judge of promise P2: did a write of an older epoch land after the takeover of a newer one had
 * returned? Pure.
 *
 * Two clocks are involved, the host's (when a stamp was seen on the LUN) and the new owner's (when
 * its takeover returned). The stamps of the new owner carry its own clock, so the smallest
 * difference between "given to the kernel" and "seen on the LUN" lays one clock beside the other, too
 * late by the time that the fastest write took. A landing counts as late only when the LUN was
 * looked at after the return and did not have it yet: never by mistake, and blind for the few
 * milliseconds between two looks.
 */
import type { Millis } from '../../../src/lib/ids.ts';
import type { Stamp } from './stamp.ts';

export type Landing = {
  readonly stamp: Stamp;
  /** The last look that did not find it, on the host's clock. */
  readonly notBefore: Millis;
  readonly seenAt: Millis;
};

/** A takeover that returned. */
export type Return = {
  readonly epoch: number;
  /** Host's clock. */
  readonly at: Millis;
};

export type LateWrite = {
  readonly stamp: Stamp;
  /** The newest epoch whose takeover had returned by then. */
  readonly newer: number;
  /** At least so long after its return. */
  readonly lateMs: Millis;
};

/** `guestAt` on the clock of the owner of `epoch`; null when no stamp of that epoch was seen. */
export function hostTime(
  landings: readonly Landing[],
  epoch: number,
  guestAt: Millis,
): Millis | null {
  const differences = landings
    .filter(({ stamp }) => stamp.epoch === epoch)
    .map(({ stamp, seenAt }) => seenAt - stamp.guestMs);
  return differences.length === 0 ? null : guestAt + Math.min(...differences);
}

export function lateWrites(
  landings: readonly Landing[],
  returns: readonly Return[],
): readonly LateWrite[] {
  return landings.flatMap(({ stamp, notBefore }) => {
    const over = returns.filter(({ epoch, at }) => epoch > stamp.epoch && at <= notBefore);
    const newest = over.reduce<Return | null>(
      (best, one) => (best === null || one.epoch > best.epoch ? one : best),
      null,
    );
    if (newest === null) return [];
    return [{ stamp, newer: newest.epoch, lateMs: notBefore - newest.at }];
  });
}
