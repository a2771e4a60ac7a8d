/**
 * Processes as the kernel lists them, and ending a group of them for certain.
 *
 * The fear: a pid that was written down is given to somebody else, and the wrong process dies. So a
 * pid never goes alone; it goes with its start time in clock ticks, which no later process of this
 * boot can share together with the pid.
 *
 * A process group (and the session of the same number) is what can be reached without a control
 * group. A child that starts a session of its own escapes; `cgroup.ts` catches that one.
 *
 * Reference: proc(5) `/proc/pid/stat`, setsid(2), kill(2).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { assert } from '../lib/assert.ts';
import type { Clock } from '../lib/clock.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';

export type ProcessStat = {
  readonly pid: number;
  /** `Z` is a process that has ended and waits for its parent. */
  readonly state: string;
  readonly group: number;
  readonly session: number;
  readonly startTicks: number;
};

/** A process that was seen once: the pid alone does not name it for ever. */
export type ProcessMark = { readonly pid: number; readonly startTicks: number };

const LOOK_EVERY_MS: Millis = 5;

/** Null when there is no such process. */
export function processStat(pid: number): ProcessStat | null {
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // The process is gone, which is what the answer says.
    return null;
  }
  // The second field is the program's name in brackets and may contain anything, brackets included.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    state: fields[0] ?? '',
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTicks: Number(fields[19]),
  };
}

/** The mark of a living process, or null. */
export function markOf(pid: number): ProcessMark | null {
  const stat = processStat(pid);
  return stat === null || stat.state === 'Z' ? null : { pid, startTicks: stat.startTicks };
}

/** Whether the process of this mark still runs; one that has ended and waits for its parent does not. */
export function isRunning({ pid, startTicks }: ProcessMark): boolean {
  return markOf(pid)?.startTicks === startTicks;
}

/**
 * Living members of the process group or session that `leader` founded. Empty when its pid has been
 * given to another process: the kernel does that only after the group has died out.
 */
export function groupMembers(leader: ProcessMark): readonly ProcessStat[] {
  // 0 is what the kernel writes for groups of another namespace, and 1 is everybody's parent.
  assert(Number.isInteger(leader.pid) && leader.pid > 1, `a group cannot be led by ${leader.pid}`);
  const founder = processStat(leader.pid);
  if (founder !== null && founder.startTicks !== leader.startTicks) return [];
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid)) return [];
    const stat = processStat(pid);
    if (stat === null || stat.state === 'Z' || stat.state === 'X') return [];
    return stat.group === leader.pid || stat.session === leader.pid ? [stat] : [];
  });
}

/** Sends the signal to every living member; answers how many there were. */
export function signalGroup(leader: ProcessMark, signal: NodeJS.Signals): number {
  const members = groupMembers(leader);
  for (const { pid } of members) send(pid, signal);
  return members.length;
}

/**
 * SIGKILL to all members until there are none: a member may fork while the list is read. A stopped
 * group dies too. A group that is gone is a success.
 *
 * @throws HoldfastError PROCESS_NOT_KILLED when one is still there at the deadline.
 */
export async function killGroup(
  leader: ProcessMark,
  options: { readonly clock: Clock; readonly timeoutMs: Millis; readonly signal: AbortSignal },
): Promise<void> {
  const untilMs = options.clock.now() + options.timeoutMs;
  for (;;) {
    if (signalGroup(leader, 'SIGKILL') === 0) return;
    if (options.clock.now() >= untilMs) break;
    await options.clock.after(LOOK_EVERY_MS, options.signal);
  }
  const left = groupMembers(leader);
  if (left.length > 0) {
    throw new HoldfastError('PROCESS_NOT_KILLED', {
      group: leader.pid,
      left: left.map(({ pid, state }) => `${pid} (${state})`),
    });
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended between the look and the signal; a refusal shows as a member that stays.
  }
}
