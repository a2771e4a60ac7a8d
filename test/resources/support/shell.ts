import { execFileSync, spawnSync } from 'node:child_process';

/** Sets the stage: a command that must succeed; answers what it printed. */
export function must(...argv: readonly string[]): string {
  const [file = '', ...args] = argv;
  return execFileSync(file, args, { encoding: 'utf8', timeout: 60_000, stdio: 'pipe' });
}

/** A command whose status is the answer. */
export function works(...argv: readonly string[]): boolean {
  const [file = '', ...args] = argv;
  return spawnSync(file, args, { timeout: 60_000, stdio: 'ignore' }).status === 0;
}
