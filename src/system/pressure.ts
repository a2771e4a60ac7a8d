/**
 * Whether this host gives its processes the processor time that they ask for. A program that is slow
 * because of that is not broken, so its monitor is more patient (`resources/patience.ts`).
 *
 * Where the kernel keeps no pressure figures, the length of the run queue stands in.
 *
 * Reference: Linux Documentation/accounting/psi.rst; proc(5) `/proc/loadavg`.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';

/** Per cent of the last ten seconds in which some process waited for a processor. */
const WAITING_PERCENT = 60;
/** Runnable processes for each processor, over the last minute. */
const RUNNABLE_EACH = 3;

export function isLoaded(): boolean {
  const waiting = cpuPressure(pressureFile());
  if (waiting !== null) return waiting > WAITING_PERCENT;
  const [minute = 0] = loadavg();
  return minute / availableParallelism() > RUNNABLE_EACH;
}

/** The figure `some avg10` of a pressure file, or null when it is not one. */
export function cpuPressure(text: string): number | null {
  const found = /^some avg10=(\d+(?:\.\d+)?)/m.exec(text)?.[1];
  return found === undefined ? null : Number(found);
}

function pressureFile(): string {
  try {
    return readFileSync('/proc/pressure/cpu', 'utf8');
  } catch {
    // A kernel without PSI.
    return '';
  }
}
