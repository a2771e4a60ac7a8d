/**
 * The page: asks for everything once, then follows the events and asks again for what they touch. What
 * changes without an event (silence, leases, round trips) is asked for every second while somebody
 * looks.
 */
import type { HistoryEntry } from '../../cluster/state.ts';
import type { Answer, ClusterStatus, LatencyStatus, Timeline } from '../../operator/api.ts';
import { askHistory, askLatencies, askStatus, askTimelines, follow } from './daemon.ts';
import { wordsOf } from './dialog.ts';
import { byId, h, show } from './dom.ts';
import { act } from './orders.ts';
import { followTheme } from './theme.ts';
import { failoverOptions, failoverView } from './view-failover.ts';
import { groupsView } from './view-groups.ts';
import { announcement, historyView } from './view-history.ts';
import { nodesView } from './view-nodes.ts';

const EVERY_MS = 1_000;
/** Events come in bursts; one look at the status serves all of a burst. */
const SETTLE_MS = 80;

let status: Answer<ClusterStatus> | null = null;
let timelines: readonly Timeline[] = [];
let history: readonly HistoryEntry[] = [];
let latencies: readonly LatencyStatus[] = [];
/** The epoch whose chart is wanted; null: always the newest. */
let chosen: string | null = null;
let trouble = '';

function draw(): void {
  show(byId('alarm'), alarm());
  if (status === null) return;
  const { data } = status;
  show(byId('summary'), ...summary(status));
  show(byId('nodes'), ...nodesView(data, latencies));
  show(byId('groups'), ...groupsView(data));
  show(byId('history'), ...historyView(history));
}

function drawFailover(): void {
  const select = byId('failover') as HTMLSelectElement;
  show(select, ...failoverOptions(timelines));
  const wanted = timelines.find(({ epoch }) => String(epoch) === chosen) ?? timelines.at(-1);
  if (wanted !== undefined) select.value = String(wanted.epoch);
  show(byId('chart'), ...failoverView(wanted));
}

function summary({
  clusterId,
  data,
  appliedIndex,
}: Answer<ClusterStatus>): readonly (Node | string)[] {
  const quorate = data.quorate
    ? h('span', { class: 'good' }, 'quorate')
    : h('span', { class: 'bad' }, 'not quorate');
  const leader = data.leader === null ? 'no leader' : `leader ${data.leader}`;
  const unusual = data.mode === 'online' ? '' : `, ${data.mode}`;
  return [
    `Cluster ${clusterId}: `,
    quorate,
    `, ${leader}${unusual}; seen by ${data.node}, version ${data.version}, log index ${appliedIndex}`,
  ];
}

function alarm(): string {
  if (trouble !== '') return trouble;
  if (status === null) return '';
  const { stale, answeredBy, data } = status;
  if (stale)
    return `Stale: ${answeredBy} cannot reach a majority. What stands here is the last it knew.`;
  return data.why === '' ? '' : `Nothing is served: ${data.why}`;
}

async function refresh(): Promise<void> {
  try {
    status = await askStatus();
    trouble = '';
  } catch (error) {
    trouble = wordsOf(error);
  }
  draw();
}

async function refreshPast(): Promise<void> {
  try {
    [{ data: history }, { data: timelines }] = await Promise.all([askHistory(), askTimelines()]);
    draw();
    drawFailover();
  } catch (error) {
    trouble = wordsOf(error);
    draw();
  }
}

async function refreshLatencies(): Promise<void> {
  try {
    ({ data: latencies } = await askLatencies());
  } catch {
    // The status says already that the daemon does not answer; old figures are worse than none.
    latencies = [];
  }
}

let isSettling = false;

function soon(): void {
  if (isSettling) return;
  isSettling = true;
  setTimeout(() => {
    isSettling = false;
    void refresh();
    void refreshPast();
  }, SETTLE_MS);
}

function start(): void {
  followTheme(byId('theme') as HTMLSelectElement);
  byId('failover').addEventListener('change', (event) => {
    const { value } = event.target as HTMLSelectElement;
    chosen = value === String(timelines.at(-1)?.epoch) ? null : value;
    drawFailover();
  });
  document.addEventListener('click', ({ target }) => {
    const button = target instanceof Element ? target.closest<HTMLElement>('[data-action]') : null;
    if (button === null || status === null) return;
    act(status.data, button.dataset).catch((error: unknown) => {
      trouble = wordsOf(error);
      draw();
    });
  });
  follow(
    (event) => {
      if (event.kind === 'history') {
        const words = announcement(event.entry);
        if (words !== null) show(byId('news'), words);
      }
      soon();
    },
    (connected) => {
      document.body.dataset['live'] = String(connected);
      soon();
    },
  );
  setInterval(() => {
    if (document.hidden) return;
    void refresh();
    void refreshLatencies();
  }, EVERY_MS);
  soon();
}

start();
