/** What happened, in words: entries of the history, and events as they come. */
import type { HistoryEntry } from '../cluster/state.ts';
import { entryText } from '../observability/story/entry.ts';
import type { WatchedEvent } from './client.ts';
import { type Cell, renderTable } from './table.ts';
import type { Terminal } from './terminal.ts';

export function renderHistory(
  terminal: Terminal,
  entries: readonly HistoryEntry[],
): readonly string[] {
  if (entries.length === 0) return ['nothing has happened yet'];
  const rows = entries.map((entry): readonly Cell[] => [
    String(entry.index),
    entry.group ?? '-',
    entry.epoch === 0 ? '-' : String(entry.epoch),
    entryText(entry),
  ]);
  return renderTable(terminal, ['INDEX', 'GROUP', 'EPOCH', 'EVENT'], rows);
}

/** One line for `holdfast watch`. */
export function eventText(event: WatchedEvent): string {
  switch (event.kind) {
    case 'history': {
      const { group, epoch } = event.entry;
      const subject = group === null ? 'cluster' : `${group} epoch ${epoch}`;
      return `${subject}: ${entryText(event.entry)}`;
    }
    case 'leader':
      return event.leader === null
        ? `cluster: NO LEADER in term ${event.term}`
        : `cluster: ${event.leader} leads in term ${event.term}`;
    case 'configuration': {
      const { voters, outgoing, learners } = event;
      const voting = voters.length === 0 ? 'nobody votes' : `${voters.join(', ')} vote`;
      const before = outgoing.length === 0 ? '' : `, together with ${outgoing.join(', ')}`;
      const learning = learners.length === 0 ? '' : `; learning: ${learners.join(', ')}`;
      return `cluster: ${voting}${before}${learning}`;
    }
    case 'link':
      return `${event.node}: ${event.interconnect} is ${event.state}`;
    case 'local': {
      const { group, epoch, state, detail } = event;
      return `${group} epoch ${epoch}: here ${state}${detail === '' ? '' : ` (${detail})`}`;
    }
    case 'lost':
      return event.lost === null
        ? '... what lies between is no longer in the history'
        : `... ${event.lost} events were missed: this terminal was too slow`;
  }
}
