/** Bounds any piece of work by the injected clock: nobody waits for a command on a dead disk. */
import { type Clock, WITHDRAWN } from '../lib/clock.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';

export type DeadlineOptions<T> = {
  readonly clock: Clock;
  readonly timeoutMs: Millis;
  /** Aborts the work early. */
  readonly outer: AbortSignal;
  readonly work: (signal: AbortSignal) => Promise<T>;
  /** The answer when the time is over; the work is told by its signal and no longer waited for. */
  readonly late: () => T;
};

export async function withDeadline<T>(options: DeadlineOptions<T>): Promise<T> {
  const { clock, timeoutMs, outer, work, late } = options;
  const inner = new AbortController();
  const pass = (): void => inner.abort(outer.reason);
  if (outer.aborted) pass();
  outer.addEventListener('abort', pass, { once: true });
  const withdraw = new AbortController();
  const timeUp = clock.after(Math.max(0, timeoutMs), withdraw.signal).then(
    () => {
      inner.abort(new HoldfastError('ACTION_TIMED_OUT', { timeoutMs: Math.round(timeoutMs) }));
      return late();
    },
    () => new Promise<T>(() => undefined), // withdrawn: the work was first
  );
  try {
    return await Promise.race([work(inner.signal), timeUp]);
  } finally {
    outer.removeEventListener('abort', pass);
    withdraw.abort(WITHDRAWN);
  }
}
