/**
 * Durations as OCF meta-data and Pacemaker write them: `20`, `20s`, `500ms`, `2min`, `1h`. A bare number
 * is seconds.
 */
import type { Millis } from '../../../lib/ids.ts';

const UNITS: Readonly<Record<string, number>> = {
  '': 1_000,
  ms: 1,
  msec: 1,
  s: 1_000,
  sec: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
};

/** Null for what is not there and what is no duration. */
export function parseOcfDuration(text: string | undefined): Millis | null {
  const [, count, unit = ''] = /^(\d+)\s*([a-z]*)$/i.exec(text?.trim() ?? '') ?? [];
  const factor = UNITS[unit.toLowerCase()];
  return count === undefined || factor === undefined ? null : Number(count) * factor;
}
