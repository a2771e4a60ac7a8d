/**
 * A "machine" of the embedded demonstration is a daemon and everything it started. Its power is that
 * tree: all of it is stopped first and then killed, so that no part sees another part die.
 *
 * What a cluster started is also known by a mark in its environment, since a guardian that outlives
 * its daemon belongs to no tree any more.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** The variable that carries the mark; its value is chosen by whoever starts the processes. */
export const MARK = 'HOLDFAST_STAGE_MARK';

export type Running = { readonly pid: number; readonly argv: readonly string[] };

/** The process and all of its descendants, whatever sessions they have made for themselves. */
export function treeOf(pid: number): readonly number[] {
  const children = new Map<number, number[]>();
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  for (const line of table.trim().split('\n')) {
    const [child = 0, parent = 0] = line.trim().split(/\s+/).map(Number);
    children.set(parent, [...(children.get(parent) ?? []), child]);
  }
  const all = [pid];
  for (const one of all) all.push(...(children.get(one) ?? []));
  return all;
}

/** Everything alive that was started with this mark. Linux only; elsewhere nothing is found. */
export function marked(mark: string): readonly Running[] {
  const wanted = `${MARK}=${mark}`;
  return entriesOfProc().flatMap((pid) => {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      if (!environment.includes(wanted)) return [];
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
      // A process that ended and waits for its parent has no command line any more.
      return argv.length === 0 ? [] : [{ pid, argv }];
    } catch {
      // It ended between the two looks, or belongs to somebody else.
      return [];
    }
  });
}

export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended already: nothing of it is left to be signalled.
    }
  }
}

/** All at once, as when the plug is pulled. */
export function cutPower(pid: number): void {
  const frozen = treeOf(pid);
  signalAll(frozen, 'SIGSTOP');
  // What was started between the look and the stop is stopped and killed as well.
  signalAll([...new Set([...frozen, ...treeOf(pid)])], 'SIGKILL');
}

function entriesOfProc(): readonly number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isSafeInteger);
  } catch {
    return [];
  }
}
