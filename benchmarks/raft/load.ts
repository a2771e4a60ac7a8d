/**
 * A closed loop: so many writers, each of which writes again when its write was acknowledged. The same
 * code drives every contender, from inside a member and from another process.
 */
import { monotonicClock } from '../../src/system/clock.ts';
import type { Measured } from './figures.ts';

export type Load = {
  readonly outstanding: number;
  readonly durationMs: number;
  /** What is written in this time is not counted. */
  readonly warmUpMs: number;
};

/** What each write carries. */
export const PAYLOAD_BYTES = 128;
const RETRY_MS = 20;

/** `PAYLOAD_BYTES` of letters and digits, different for each number. */
export function payload(number: number): string {
  return number.toString(36).padStart(12, '0').repeat(11).slice(0, PAYLOAD_BYTES);
}

/** A write that fails is counted and is no measurement. */
export async function closedLoop(
  load: Load,
  put: (value: string) => Promise<void>,
): Promise<Measured> {
  const latenciesMs: number[] = [];
  const never = new AbortController().signal;
  const countFromMs = monotonicClock.now() + load.warmUpMs;
  const endMs = countFromMs + load.durationMs;
  let failed = 0;
  let number = 0;
  const write = async (): Promise<void> => {
    for (;;) {
      const beganMs = monotonicClock.now();
      if (beganMs >= endMs) return;
      number += 1;
      try {
        await put(payload(number));
        const endedMs = monotonicClock.now();
        if (endedMs >= countFromMs && endedMs < endMs) latenciesMs.push(endedMs - beganMs);
      } catch {
        failed += 1;
        await monotonicClock.after(RETRY_MS, never);
      }
    }
  };
  await Promise.all(Array.from({ length: load.outstanding }, write));
  return { seconds: load.durationMs / 1000, latenciesMs, failed };
}
