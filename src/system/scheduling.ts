/**
 * Puts the calling process into the real-time class SCHED_RR at its lowest priority, as corosync does:
 * heartbeats and leases must not wait for somebody's computation. Everything that it starts falls back
 * to the ordinary class (SCHED_RESET_ON_FORK), or a busy application would starve the machine.
 *
 * The threads of libuv's pool come along, at the same priority: commands to disks run there, and a
 * takeover would wait for each of them as long as the machine is busy.
 *
 * Not done on purpose: SCHED_FIFO (several Node processes livelock), a higher priority for the main
 * thread than for the others (V8 waits for its own threads by yielding, which lets only equals run:
 * three daemons that started on two busy processors stood still for minutes), `mlockall` (V8 aborts at
 * the next garbage collection), a priority above 1 (the kernel's own threads come first).
 *
 * Reference: sched(7).
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cLibrary, lastError } from './native.ts';

const SCHED_RR = 2;
const SCHED_RESET_ON_FORK = 0x4000_0000;
const LOWEST_PRIORITY = 1;
/** As libuv names the threads of its pool. */
const POOL_THREAD = 'libuv-worker';

export type RealTime = { readonly allowed: boolean; readonly reason: string };

/**
 * Asks for the class for the calling thread (Node's main one), then for libuv's pool (made at its
 * first use), and answers whether the first was granted.
 */
export function enterRealTime(): RealTime {
  try {
    const allowed = assign(0);
    const reason = allowed ? '' : lastError();
    if (allowed) for (const thread of poolThreads()) assign(thread);
    return { allowed, reason };
  } catch (error) {
    return { allowed: false, reason: String(error) };
  }
}

/** 0: the calling thread. */
function assign(thread: number): boolean {
  const param = Buffer.alloc(4);
  param.writeInt32LE(LOWEST_PRIORITY);
  return cLibrary().schedSetscheduler(thread, SCHED_RR | SCHED_RESET_ON_FORK, param) === 0;
}

function poolThreads(): readonly number[] {
  return readdirSync('/proc/self/task')
    .filter((id) => readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim() === POOL_THREAD)
    .map(Number);
}

/** Whether the calling thread is in the class. */
export function isRealTime(): boolean {
  return (cLibrary().schedGetscheduler(0) & ~SCHED_RESET_ON_FORK) === SCHED_RR;
}

/**
 * Asks the kernel never to choose this process when memory runs out; children inherit it, so only a
 * process without children asks. Answers whether it was granted.
 */
export function avoidOutOfMemoryKill(): boolean {
  try {
    writeFileSync('/proc/self/oom_score_adj', '-1000');
    return true;
  } catch {
    // Needs CAP_SYS_RESOURCE; without it the process lives like any other.
    return false;
  }
}
