/**
 * A "machine" of the embedded demonstration is a daemon and everything it started. Its power is that
 * tree: all of it is stopped first and then killed, so that no part sees another part die.
 */
import { execFileSync } from 'node:child_process';

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
