/**
 * Puts the calling process into the real-time class SCHED_RR at its lowest priority, as corosync does:
 * heartbeats and leases must not wait for somebody's computation. Everything that it starts falls back
 * to the ordinary class (SCHED_RESET_ON_FORK), or a busy application would starve the machine.
 *
 * Not done on purpose: SCHED_FIFO (several Node processes livelock), `mlockall` (V8 aborts at the next
 * garbage collection), a priority above 1 (the kernel's own threads come first).
 *
 * Reference: sched(7).
 */
import { writeFileSync } from 'node:fs';
import { cLibrary, lastError } from './native.ts';

const SCHED_RR = 2;
const SCHED_RESET_ON_FORK = 0x4000_0000;
const LOWEST_PRIORITY = 1;

export type RealTime = { readonly allowed: boolean; readonly reason: string };

/** Asks for the class of the calling thread (Node's main one) and answers whether it was granted. */
export function enterRealTime(): RealTime {
  try {
    const { schedSetscheduler } = cLibrary();
    const param = Buffer.alloc(4);
    param.writeInt32LE(LOWEST_PRIORITY);
    const status = schedSetscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, param);
    return status === 0 ? { allowed: true, reason: '' } : { allowed: false, reason: lastError() };
  } catch (error) {
    return { allowed: false, reason: String(error) };
  }
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
