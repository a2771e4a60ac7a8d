/**
 * The clocks of this machine. Leases run on the monotonic clock, which wants a source that the
 * processor itself counts; the wall clock only dates invitations and logs.
 *
 * Reference: clocksource in the kernel's admin guide; adjtimex(2).
 */
import { type Findings, findingsOf } from './finding.ts';

export type ClockFacts = {
  /** Of /sys/devices/system/clocksource; null: not readable. */
  readonly source: string | null;
  /** Whether something disciplines the wall clock (adjtimex: not TIME_ERROR); null: unknown. */
  readonly synchronized: boolean | null;
  readonly maxErrorMs: number;
};

/** Each read is a call to a device: slow, and some of them jump. */
const SLOW_SOURCES: readonly string[] = ['hpet', 'acpi_pm', 'jiffies', 'pit'];
const MOST_ERROR_MS = 1_000;

export function checkClocks({ source, synchronized, maxErrorMs }: ClockFacts): Findings {
  const { good, unknown, warning } = findingsOf('clocks');
  const ntp = 'start chrony or systemd-timesyncd on every node';
  const wall =
    synchronized === null
      ? unknown('whether the wall clock is synchronized cannot be read', ntp)
      : synchronized && maxErrorMs <= MOST_ERROR_MS
        ? good(`the wall clock is synchronized, within ${Math.ceil(maxErrorMs)} ms`)
        : warning(
            'the wall clock is not synchronized: invitations may expire early or late, ' +
              'and the logs of two nodes cannot be laid side by side',
            ntp,
          );
  if (source === null) {
    return [unknown('the source of the monotonic clock cannot be read', 'look at dmesg'), wall];
  }
  const monotonic = SLOW_SOURCES.includes(source)
    ? warning(
        `the monotonic clock comes from ${source}: slow to read, and often a sign of an unstable TSC`,
        'look at `dmesg | grep -i tsc`; boot with a stable TSC, or use the profile `safe`',
      )
    : good(`the monotonic clock comes from ${source}`);
  return [monotonic, wall];
}
