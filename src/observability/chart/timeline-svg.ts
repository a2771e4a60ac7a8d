/**
 * The chart of a failover as SVG. Colours are classes, so that a page can have them dark or light; a
 * file of its own brings a style with it, and follows the reader's preference too. What a colour says
 * is also said in words: nobody needs to tell red from green.
 *
 * Reference: SVG 2; WAI-ARIA Graphics Module (role `img` with title and description).
 */
import { durationText } from '../../lib/duration.ts';
import type { Timeline } from '../../operator/api.ts';
import { type Bar, type TimelineChart, timelineChart } from './timeline-chart.ts';

const WIDTH = 760;
const PHASE_AT = 8;
const NODE_AT = 104;
const AXIS_AT = 190;
const AXIS_END = 670;
const FIGURE_AT = 752;
const TOP = 58;
const ROW = 26;
const BAR = 16;
/** What took no time to speak of is still to be seen. */
const LEAST_WIDTH = 2;

const STYLE = `<style>
.chart { font: 13px system-ui, sans-serif; --ink: #1b1f24; --paper: #fff; --faint: #d5dae1;
  --lost: #9a5b00; --taken: #b3261e; --up: #1b6e3c }
@media (prefers-color-scheme: dark) { .chart { --ink: #e8eaed; --paper: #14171a; --faint: #3a4048;
  --lost: #e0a23c; --taken: #ff8a80; --up: #6fcf97 } }
.chart .paper { fill: var(--paper) } .chart text { fill: var(--ink) }
.chart .title { font-weight: 600 } .chart .axis { stroke: var(--faint) }
.chart .lost { fill: var(--lost) } .chart .taken { fill: var(--taken) } .chart .up { fill: var(--up) }
</style>`;

/** `standalone`: for a file; else for a page that has the styles. */
export function timelineSvg(timeline: Timeline, { standalone }: { standalone: boolean }): string {
  const chart = timelineChart(timeline);
  const bottom = TOP + Math.max(1, chart.bars.length) * ROW;
  const height = bottom + 26;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" viewBox="0 0 ${WIDTH} ${height}"`,
    ` aria-labelledby="chart-title chart-description">`,
    `<title id="chart-title">${text(chart.title)}</title>`,
    `<desc id="chart-description">${text(`${timeline.evidence} ${chart.description}`)}</desc>`,
    ...(standalone ? [STYLE, `<rect class="paper" width="${WIDTH}" height="${height}"/>`] : []),
    `<text class="title" x="${PHASE_AT}" y="20">${text(chart.title)}</text>`,
    `<text x="${PHASE_AT}" y="40">${text(clipped(timeline.evidence))}</text>`,
    ...axis(chart, bottom),
    ...chart.bars.map((bar, row) => barSvg(bar, row, chart.endMs)),
    ...(chart.bars.length === 0
      ? [`<text x="${AXIS_AT}" y="${TOP + BAR}">no phase was measured</text>`]
      : []),
    '</svg>',
  ].join('');
}

function axis({ ticks, endMs }: TimelineChart, bottom: number): readonly string[] {
  return ticks.map(({ atMs, label }) => {
    const x = place(atMs, endMs);
    return (
      `<line class="axis" x1="${x}" y1="${TOP - 4}" x2="${x}" y2="${bottom}"/>` +
      `<text x="${x}" y="${bottom + 16}" text-anchor="middle">${label}</text>`
    );
  });
}

function barSvg({ phase, node, offsetMs, durationMs }: Bar, row: number, endMs: number): string {
  const y = TOP + row * ROW;
  const base = y + BAR - 3;
  const x = place(offsetMs, endMs);
  const width = Math.max(LEAST_WIDTH, place(offsetMs + durationMs, endMs) - x);
  return (
    `<text x="${PHASE_AT}" y="${base}">${phase}</text>` +
    `<text x="${NODE_AT}" y="${base}">${text(node)}</text>` +
    `<rect class="${KINDS[phase]}" x="${x}" y="${y}" width="${round(width)}" height="${BAR}" rx="2"/>` +
    `<text x="${FIGURE_AT}" y="${base}" text-anchor="end">${durationText(durationMs)}</text>`
  );
}

/** Until it is known, until it is ours, until it is back. */
const KINDS: Readonly<Record<Bar['phase'], 'lost' | 'taken' | 'up'>> = {
  detect: 'lost',
  elect: 'lost',
  decide: 'lost',
  fence: 'taken',
  mount: 'up',
  address: 'up',
  application: 'up',
  serve: 'up',
};

function place(atMs: number, endMs: number): number {
  return round(AXIS_AT + (atMs / endMs) * (AXIS_END - AXIS_AT));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

const MOST_LETTERS = 110;

function clipped(words: string): string {
  return words.length <= MOST_LETTERS ? words : `${words.slice(0, MOST_LETTERS - 1)}…`;
}

function text(words: string): string {
  return words
    .replace(/[^\P{C}\n]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
