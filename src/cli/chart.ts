/**
 * A failover as a bar chart: one line for each phase that was measured, one axis for all.
 *
 * The clocks of two nodes are never subtracted. What one node measured in one life lies on its own
 * clock, so that phases that ran side by side are seen side by side; where the story goes on at
 * another node, its first phase begins where the one before it ended, since it was caused by it.
 */
import type { Overrun } from '../failover/budget.ts';
import { PHASES, type PhaseStamp } from '../lib/phases.ts';
import type { Timeline } from '../operator/api.ts';
import { durationText, paint, type Style, type Terminal } from './terminal.ts';

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

const STYLES: Readonly<Record<PhaseStamp['phase'], Style>> = {
  detect: 'yellow',
  elect: 'yellow',
  decide: 'yellow',
  fence: 'red',
  mount: 'green',
  address: 'green',
  application: 'green',
  serve: 'green',
};

const FIGURES_WIDTH = 10;
const MIN_BAR_WIDTH = 10;

/** The lines of the chart, without a heading. Empty when nothing was measured. */
export function renderChart(terminal: Terminal, stamps: readonly PhaseStamp[]): readonly string[] {
  const bars = layoutPhases(stamps);
  const totalMs = Math.max(1, ...bars.map((bar) => bar.offsetMs + bar.durationMs));
  const phaseWidth = Math.max(...PHASES.map((phase) => phase.length));
  const nodeWidth = Math.max(0, ...bars.map((bar) => bar.node.length));
  const used = 2 + phaseWidth + 2 + nodeWidth + 2 + 1 + FIGURES_WIDTH;
  const width = Math.max(MIN_BAR_WIDTH, terminal.width - used);
  const [block, sliver] = terminal.unicode ? ['█', '▏'] : ['#', '|'];
  return bars.map(({ phase, node, offsetMs, durationMs }) => {
    const from = Math.min(width - 1, Math.round((offsetMs / totalMs) * width));
    const to = Math.min(width, Math.round(((offsetMs + durationMs) / totalMs) * width));
    const drawn = to > from ? block.repeat(to - from) : sliver;
    const bar = ' '.repeat(from) + paint(terminal, STYLES[phase], drawn);
    const space = ' '.repeat(Math.max(0, width - from - drawn.length));
    const figures = durationText(durationMs).padStart(FIGURES_WIDTH);
    return `  ${phase.padEnd(phaseWidth)}  ${node.padEnd(nodeWidth)}  ${bar}${space} ${figures}`;
  });
}

/** Heading and chart of one failover. */
export function renderTimeline(terminal: Terminal, timeline: Timeline): readonly string[] {
  const { group, epoch, from, to, reason, evidence, totalMs } = timeline;
  const source = from === null ? '' : ` from ${from}`;
  const title = `${group}  epoch ${epoch}  ${reason}${source} to ${to}`;
  const total = `${durationText(totalMs)} in all`;
  const chart = renderChart(terminal, timeline.stamps);
  return [
    `${paint(terminal, 'bold', title)}  ${total}`,
    ...(evidence === '' ? [] : [paint(terminal, 'dim', `  ${evidence}`)]),
    ...(chart.length === 0 ? ['  no phase was measured'] : chart),
    ...renderOverruns(terminal, timeline.overruns ?? []),
  ];
}

/** What took longer than its budget, a line each. */
export function renderOverruns(
  terminal: Terminal,
  overruns: readonly Overrun[],
): readonly string[] {
  return overruns.map(({ phase, tookMs, budgetMs }) => {
    const words = `${phase} took ${durationText(tookMs)}, its budget is ${durationText(budgetMs)}`;
    return paint(terminal, 'red', `  ${words}`);
  });
}
