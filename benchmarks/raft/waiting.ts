/** Waiting for something that has to happen soon. */
import { monotonicClock } from '../../src/system/clock.ts';

const POLL_MS = 20;

export async function pause(ms: number): Promise<void> {
  await monotonicClock.after(ms, new AbortController().signal);
}

/** The first answer that is not null; an error when it takes longer than `limitMs`. */
export async function until<T>(
  what: string,
  limitMs: number,
  ask: () => Promise<T | null>,
): Promise<T> {
  const endMs = monotonicClock.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (monotonicClock.now() > endMs) throw new Error(`${what}: not within ${limitMs} ms`);
    await pause(POLL_MS);
  }
}
