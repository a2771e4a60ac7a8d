/** What happened, in words: entries of the history, and events as they come. */
import type { HistoryEntry } from '../cluster/state.ts';
import type { WatchedEvent } from './client.ts';
import { type Cell, renderTable } from './table.ts';
import { durationText, type Terminal } from './terminal.ts';

/** One entry of the replicated history as a sentence without a subject's clock: it has none. */
export function entryText(entry: HistoryEntry): string {
  const { event, node, from, reason, detail } = entry;
  const who = node ?? 'nobody';
  const more = detail === '' ? '' : ` (${detail})`;
  switch (event) {
    case 'created':
      return `the cluster was created${more}`;
    case 'member-admitted':
      return `${who} was admitted${more}`;
    case 'member-removed':
      return `${who} was removed${more}`;
    case 'invited':
      return `${node ?? 'a new member'} was invited${more}`;
    case 'invitation-revoked':
      return `an invitation${node === null ? '' : ` of ${node}`} was revoked${more}`;
    case 'role':
      return `role of ${who}${more}`;
    case 'recovered':
      return `the cluster was recovered by an operator, the majority being lost${more}`;
    case 'defined':
      return `defined${more}`;
    case 'deleted':
      return `deleted${more}`;
    case 'assigned':
      return `${reason ?? 'assigned'}: ${from ?? 'nobody'} -> ${who}${evidenceText(entry)}${more}`;
    case 'released':
      return `released by ${who}${reason === null ? '' : `, ${reason}`}${more}`;
    case 'stopped':
      return `stopped on ${who}${more}`;
    case 'fenced':
      return `fenced by ${who}${more}`;
    case 'serving':
      return `served by ${who}${phasesText(entry)}${more}`;
    case 'takeover-failed':
      return `takeover by ${who} failed${more}`;
    case 'mode':
      return `mode${node === null ? '' : ` of ${node}`}${more}`;
    case 'level':
      return `feature level${more}`;
    case 'forgotten':
      return `forgotten${node === null ? '' : ` of ${node}`}${more}`;
    case 'wish':
      return `wanted on ${node ?? 'no node in particular'}${more}`;
    case 'capacity':
      return `capacity of ${who}${more}`;
    case 'expired':
      return `the last lease of ${who} has run out${more}`;
    case 'to-be-defined':
      return `will be defined anew${more}`;
  }
}

function evidenceText({ evidence }: HistoryEntry): string {
  if (evidence === null) return '';
  const silence = Object.entries(evidence.perInterconnectMs)
    .map(([interconnect, ms]) => ` ${interconnect} ${durationText(ms)}`)
    .join(',');
  const detail = evidence.detail === '' ? '' : ` ${evidence.detail}`;
  return `, ${evidence.kind} seen by ${evidence.observer}${silence}${detail}`;
}

function phasesText({ stamps }: HistoryEntry): string {
  if (stamps.length === 0) return '';
  return `, ${stamps.map((one) => `${one.phase} ${durationText(one.durationMs)}`).join(', ')}`;
}

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
      return `... ${event.lost} events were missed: this terminal was too slow`;
  }
}
