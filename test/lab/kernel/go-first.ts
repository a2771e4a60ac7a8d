/**
 * Machines have processors of their own; guests share the host's, and what else runs there must not
 * look like a fault of theirs. A guest's kernel follows each of its processes by ptrace, so at each
 * system call it waits for its turn twice: beside twenty busy processes a heartbeat took seconds.
 *
 * So the laboratory runs under the lowest real-time priority, guests and clients by inheritance,
 * until it ends. The host's kernel leaves 5 % of the time to the others, and whatever the guests do
 * not use. A nice value does not do: where the scheduler groups by session, it counts only within one.
 *
 * Reference: sched(7), chrt(1).
 */
import { run } from './host.ts';

const ALL_THREADS = '--all-tasks';

export async function goFirst(): Promise<void> {
  await schedule('--rr', '1');
}

export async function goBack(): Promise<void> {
  await schedule('--other', '0');
}

async function schedule(policy: string, priority: string): Promise<void> {
  // Without the right to it (a container) the laboratory is only slower.
  await run(['chrt', ALL_THREADS, policy, '--pid', priority, String(process.pid)]).catch(() => {});
}
