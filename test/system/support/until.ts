import { monotonicClock } from '../../../src/system/clock.ts';
import { processStat } from '../../../src/system/process.ts';

const BOUND_MS = 20_000;
const LOOK_EVERY_MS = 10;

/** Waits on a predicate; the bound is generous because the machine may be busy. */
export async function until(what: string, predicate: () => unknown): Promise<void> {
  const untilMs = monotonicClock.now() + BOUND_MS;
  while (!(await predicate())) {
    if (monotonicClock.now() > untilMs) throw new Error(`waited in vain until ${what}`);
    await monotonicClock.after(LOOK_EVERY_MS, new AbortController().signal);
  }
}

export async function untilTime(timeMs: number): Promise<void> {
  await until(`the clock passes ${timeMs}`, () => monotonicClock.now() > timeMs);
}

export function isAlive(pid: number): boolean {
  const stat = processStat(pid);
  return stat !== null && stat.state !== 'Z';
}
