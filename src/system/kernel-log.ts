/**
 * One line into the kernel's log: it reaches the console and whatever the kernel keeps over a reset, when
 * no reader of this process is left and nothing is written to a disk any more.
 *
 * Reference: Linux Documentation/ABI/testing/dev-kmsg; printk levels.
 */
import { writeFileSync } from 'node:fs';

const KMSG = '/dev/kmsg';
/** Level 2, critical: shown on the console of a quiet kernel too. */
const CRITICAL = '<2>';

/** Best effort: who may not write there is no worse off. @param line one line, without its end */
export function tellKernel(line: string, path: string = KMSG): void {
  try {
    writeFileSync(path, `${CRITICAL}holdfast: ${line}\n`);
  } catch {
    // Not root, or a container without it; the ordinary log has the line as well.
  }
}
