/** What lies in a directory, so that a test can show that nothing was lost or changed. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** LevelDB's own diary and lock: written whenever a database is looked at, and no data. */
const NO_DATA = ['LOG', 'LOG.old', 'LOCK'];

/** Path → mode, length and hash of every file below; directories with their mode only. */
export function printOf(directory: string, below = ''): Readonly<Record<string, string>> {
  const prints: Record<string, string> = {};
  for (const name of readdirSync(join(directory, below)).toSorted()) {
    const path = join(below, name);
    const { mode, size } = lstatSync(join(directory, path));
    if (lstatSync(join(directory, path)).isDirectory()) {
      prints[path] = mode.toString(8);
      Object.assign(prints, printOf(directory, path));
    } else if (lstatSync(join(directory, path)).isFile() && !NO_DATA.includes(name)) {
      const hash = createHash('sha256').update(readFileSync(join(directory, path)));
      prints[path] = `${mode.toString(8)} ${size} ${hash.digest('hex').slice(0, 16)}`;
    }
  }
  return prints;
}
