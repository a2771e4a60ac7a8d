/** Durations for people: the one way in which the command line, the log and the dashboard write them. */
import type { Millis } from './ids.ts';

/** As people say them: `12 ms`, `4.2 s`, `1 min 23 s`, `3 h 5 min`. */
export function durationText(ms: Millis): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
