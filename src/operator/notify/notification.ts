/**
 * What is told to people who do not look: an entry of the history that somebody may have to know, with
 * how much it matters. Its id is the same on every node, so that whoever gets one twice can tell.
 */
import type { HistoryEntry } from '../../cluster/state.ts';
import { SEVERITIES } from '../../config/types.ts';
import type { NodeId } from '../../lib/ids.ts';
import { entryText } from '../../observability/story/entry.ts';

export type Severity = (typeof SEVERITIES)[number];

export type Notification = {
  /** Sent as `Idempotency-Key`. */
  readonly id: string;
  readonly cluster: string;
  /** Which node sends it. */
  readonly from: NodeId;
  readonly severity: Severity;
  /** Same subject, same kind of event: what repeats within minutes is held back and counted. */
  readonly topic: string;
  readonly text: string;
  readonly group: string | null;
  readonly node: NodeId | null;
  readonly epoch: number;
  /** Of the history; null: it is about the sender and stands in no history. */
  readonly index: number | null;
};

/** Of an event that is not here nobody is told: it is a step of one that is. */
const SEVERITY_OF: Partial<Readonly<Record<HistoryEntry['event'], Severity>>> = {
  created: 'info',
  'member-admitted': 'info',
  'member-removed': 'warning',
  role: 'info',
  recovered: 'critical',
  assigned: 'info',
  serving: 'info',
  'takeover-failed': 'critical',
  mode: 'info',
};

type Sender = { readonly cluster: string; readonly from: NodeId };

/** null: nobody need know. */
export function notificationOf(
  entry: HistoryEntry,
  { cluster, from }: Sender,
): Notification | null {
  const usual = SEVERITY_OF[entry.event];
  if (usual === undefined) return null;
  const { index, group, node, epoch, event, reason } = entry;
  const failedOver = event === 'assigned' && reason === 'failover';
  const subject = group === null ? '' : `${group} (epoch ${epoch}): `;
  return {
    id: `${cluster}/${index}`,
    cluster,
    from,
    severity: failedOver ? 'warning' : usual,
    topic: [event, group ?? '', node ?? ''].join('/'),
    text: `${cluster}: ${subject}${entryText(entry)}`,
    group,
    node,
    epoch,
    index,
  };
}

/** Each node says for itself that it is cut off: nobody leads who could say it for all. */
export function leaderlessOf({ cluster, from }: Sender, term: number): Notification {
  return {
    id: `${cluster}/${from}/leaderless/${term}`,
    cluster,
    from,
    severity: 'critical',
    topic: `leaderless/${from}`,
    text: `${cluster}: ${from} knows no leader; without a majority nothing is served`,
    group: null,
    node: from,
    epoch: 0,
    index: null,
  };
}

export function isAtLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least);
}
