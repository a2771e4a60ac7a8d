/**
 * The timelines of past failovers, drawn from the history: who, why, and how long each phase took.
 *
 * The intuition: clocks of two nodes are never subtracted (DESIGN §2). Stamps of one clock (a node in
 * one life) are laid beside each other as they were; the clocks follow one another by cause, since
 * the new owner begins when the leader has committed. So the total is the sum, over the clocks, of
 * the time from the first to the last stamp, and phases that ran in parallel are counted once.
 *
 * What lies between two clocks (the commit index on its way to the owner) is measured by none and
 * not in the total; what a client saw is measured by a client.
 */
import type { Evidence, Reason } from '../cluster/command.ts';
import type { HistoryEntry } from '../cluster/state.ts';
import type { Epoch, GroupId, Millis, NodeId } from '../lib/ids.ts';
import { PHASES, type Phase, type PhaseStamp } from '../lib/phases.ts';

export type Timeline = {
  readonly group: GroupId;
  readonly epoch: Epoch;
  readonly from: NodeId | null;
  readonly to: NodeId;
  readonly reason: Reason;
  /** In words: who saw what; and how it ended, when it did not end well. */
  readonly evidence: string;
  readonly stamps: readonly PhaseStamp[];
  readonly totalMs: Millis;
  readonly phasesMs: Readonly<Partial<Record<Phase, Millis>>>;
};

/** One for each assignment that the history still knows, oldest first. */
export function timelines(history: readonly HistoryEntry[]): readonly Timeline[] {
  return history.flatMap((line) => {
    if (line.event !== 'assigned' || line.group === null || line.node === null) return [];
    const { group, epoch, node, from } = line;
    const later = history.filter((other) => other.group === group && other.epoch === epoch);
    const stamps = later.flatMap((other) => other.stamps).toSorted(byPhase);
    const words = [line.evidence === null ? '' : inWords(line.evidence), outcomeOf(later)];
    return [
      {
        group,
        epoch,
        from,
        to: node,
        reason: line.reason ?? 'boot',
        evidence: words.filter((part) => part !== '').join('; '),
        stamps,
        totalMs: totalMs(stamps),
        phasesMs: phasesMs(stamps),
      },
    ];
  });
}

/** From the first to the last stamp on each clock, added up. */
function totalMs(stamps: readonly PhaseStamp[]): Millis {
  const clocks = Map.groupBy(stamps, ({ node, incarnation }) => `${node} ${incarnation}`);
  return [...clocks.values()].reduce((sum, ofClock) => sum + extentMs(ofClock), 0);
}

/** Several stamps of one phase (two disks, three addresses) ran in parallel: their common extent. */
function phasesMs(stamps: readonly PhaseStamp[]): Readonly<Partial<Record<Phase, Millis>>> {
  const ofPhase = Map.groupBy(stamps, ({ phase }) => phase);
  return Object.fromEntries(
    PHASES.flatMap((phase) => {
      const some = ofPhase.get(phase);
      return some === undefined ? [] : [[phase, totalMs(some)] as const];
    }),
  );
}

function extentMs(stamps: readonly PhaseStamp[]): Millis {
  const first = Math.min(...stamps.map(({ startedMs }) => startedMs));
  const last = Math.max(...stamps.map(({ startedMs, durationMs }) => startedMs + durationMs));
  return last - first;
}

function byPhase(a: PhaseStamp, b: PhaseStamp): number {
  return PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase);
}

function outcomeOf(lines: readonly HistoryEntry[]): string {
  const failed = lines.find(({ event }) => event === 'takeover-failed');
  const served = lines.some(({ event }) => event === 'serving');
  if (failed === undefined) return served ? '' : 'not served yet';
  return served ? `given back later: ${failed.detail}` : `the takeover failed: ${failed.detail}`;
}

function inWords({ kind, observer, perInterconnectMs, detail }: Evidence): string {
  const silences = Object.entries(perInterconnectMs).map(
    ([over, silentMs]) => `${over} ${Math.round(silentMs)} ms`,
  );
  const silent = silences.length === 0 ? '' : ` (silent: ${silences.join(', ')})`;
  return `${kind}, seen by ${observer}${silent}${detail === '' ? '' : `: ${detail}`}`;
}
