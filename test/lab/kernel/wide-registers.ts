/**
 * Lets guests boot on processors that have more registers than their kernel knows; why and how stands
 * in `wide-registers.c`. On all other processors nothing is built, and no compiler is needed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './host.ts';

/** Whether this processor has registers that a user-mode Linux 6.1 has no room for. */
export function hasWideRegisters(cpuinfo: string = readFileSync('/proc/cpuinfo', 'utf8')): boolean {
  return /^flags\s*:.*\bamx_tile\b/m.test(cpuinfo);
}

/** Builds what has to be preloaded into `directory` and answers its path; null where nothing has to be. */
export async function buildWideRegisters(directory: string): Promise<string | null> {
  return hasWideRegisters() ? await buildPreload('wide-registers', directory) : null;
}

/** Builds `NAME.c` into a library that a guest's kernel process can preload. */
export async function buildPreload(name: string, directory: string): Promise<string> {
  const [source, library] = [join(import.meta.dirname, `${name}.c`), join(directory, `${name}.so`)];
  await run(['gcc', '-O2', '-Wall', '-Werror', '-shared', '-fPIC', '-o', library, source]);
  return library;
}
