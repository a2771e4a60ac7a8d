/**
 * Which processes keep a mounted file system busy: those whose working directory, root, program, open
 * files or mapped files lie in it. For people to read and, when a stop must succeed, to be ended.
 *
 * It sees only this mount namespace and compares paths with the mount table, not devices (asking a dead
 * disk for one would hang): who uses another mount below the directory does not hold this one, and a
 * bind mount elsewhere of the same file system is the business of whoever made it.
 *
 * Reference: proc(5).
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mounts } from './mounts.ts';
import { markOf, type ProcessMark } from './process.ts';

export type MountUser = ProcessMark & { readonly command: string };

/** Processes that use `directory` (an absolute path without links). Never this process itself. */
export function mountUsers(directory: string): readonly MountUser[] {
  const below = mounts().flatMap((mount) =>
    mount.directory.startsWith(`${directory}/`) ? [mount.directory] : [],
  );
  const within = (path: string, at: string) => path === at || path.startsWith(`${at}/`);
  const inside = (path: string) =>
    within(path, directory) && !below.some((other) => within(path, other));
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || !uses(pid, inside)) return [];
    const mark = markOf(pid);
    return mark === null ? [] : [{ ...mark, command: commandOf(pid) }];
  });
}

function uses(pid: number, inside: (path: string) => boolean): boolean {
  const links = ['cwd', 'root', 'exe', ...entries(`/proc/${pid}/fd`).map((fd) => `fd/${fd}`)];
  if (links.some((name) => inside(target(`/proc/${pid}/${name}`)))) return true;
  return text(`/proc/${pid}/maps`)
    .split('\n')
    .some((line) => inside(line.slice(line.indexOf('/')).replace(/ \(deleted\)$/, '')));
}

function commandOf(pid: number): string {
  return text(`/proc/${pid}/cmdline`).split('\0').join(' ').trim().slice(0, 200);
}

/** A process may end, or belong to somebody else, while it is looked at: then it says nothing. */
function quietly<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}

const entries = (path: string) => quietly(() => readdirSync(path), []);
const target = (path: string) => quietly(() => readlinkSync(path), '');
const text = (path: string) => quietly(() => readFileSync(path, 'utf8'), '');
