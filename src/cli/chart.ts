/**
 * A failover as a bar chart in a terminal: one line for each phase that was measured, one axis for
 * all. What is drawn is `observability/chart/timeline-chart.ts`, as in the dashboard.
 */
import type { Overrun } from '../failover/budget.ts';
import { durationText } from '../lib/duration.ts';
import { PHASES, type PhaseStamp } from '../lib/phases.ts';
import { layoutPhases, titleOf } from '../observability/chart/timeline-chart.ts';
import type { Timeline } from '../operator/api.ts';
import { paint, type Style, type Terminal } from './terminal.ts';

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
  const { evidence, totalMs } = timeline;
  const title = titleOf(timeline);
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
