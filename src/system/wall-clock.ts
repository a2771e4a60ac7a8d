/**
 * What the kernel knows of its wall clock: whether somebody disciplines it, and how wrong it may be.
 *
 * Reference: adjtimex(2); struct timex on 64-bit Linux.
 */
import { cLibrary } from './native.ts';

export type WallClock = { readonly synchronized: boolean; readonly maxErrorMs: number };

const TIMEX_BYTES = 208;
const MAX_ERROR_AT = 24;
const TIME_ERROR = 5;

/** @throws HoldfastError NATIVE_CALLS_UNAVAILABLE */
export function wallClock(): WallClock {
  // modes 0: nothing is set, the state is read.
  const timex = Buffer.alloc(TIMEX_BYTES);
  const state = cLibrary().adjtimex(timex);
  return {
    synchronized: state >= 0 && state !== TIME_ERROR,
    maxErrorMs: Number(timex.readBigInt64LE(MAX_ERROR_AT)) / 1_000,
  };
}
