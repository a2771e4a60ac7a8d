/** The chart of one failover, and the same figures as a table. */
import { durationText } from '../../lib/duration.ts';
import { timelineChart, titleOf } from '../../observability/chart/timeline-chart.ts';
import { timelineSvg } from '../../observability/chart/timeline-svg.ts';
import type { Timeline } from '../../operator/api.ts';
import { type Child, h } from './dom.ts';

/** The newest first: it is the one that somebody looks for. */
export function failoverOptions(timelines: readonly Timeline[]): readonly Child[] {
  if (timelines.length === 0) return [h('option', { value: '' }, 'none is remembered')];
  return timelines
    .toReversed()
    .map((one) => h('option', { value: String(one.epoch) }, titleOf(one)));
}

export function failoverView(timeline: Timeline | undefined): readonly Child[] {
  if (timeline === undefined) return [];
  const picture = new DOMParser().parseFromString(
    timelineSvg(timeline, { standalone: false }),
    'image/svg+xml',
  ).documentElement;
  return [document.adoptNode(picture), figures(timeline)];
}

function figures(timeline: Timeline): HTMLElement {
  const { bars, description } = timelineChart(timeline);
  const head = ['Phase', 'Node', 'Began after', 'Took'];
  return h(
    'details',
    {},
    h('summary', {}, 'The figures'),
    h('p', {}, description),
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, ...head.map((text) => h('th', { scope: 'col' }, text)))),
      h(
        'tbody',
        {},
        ...bars.map(({ phase, node, offsetMs, durationMs }) =>
          h(
            'tr',
            {},
            h('th', { scope: 'row' }, phase),
            h('td', {}, node),
            h('td', {}, durationText(offsetMs)),
            h('td', {}, durationText(durationMs)),
          ),
        ),
      ),
    ),
  );
}
