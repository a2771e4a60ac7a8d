/**
 * Puts the calling process into the real-time class SCHED_RR at its lowest priorities, as corosync
 * does: heartbeats and leases must not wait for somebody's computation. Everything that it starts falls
 * back to the ordinary class (SCHED_RESET_ON_FORK), or a busy application would starve the machine.
 *
 * All threads that there are come along, one step below the main one. A command to a disk runs on a
 * thread of libuv's pool and a garbage collection on V8's: were they left in the ordinary class, the
 * main thread would wait for them as long as the machine is busy. Being below it, they never keep it
 * from running.
 *
 * Not done on purpose: SCHED_FIFO (several Node processes livelock), `mlockall` (V8 aborts at the next
 * garbage collection), a priority above 2 (the kernel's own threads come first).
 *
 * Reference: sched(7).
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { cLibrary, lastError } from './native.ts';

const SCHED_RR = 2;
const SCHED_RESET_ON_FORK = 0x4000_0000;
const MAIN_PRIORITY = 2;
const WORKER_PRIORITY = 1;

export type RealTime = { readonly allowed: boolean; readonly reason: string };

/**
 * Asks for the class for the calling thread (Node's main one), then for the threads that there are
 * (libuv makes its pool at the first use), and answers whether the first was granted.
 */
export function enterRealTime(): RealTime {
  try {
    const allowed = assign(0, MAIN_PRIORITY);
    const reason = allowed ? '' : lastError();
    if (allowed) for (const thread of otherThreads()) assign(thread, WORKER_PRIORITY);
    return { allowed, reason };
  } catch (error) {
    return { allowed: false, reason: String(error) };
  }
}

function assign(thread: number, priority: number): boolean {
  const param = Buffer.alloc(4);
  param.writeInt32LE(priority);
  return cLibrary().schedSetscheduler(thread, SCHED_RR | SCHED_RESET_ON_FORK, param) === 0;
}

function otherThreads(): readonly number[] {
  return readdirSync('/proc/self/task')
    .map(Number)
    .filter((thread) => thread !== process.pid);
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
