/** Waits until something is so: asked after each event of the cluster, not by the clock. */
import { HoldfastError } from '../lib/error.ts';
import type { CommandContext } from './command.ts';

/**
 * `ask` answers null while it is not so yet; it is never asked twice at a time.
 * @throws HoldfastError REQUEST_TIMED_OUT after `limitMs`, or what `ask` throws.
 */
export async function waitFor<T>(
  context: CommandContext,
  ask: () => Promise<T | null>,
  limitMs: number,
): Promise<T> {
  const over = new AbortController();
  const limit = setTimeout(() => over.abort(), limitMs);
  let found: T | null = null;
  let failed: unknown = null;
  let asking = Promise.resolve();
  const look = (): void => {
    asking = asking.then(async () => {
      if (found !== null || failed !== null || over.signal.aborted) return;
      try {
        found = await ask();
      } catch (error) {
        failed = error;
      }
      if (found !== null || failed !== null) over.abort();
    });
  };
  try {
    // What was so before the first event is asked for at once.
    look();
    await context.client.watch(look, { signal: over.signal, after: null });
    await asking;
  } finally {
    clearTimeout(limit);
    over.abort();
  }
  if (failed !== null) throw failed;
  if (found === null) throw new HoldfastError('REQUEST_TIMED_OUT', { limitMs });
  return found;
}
