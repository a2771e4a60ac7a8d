/** What the machine says of itself: clocks, scheduling, watchdog, versions, the data directory. */
import { constants } from 'node:fs';
import { access, open, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { commandEnvironment } from '../../system/run.ts';
import { wallClock } from '../../system/wall-clock.ts';
import type { ClockFacts } from './check-clocks.ts';
import type { DataFacts } from './check-data.ts';
import type { SchedulingFacts } from './check-scheduling.ts';
import type { VersionFacts } from './check-versions.ts';
import type { WatchdogFacts } from './check-watchdog.ts';

/** The text of a file of the kernel, or null. */
export async function kernelText(path: string): Promise<string | null> {
  return await readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
}

export async function clockFacts(): Promise<ClockFacts> {
  const directory = '/sys/devices/system/clocksource/clocksource0';
  const source = await kernelText(join(directory, 'current_clocksource'));
  try {
    return { source, ...wallClock() };
  } catch {
    // Without native calls the kernel cannot be asked; that is a finding and no failure of ours.
    return { source, synchronized: null, maxErrorMs: 0 };
  }
}

/** `pid` of the daemon; null: none answers. */
export async function schedulingFacts(
  pid: number | null,
  profile: SchedulingFacts['profile'],
): Promise<SchedulingFacts> {
  const text = pid === null ? null : await kernelText(`/proc/${pid}/stat`);
  const runtime = await kernelText('/proc/sys/kernel/sched_rt_runtime_us');
  return {
    daemon: text === null ? null : classOf(text),
    runtimeUs: runtime === null ? null : Number(runtime),
    profile,
  };
}

/** Fields 40 and 41 of /proc/PID/stat; the second field may hold blanks and parentheses. */
export function classOf(statText: string): { readonly policy: number; readonly priority: number } {
  const fields = statText.slice(statText.lastIndexOf(')') + 2).split(' ');
  return { priority: Number(fields[37]), policy: Number(fields[38]) };
}

export async function watchdogFacts(
  pid: number | null,
  unguarded: readonly string[],
): Promise<WatchdogFacts> {
  const names = await readdir('/sys/class/watchdog').catch(() => []);
  const devices = await Promise.all(
    names.map(async (name) => {
      return (await kernelText(`/sys/class/watchdog/${name}/identity`)) ?? name;
    }),
  );
  const environment = pid === null ? null : await kernelText(`/proc/${pid}/environ`);
  const usec = /(?:^|\0)WATCHDOG_USEC=(\d+)/.exec(environment ?? '')?.[1];
  return { devices, serviceMs: usec === undefined ? null : Number(usec) / 1_000, unguarded };
}

/** What a failover calls, and where Debian has it. */
const PROGRAMS = [
  { program: 'nft', package: 'nftables', for: 'floating-ip' },
  { program: 'mount', package: 'mount', for: 'filesystem' },
  { program: 'umount', package: 'mount', for: 'filesystem' },
] as const;

/** `types`: the resource types that this cluster uses. */
export async function versionFacts(
  command: string,
  daemon: string | null,
  types: readonly string[],
): Promise<VersionFacts> {
  const needed = PROGRAMS.filter((one) => types.includes(one.for));
  const found = await Promise.all(needed.map(({ program }) => isInPath(program)));
  return {
    command,
    daemon,
    node: process.version,
    kernel: release(),
    missing: needed.filter((_, at) => found[at] === false),
  };
}

async function isInPath(program: string): Promise<boolean> {
  const directories = (commandEnvironment()['PATH'] ?? '').split(':').filter((one) => one !== '');
  const tries = directories.map((directory) =>
    access(join(directory, program), constants.X_OK).then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(tries)).includes(true);
}

/** Of `man 2 statfs`: TMPFS_MAGIC, RAMFS_MAGIC. */
const VOLATILE: readonly number[] = [0x01021994, 0x858458f6];
const SYNCED_WRITES = 10;
const WRITE_BYTES = 4_096;

/** Writes and removes one small file to see how long a synced write takes. */
export async function dataFacts(
  directory: string,
  assumedSyncMs: number | null,
): Promise<DataFacts> {
  const nothing = { volatile: false, freeBytes: 0, logBytes: 0, mode: 0, syncMs: 0 };
  try {
    const system = await statfs(directory);
    return {
      directory,
      error: null,
      volatile: VOLATILE.includes(system.type),
      freeBytes: system.bavail * system.bsize,
      logBytes: await bytesBelow(join(directory, 'log')),
      mode: (await stat(directory)).mode & 0o777,
      syncMs: await slowestSyncMs(join(directory, `doctor-${process.pid}`)),
      assumedSyncMs,
    };
  } catch (error) {
    return { ...nothing, directory, error: String(error), assumedSyncMs };
  }
}

async function bytesBelow(directory: string): Promise<number> {
  const names = await readdir(directory).catch(() => []);
  const sizes = await Promise.all(
    // A file that is compacted away meanwhile counts nothing.
    names.map((name) =>
      stat(join(directory, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function slowestSyncMs(path: string): Promise<number> {
  const file = await open(path, 'wx', 0o600);
  try {
    const durations: number[] = [];
    for (let at = 0; at < SYNCED_WRITES; at += 1) {
      const startedMs = performance.now();
      await file.write(Buffer.alloc(WRITE_BYTES), 0, WRITE_BYTES, at * WRITE_BYTES);
      await file.datasync();
      durations.push(performance.now() - startedMs);
    }
    return Math.max(...durations);
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}
