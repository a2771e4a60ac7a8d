/**
 * Other releases of the program, to run beside this one: the previous commit out of the repository's
 * own history, and a later one that writes formats which nobody knows yet. Both use our packages.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
/** What a later release has raised its formats by. */
const RAISED = 90;

/** HOLDFAST_PREVIOUS names another one than the parent of this commit. */
const wanted = process.env['HOLDFAST_PREVIOUS'] ?? 'HEAD~1';

function resolve(): string | null {
  const words = ['rev-parse', '--verify', '--quiet', `${wanted}^{commit}`];
  const { status, stdout } = spawnSync('git', words, { cwd: root, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

export const previousCommit = resolve();
export const noPrevious = previousCommit === null ? `git knows no ${wanted} here` : null;

/** Lays the previous commit out there; answers its program. */
export function layPrevious(directory: string): string {
  if (previousCommit === null) throw new Error(noPrevious ?? '');
  mkdirSync(directory, { recursive: true });
  const archive = execFileSync('git', ['archive', previousCommit, 'src', 'package.json'], {
    cwd: root,
    maxBuffer: 256 * 1024 * 1024,
  });
  execFileSync('tar', ['-x', '-C', directory], { input: archive });
  return withPackages(directory);
}

/** Lays this release out there, with higher formats of log entries and snapshots. */
export function layLater(directory: string): string {
  for (const name of ['src', 'package.json']) {
    cpSync(join(root, name), join(directory, name), { recursive: true });
  }
  const path = join(directory, 'src/cluster/codec.ts');
  let text = readFileSync(path, 'utf8');
  text = changed(text, /FORMATS = \{ entry: (\d+), state: (\d+) \}/, (_, entry, state) => {
    return `FORMATS = { entry: ${Number(entry) + RAISED}, state: ${Number(state) + RAISED} }`;
  });
  // It reads what older ones wrote as it is: only the numbers are new.
  text = changed(text, /known\(format\.steps\[at\], [^)]*\)/, () => {
    return '(format.steps[at] ?? ((value: unknown) => value))';
  });
  writeFileSync(path, text);
  return withPackages(directory);
}

function changed(
  text: string,
  pattern: RegExp,
  change: (...groups: readonly string[]) => string,
): string {
  if (!pattern.test(text)) throw new Error(`nothing of the codec is like ${pattern}`);
  return text.replace(pattern, change);
}

function withPackages(directory: string): string {
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  return join(directory, 'src/holdfast.js');
}
