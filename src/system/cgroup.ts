/**
 * A control group (version 2) for each application: the one way to freeze and to kill everything that
 * an application ever started, whatever sessions and groups it made.
 *
 * Where no version 2 hierarchy is mounted and none can be, callers use the process group instead.
 * Nothing is limited or accounted here: no controller is enabled.
 *
 * Reference: Linux Documentation/admin-guide/cgroup-v2.rst, cgroup.freeze, cgroup.kill (Linux 5.14).
 */
import { mkdirSync, readFileSync, rmdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { mounts } from './mounts.ts';
import { run } from './run.ts';

/** Where a hierarchy is mounted when the machine has none. */
const OWN_MOUNT = '/run/holdfast/cgroup';
const LOOK_EVERY_MS: Millis = 5;
const MOUNT_TIMEOUT_MS: Millis = 5_000;

type Bound = {
  readonly clock: Clock;
  readonly timeoutMs: Millis;
  readonly signal: AbortSignal;
};

/**
 * The directory below which this process may make groups, or null. Its own group is used, so that a
 * service manager that delegated it still finds everything below it.
 */
export async function cgroupBase(signal: AbortSignal): Promise<string | null> {
  const mountPoint = mountedHierarchy() ?? (await mountHierarchy(signal));
  if (mountPoint === null) return null;
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
  const base = join(mountPoint, own);
  return isWritable(base) ? base : null;
}

/**
 * Makes the group; one that is there stays.
 *
 * @throws HoldfastError CGROUP_FAILED
 */
export function createCgroup(path: string): void {
  attempt(path, 'create', () => mkdirSync(path, { recursive: true }));
}

/**
 * Stops (or continues) every process of the group and waits until it stands still.
 *
 * @throws HoldfastError CGROUP_FAILED, also when it does not stand still in time.
 */
export async function freezeCgroup(path: string, frozen: boolean, bound: Bound): Promise<void> {
  attempt(path, 'freeze', () => writeFileSync(join(path, 'cgroup.freeze'), frozen ? '1' : '0'));
  const settled = await until(bound, () => eventOf(path, 'frozen') === (frozen ? 1 : 0));
  if (!settled) throw new HoldfastError('CGROUP_FAILED', { path, what: 'freeze', frozen });
}

/**
 * Kills every process of the group, frozen or not, waits for the end of the last one and removes the
 * group. A group that is gone is a success.
 *
 * @throws HoldfastError PROCESS_NOT_KILLED, CGROUP_FAILED
 */
export async function killCgroup(path: string, bound: Bound): Promise<void> {
  if (eventOf(path, 'populated') === null) return;
  attempt(path, 'kill', () => writeFileSync(join(path, 'cgroup.kill'), '1'));
  const empty = await until(bound, () => (eventOf(path, 'populated') ?? 0) === 0);
  if (!empty) {
    const left = readFileSync(join(path, 'cgroup.procs'), 'utf8').trim().split('\n');
    throw new HoldfastError('PROCESS_NOT_KILLED', { path, left });
  }
  removeCgroup(path);
}

/** Sends the signal to every process of the group, as it is listed now. */
export function signalCgroup(path: string, signal: NodeJS.Signals): void {
  for (const pid of members(path)) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended between the look and the signal.
    }
  }
}

/** Removes an empty group; one that is in use or gone is left as it is. */
export function removeCgroup(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // An empty directory of the hierarchy costs nothing and is used again by the next start.
  }
}

/** Whether the process has entered the group: it does so by itself, a moment after it was started. */
export function isMember(path: string, pid: number): boolean {
  return members(path).includes(pid);
}

/** Pids 0 are processes of another pid namespace: they cannot be named from here. */
function members(path: string): readonly number[] {
  try {
    const lines = readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n');
    return lines.map(Number).filter((pid) => pid > 1);
  } catch {
    // No such group.
    return [];
  }
}

/** Whether any process lives in the group; null when there is no such group. */
export function isPopulated(path: string): boolean | null {
  const populated = eventOf(path, 'populated');
  return populated === null ? null : populated === 1;
}

/**
 * Calls `emptied` when the last process of the group has ended, once, at once: the kernel tells of it.
 * A group that is gone, or was empty when this was asked, is no news. Until the signal aborts.
 */
export function watchUntilEmpty(path: string, signal: AbortSignal, emptied: () => void): void {
  if (signal.aborted || isPopulated(path) !== true) return;
  const look = () => {
    if (isPopulated(path) === true) return;
    watcher.close();
    if (!signal.aborted) emptied();
  };
  const watcher = watch(join(path, 'cgroup.events'), { signal, persistent: false }, look);
  // It may have emptied between the look above and the watch; what fails is left to the monitor.
  watcher.on('error', () => watcher.close());
  look();
}

function eventOf(path: string, event: 'populated' | 'frozen'): number | null {
  try {
    const events = readFileSync(join(path, 'cgroup.events'), 'utf8');
    return Number(new RegExp(`^${event} (\\d)`, 'm').exec(events)?.[1] ?? 0);
  } catch {
    // No such group.
    return null;
  }
}

async function until(bound: Bound, settled: () => boolean): Promise<boolean> {
  const untilMs = bound.clock.now() + bound.timeoutMs;
  while (!settled()) {
    if (bound.clock.now() >= untilMs) return false;
    await bound.clock.after(LOOK_EVERY_MS, bound.signal);
  }
  return true;
}

function mountedHierarchy(): string | null {
  return mounts().find((mount) => mount.type === 'cgroup2')?.directory ?? null;
}

async function mountHierarchy(signal: AbortSignal): Promise<string | null> {
  try {
    mkdirSync(OWN_MOUNT, { recursive: true });
    const argv = ['mount', '-t', 'cgroup2', 'none', OWN_MOUNT];
    const { status } = await run(argv, { signal, timeoutMs: MOUNT_TIMEOUT_MS });
    return status === 0 ? OWN_MOUNT : null;
  } catch {
    signal.throwIfAborted();
    // A daemon without the rights to mount lives with process groups.
    return null;
  }
}

function isWritable(base: string): boolean {
  const probe = join(base, `holdfast-probe-${process.pid}`);
  try {
    mkdirSync(probe);
    rmdirSync(probe);
    return true;
  } catch {
    // Read-only or not ours: the answer is no.
    return false;
  }
}

function attempt(path: string, what: string, act: () => void): void {
  try {
    act();
  } catch (cause) {
    throw new HoldfastError('CGROUP_FAILED', { path, what }, { cause });
  }
}
