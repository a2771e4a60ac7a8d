/**
 * What a chart of a failover shows, before anybody draws it: one bar for each phase that was measured,
 * one axis for all. The terminal, the SVG file and the dashboard draw this and nothing else.
 *
 * The clocks of two nodes are never subtracted. What one node measured in one life lies on its own
 * clock, so that phases that ran side by side are seen side by side; where the story goes on at
 * another node, its first phase begins where the one before it ended, since it was caused by it.
 */
import { durationText } from '../../lib/duration.ts';
import { PHASES, type PhaseStamp } from '../../lib/phases.ts';
import type { Timeline } from '../../operator/api.ts';

export type Bar = {
  readonly phase: PhaseStamp['phase'];
  readonly node: string;
  readonly offsetMs: number;
  readonly durationMs: number;
};

/** Bars in the order of the phases, the earliest at 0. A phase that was measured twice counts once. */
export function layoutPhases(stamps: readonly PhaseStamp[]): readonly Bar[] {
  const ordered = PHASES.flatMap((phase) => stamps.findLast((one) => one.phase === phase) ?? []);
  const bars: Bar[] = [];
  let endMs = 0;
  for (const run of runsOfOneClock(ordered)) {
    const firstMs = Math.min(...run.map((stamp) => stamp.startedMs));
    const beginMs = endMs;
    for (const { phase, node, startedMs, durationMs } of run) {
      const offsetMs = beginMs + (startedMs - firstMs);
      bars.push({ phase, node, offsetMs, durationMs });
      endMs = Math.max(endMs, offsetMs + durationMs);
    }
  }
  return bars;
}

/** Neighbours that were measured by one node in one life. */
function runsOfOneClock(stamps: readonly PhaseStamp[]): readonly (readonly PhaseStamp[])[] {
  const runs: PhaseStamp[][] = [];
  for (const stamp of stamps) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run !== undefined && last?.node === stamp.node && last.incarnation === stamp.incarnation) {
      run.push(stamp);
    } else {
      runs.push([stamp]);
    }
  }
  return runs;
}

export type Tick = { readonly atMs: number; readonly label: string };

export type TimelineChart = {
  readonly title: string;
  /** The whole chart in a sentence, for those who do not see it. */
  readonly description: string;
  readonly bars: readonly Bar[];
  /** Where the axis ends; above 0. */
  readonly endMs: number;
  readonly ticks: readonly Tick[];
};

export function timelineChart(timeline: Timeline): TimelineChart {
  const bars = layoutPhases(timeline.stamps);
  const endMs = Math.max(1, ...bars.map((bar) => bar.offsetMs + bar.durationMs));
  const told = bars.map(({ phase, node, durationMs }) => {
    return `${phase} on ${node} ${durationText(durationMs)}`;
  });
  const phases = told.length === 0 ? 'no phase was measured' : told.join(', ');
  const description = `${durationText(timeline.totalMs)} in all: ${phases}.`;
  return { title: titleOf(timeline), description, bars, endMs, ticks: ticksUntil(endMs) };
}

export function titleOf({ group, epoch, from, to, reason }: Timeline): string {
  const source = from === null ? '' : ` from ${from}`;
  return `${group}  epoch ${epoch}  ${reason}${source} to ${to}`;
}

const MOST_TICKS = 6;

/** Round steps of 1, 2 or 5 times a power of ten, at most six of them after 0. */
function ticksUntil(endMs: number): readonly Tick[] {
  const least = endMs / MOST_TICKS;
  const power = 10 ** Math.floor(Math.log10(least));
  const stepMs = [1, 2, 5, 10].map((times) => times * power).find((step) => step >= least) ?? endMs;
  const count = Math.floor(endMs / stepMs);
  return Array.from({ length: count + 1 }, (_, at) => {
    return { atMs: at * stepMs, label: durationText(at * stepMs) };
  });
}
