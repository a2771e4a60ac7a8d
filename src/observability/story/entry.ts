/**
 * One entry of the replicated history in words. The command line, the notifications and the dashboard
 * tell it in the same ones.
 */
import type { HistoryEntry } from '../../cluster/state.ts';
import { durationText } from '../../lib/duration.ts';

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
