/**
 * Makes a failing script small: leaves out faults, in halves first and one by one in the end, as long
 * as the same rule is still broken (Zeller's delta debugging). Each attempt is a history of its own.
 */
import { play } from './run.ts';
import type { Script, Strike } from './script.ts';

export type Shrunk = { readonly script: Script; readonly attempts: number };

export type ShrinkOptions = {
  readonly script: Script;
  /** The rule that must stay broken. */
  readonly rule: string;
  readonly maxAttempts: number;
  readonly progress?: (strikes: number) => void;
};

export async function shrink(options: ShrinkOptions): Promise<Shrunk> {
  const { rule, maxAttempts, progress } = options;
  let { script } = options;
  let attempts = 0;
  const stillBreaks = async (strikes: readonly Strike[]): Promise<boolean> => {
    attempts += 1;
    const { violations } = await play({ script: { ...script, strikes } });
    return violations.some((violation) => violation.rule === rule);
  };
  for (let chunk = Math.ceil(script.strikes.length / 2); chunk >= 1; ) {
    let smaller = false;
    for (let at = 0; at < script.strikes.length && attempts < maxAttempts; ) {
      const strikes = script.strikes.filter((_, i) => i < at || i >= at + chunk);
      if (await stillBreaks(strikes)) {
        script = { ...script, strikes };
        smaller = true;
        progress?.(strikes.length);
      } else at += chunk;
    }
    if (attempts >= maxAttempts) break;
    if (!smaller || chunk > 1) chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2);
  }
  return { script, attempts };
}
