/** What happened, in the words in which the command line tells it; the newest first. */
import type { HistoryEntry } from '../../cluster/state.ts';
import { entryText } from '../../observability/story/entry.ts';
import { type Child, h } from './dom.ts';

export function historyView(history: readonly HistoryEntry[]): readonly Child[] {
  if (history.length === 0) return [h('p', {}, 'Nothing has happened yet.')];
  const items = history
    .toReversed()
    .map((entry) =>
      h(
        'li',
        {},
        h('span', { class: 'quiet' }, `#${entry.index}`),
        h('span', {}, entry.group === null ? 'cluster' : `${entry.group}, epoch ${entry.epoch}`),
        h('span', {}, entryText(entry)),
      ),
    );
  return [h('ol', { class: 'history', tabindex: '0', 'aria-label': 'History' }, ...items)];
}

/** One sentence for whoever listens: only what somebody would turn their head for. */
export function announcement(entry: HistoryEntry): string | null {
  const loud: readonly HistoryEntry['event'][] = ['assigned', 'serving', 'takeover-failed', 'mode'];
  if (!loud.includes(entry.event)) return null;
  return `${entry.group ?? 'The cluster'}: ${entryText({ ...entry, stamps: [], evidence: null })}`;
}
