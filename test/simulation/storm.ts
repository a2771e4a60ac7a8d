/**
 * The faults of a storm: blows that make their victim lose what it owns, and between them what makes
 * a takeover hard. Rates are of this list alone.
 */
import type { Millis } from '../../src/lib/ids.ts';

export type StormFault = {
  readonly fault: string;
  readonly rate: number;
  readonly longestMs: Millis;
  /** Fails groups over; the next blow waits until they serve again. */
  readonly blow: boolean;
};

export const STORM: readonly StormFault[] = [
  { fault: 'daemon-killed', rate: 40, longestMs: 250, blow: true },
  { fault: 'power-loss', rate: 14, longestMs: 700, blow: true },
  { fault: 'isolated', rate: 8, longestMs: 900, blow: true },
  { fault: 'machine-frozen', rate: 6, longestMs: 900, blow: true },
  { fault: 'daemon-stopped', rate: 6, longestMs: 900, blow: true },
  { fault: 'machine-paused', rate: 3, longestMs: 900, blow: true },
  { fault: 'guardian-killed', rate: 3, longestMs: 1, blow: false },
  { fault: 'guardian-gone', rate: 1, longestMs: 1, blow: false },
  { fault: 'write-error', rate: 3, longestMs: 1, blow: false },
  { fault: 'late-reservation', rate: 2, longestMs: 1, blow: false },
  { fault: 'bad-weather', rate: 10, longestMs: 2_500, blow: false },
  { fault: 'slow-interconnect', rate: 4, longestMs: 2_000, blow: false },
  { fault: 'cut-one-way', rate: 5, longestMs: 1_500, blow: false },
  { fault: 'partition', rate: 3, longestMs: 900, blow: false },
  { fault: 'late-writes', rate: 5, longestMs: 900, blow: false },
  { fault: 'san-loss', rate: 3, longestMs: 900, blow: false },
  { fault: 'san-path-cut', rate: 2, longestMs: 600, blow: false },
  { fault: 'target-reset', rate: 2, longestMs: 1, blow: false },
  { fault: 'target-power-loss', rate: 1, longestMs: 1, blow: false },
  { fault: 'application-dies', rate: 6, longestMs: 1, blow: false },
  { fault: 'move', rate: 6, longestMs: 1, blow: false },
  { fault: 'start-slow', rate: 2, longestMs: 800, blow: false },
  { fault: 'start-fails', rate: 1, longestMs: 400, blow: false },
  { fault: 'stop-hangs', rate: 1, longestMs: 800, blow: false },
  { fault: 'log-stalls', rate: 2, longestMs: 600, blow: false },
  { fault: 'slow-host', rate: 2, longestMs: 900, blow: false },
  { fault: 'leadership-transfer', rate: 2, longestMs: 1, blow: false },
];
