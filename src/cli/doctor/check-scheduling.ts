/**
 * Whether the daemon runs when it must. In the ordinary class a busy machine delays its heartbeats by
 * 130 to 220 ms (measured with both processors burnt); with SCHED_RR by 53.
 *
 * Reference: sched(7); proc_pid_stat(5), fields 40 and 41.
 */
import type { Profile } from '../../config/types.ts';
import { type Findings, findingsOf } from './finding.ts';

export type SchedulingFacts = {
  /** null: no daemon answers. */
  readonly daemon: { readonly policy: number; readonly priority: number } | null;
  /** /proc/sys/kernel/sched_rt_runtime_us; null: not readable. */
  readonly runtimeUs: number | null;
  readonly profile: Profile | null;
};

const SCHED_RR = 2;
const SCHED_FIFO = 1;

export function checkScheduling({ daemon, runtimeUs, profile }: SchedulingFacts): Findings {
  const { good, unknown, warning, failure } = findingsOf('scheduling');
  const budget =
    runtimeUs === 0
      ? [
          failure(
            'the kernel gives real-time processes no time (sched_rt_runtime_us is 0)',
            'sysctl kernel.sched_rt_runtime_us=950000',
          ),
        ]
      : [];
  if (daemon === null) {
    return [...budget, unknown('no daemon answers, so its class is not known', 'start the daemon')];
  }
  if (daemon.policy === SCHED_RR) {
    return [...budget, good(`the daemon runs in SCHED_RR, priority ${daemon.priority}`)];
  }
  if (daemon.policy === SCHED_FIFO) {
    const text = 'the daemon runs in SCHED_FIFO, in which several Node processes block each other';
    return [...budget, failure(text, 'remove the setting from the unit; the daemon asks for RR')];
  }
  const text = 'the daemon does not run in SCHED_RR: a busy machine delays its heartbeats';
  const advice =
    'give the service CAP_SYS_NICE or LimitRTPRIO=1, or use the profile `safe`, which is made for this';
  return [...budget, profile === 'safe' ? warning(text, advice) : failure(text, advice)];
}
