/**
 * A further path for a dm-multipath map whose table nobody else looks after.
 *
 * The table is loaded anew with the path at the end of its last group; requests that wait meanwhile are
 * kept by the kernel and sent afterwards. Where multipathd runs, maps are its own: see `isManaged`.
 *
 * Reference: dmsetup(8); Linux drivers/md/dm-mpath.c (multipath_ctr); multipathd(8).
 */
import { readFile } from 'node:fs/promises';
import { assert } from '../lib/assert.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { type RunOptions, run } from './run.ts';

export type MapOptions = { readonly timeoutMs: Millis; readonly signal: AbortSignal };

/** Its abstract socket: it would undo what is done to a map without asking it. */
const MULTIPATHD = '@/org/kernel/linux/storage/multipathd';

/** Whether multipathd runs, which puts paths into maps by itself. */
export async function isManaged(): Promise<boolean> {
  return (await readFile('/proc/net/unix', 'utf8').catch(() => '')).includes(MULTIPATHD);
}

/**
 * @param map such as `dm-0`
 * @param device number of the path, such as `8:16`
 * @throws HoldfastError DISK_PATH_LOST
 */
export async function addToMap(map: string, device: string, options: MapOptions): Promise<void> {
  const name = (await readFile(`/sys/block/${map}/dm/name`, 'utf8').catch(() => '')).trim();
  if (name === '') throw new HoldfastError('DISK_PATH_LOST', { device: map });
  const table = withPath(await dmsetup(['table', name], options), device);
  if (table === null) return;
  await dmsetup(['load', name], { ...options, input: table });
  // A resume of a map with a new table suspends it first; nothing is flushed, nothing is failed.
  await dmsetup(['suspend', '--noflush', '--nolockfs', name], options);
  await dmsetup(['resume', name], options);
}

/**
 * The table with one more path in its last group; null when the path is in it. A path takes as many
 * arguments as those before it, and the same.
 */
export function withPath(table: string, device: string): string | null {
  const words = table.trim().split(/\s+/);
  assert(words[2] === 'multipath', `a multipath table: ${table}`);
  let at = 3;
  const number = (): number => Number(words[at]);
  at += 1 + number(); // features
  at += 1 + number(); // hardware handler
  const groups = number();
  at += 2; // the number of groups, and the one to begin with
  let countAt = at;
  let lastPath: readonly string[] = [];
  for (let group = 0; group < groups; group += 1) {
    at += 1; // the selector
    at += 1 + number();
    countAt = at;
    const [paths, size] = [number(), 1 + Number(words[at + 1])];
    at += 2;
    for (let path = 0; path < paths; path += 1) {
      lastPath = words.slice(at, at + size);
      if (lastPath[0] === device) return null;
      at += size;
    }
  }
  const more = [...words.slice(0, at), device, ...lastPath.slice(1), ...words.slice(at)];
  more[countAt] = String(Number(words[countAt]) + 1);
  return more.join(' ');
}

async function dmsetup(
  words: readonly string[],
  options: MapOptions & Pick<RunOptions, 'input'>,
): Promise<string> {
  const { status, stdout, stderr } = await run(['dmsetup', ...words], options);
  if (status === 0) return stdout;
  throw new HoldfastError('DISK_PATH_LOST', { command: words.join(' '), said: stderr.trim() });
}
