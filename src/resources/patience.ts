/**
 * When a resource that is asked again and again counts as broken.
 *
 * The fear: a loaded host answers late, the monitor runs into its deadline, and a healthy database is
 * moved to a node that has to recover it. So an answer and its absence are two things. Whoever says "I
 * am not running" is believed at once. Silence is asked again at once, and counts when it was met
 * several times in a row; while this host is short of processors it counts only much later.
 *
 * Pure: time, load and answers come in.
 */
import type { Outcome } from './agent.ts';

export type Patience = { readonly silences: number };

export type Verdict = 'well' | 'degraded' | 'ask-again' | 'broken';

export const CALM: Patience = { silences: 0 };

/** So many deadlines in a row may pass without an answer; the last one counts. */
export const SILENCES = 3;
/** The same on a host that is short of processors: bounded, because a hung program burns them too. */
export const SILENCES_UNDER_LOAD = 10;

const SILENT: ReadonlySet<string> = new Set([
  'MONITOR_TIMED_OUT',
  'FILESYSTEM_HUNG',
  'GATEWAY_SILENT',
]);

/** OCF 1.1: running, yet not as it should be (190), also as the promoted one (191). */
const DEGRADED: ReadonlySet<number> = new Set([190, 191]);

/** What the newest answer means. `loaded`: this host did not give everybody the time that he needs. */
export function judge(
  { silences }: Patience,
  outcome: Outcome,
  loaded: boolean,
): { readonly patience: Patience; readonly verdict: Verdict } {
  if (outcome.status === 0) return { patience: CALM, verdict: 'well' };
  if (DEGRADED.has(outcome.status)) return { patience: CALM, verdict: 'degraded' };
  if (outcome.code === null || !SILENT.has(outcome.code)) {
    return { patience: CALM, verdict: 'broken' };
  }
  const patience = { silences: silences + 1 };
  const most = loaded ? SILENCES_UNDER_LOAD : SILENCES;
  return { patience, verdict: patience.silences >= most ? 'broken' : 'ask-again' };
}
