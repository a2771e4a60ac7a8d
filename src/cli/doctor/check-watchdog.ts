/**
 * What ends this machine when nothing in it works any more. It is the last resort, behind the lease,
 * the guardian and the kernel's packet filter: it bounds the damage of a group that no disk guards.
 *
 * Reference: the kernel's watchdog-api; sd_watchdog_enabled(3).
 */
import { type Findings, findingsOf } from './finding.ts';

export type WatchdogFacts = {
  /** Names of /sys/class/watchdog entries' `identity`; `Software Watchdog` is softdog. */
  readonly devices: readonly string[];
  /** WATCHDOG_USEC in the daemon's environment, in milliseconds; null: not started with one. */
  readonly serviceMs: number | null;
  /** Groups without a disk: time alone keeps two owners of them apart. */
  readonly unguarded: readonly string[];
};

export function checkWatchdog({ devices, serviceMs, unguarded }: WatchdogFacts): Findings {
  const { good, warning, failure } = findingsOf('watchdog');
  const service =
    serviceMs === null
      ? warning('nothing starts a daemon that hangs', 'run it as a service with WatchdogSec=')
      : good(`systemd ends a daemon that is silent for ${serviceMs} ms`);
  const hard = devices.filter((identity) => !/software|softdog/i.test(identity));
  if (hard.length > 0) return [good(`the machine has a watchdog: ${hard.join(', ')}`), service];
  const text =
    devices.length > 0
      ? 'the only watchdog is in the kernel itself (softdog): it hangs when the kernel does'
      : 'the machine has no watchdog';
  const advice =
    'enable the one of the board (iTCO, IPMI, i6300esb in guests), and `RuntimeWatchdogSec=` of systemd';
  if (unguarded.length === 0) return [warning(text, advice), service];
  const groups = unguarded.join(', ');
  const more = `${text}, and ${groups} has no disk: time alone keeps two owners apart`;
  return [failure(more, advice), service];
}
