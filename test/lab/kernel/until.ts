/**
 * Waiting on a predicate with a bound: the only way in which the laboratory waits.
 * A short pause between two looks is not synchronisation; what ends the wait is always the
 * predicate, or the bound with an error that says what was waited for.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { LabError } from './lab-error.ts';

export type Bound = {
  /** What is waited for, for the error: "node2 serves group web". */
  readonly what: string;
  readonly limitMs: number;
  readonly intervalMs?: number;
};

/**
 * Looks until `look` answers something other than `undefined`, `null` or `false`, and answers that.
 * @throws LabError NOT_REACHED with the last thing that `describe` said.
 */
export async function until<T>(
  look: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  bound: Bound,
  describe: () => string = () => '',
): Promise<T> {
  const end = performance.now() + bound.limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found;
    if (performance.now() >= end) {
      throw new LabError('NOT_REACHED', `${bound.what} within ${bound.limitMs} ms ${describe()}`);
    }
    await pause(bound.intervalMs ?? 20);
  }
}
