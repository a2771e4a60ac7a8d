/**
 * How a group came to where it is: one assignment of the history told as sentences, from what the
 * leader had committed about it. Silence is as the observer measured it; no clocks are compared.
 */
import type { HistoryEntry } from '../../cluster/state.ts';
import { durationText } from '../../lib/duration.ts';
import { isProblemCode } from '../../lib/error.ts';
import { PROBLEMS } from '../../lib/problems.ts';
import type { Sentence } from '../../operator/api.ts';

/** Who gave the group to whom, what that was decided upon, and how long it took. */
export function tellArrival(
  history: readonly HistoryEntry[],
  assigned: HistoryEntry,
): readonly Sentence[] {
  const { group, from } = assigned;
  const before = history.filter((line) => line.group === group && line.index < assigned.index);
  const after = history.filter((line) => line.group === group && line.epoch === assigned.epoch);
  return [
    ...tellRelease(before, from),
    { text: decision(assigned), index: assigned.index },
    ...tellPredecessor(history, assigned),
    ...after.filter(({ event }) => event === 'fenced').map(fenced),
    ...after.filter(({ event }) => event === 'serving').map((line) => served(assigned, line)),
  ];
}

/** An order to hand over that came after the group was last given to anybody. */
function tellRelease(before: readonly HistoryEntry[], from: string | null): readonly Sentence[] {
  const line = before.findLast(({ event }) => event === 'assigned' || event === 'released');
  if (line?.event !== 'released' || line.from !== from) return [];
  const aim = line.node === null ? '' : ` to ${line.node}`;
  const text = `${line.from} was told to hand it over${aim} (${line.reason}), ${line.detail}.`;
  return [{ text, index: line.index }];
}

function decision({ node, from, reason, evidence, epoch }: HistoryEntry): string {
  const given = `Epoch ${epoch} was given to ${node}`;
  const kind = evidence?.kind ?? 'boot';
  const loser = from ?? 'its owner';
  const observer = evidence?.observer ?? 'the leader';
  const detail = evidence === null || evidence.detail === '' ? '' : ` (${evidence.detail})`;
  switch (kind) {
    case 'boot':
      return `${given}, since nobody owned the group${from === null ? ' yet' : ''}; ${observer} led.`;
    case 'silence':
      return (
        `${given} by failover: ${observer}, which led, had heard nothing from ` +
        `${loser}${silence(evidence)}${detail}.`
      );
    case 'proof-of-death':
      return (
        `${given} by failover: ${observer}, which led, had proof that no daemon runs on ` +
        `${loser}${silence(evidence)}${detail}.`
      );
    case 'reported':
      return `${given} by ${reason ?? 'failover'}: ${loser} had given the group up${detail}.`;
    case 'operator':
      return `${given} by ${reason ?? 'move'}, as ordered${detail}.`;
  }
}

function silence(evidence: HistoryEntry['evidence']): string {
  const links = Object.entries(evidence?.perInterconnectMs ?? {});
  if (links.length === 0) return '';
  return `: ${links.map(([over, ms]) => `${durationText(ms)} on ${over}`).join(', ')}`;
}

/** What is proven about the epoch before: whether it was down, and by whose word. */
function tellPredecessor(
  history: readonly HistoryEntry[],
  { group, from, epoch, index }: HistoryEntry,
): readonly Sentence[] {
  if (from === null) return [];
  const own = history.filter((line) => line.group === group && line.epoch < epoch);
  const last = own.findLast(({ event, node }) => event === 'assigned' && node === from);
  if (last === undefined) return [];
  const stopped = history.find(
    (line) => line.event === 'stopped' && line.group === group && line.epoch === last.epoch,
  );
  if (stopped === undefined) {
    const text =
      `Nothing proves that ${from} stopped epoch ${last.epoch}: its disks refuse it, ` +
      'and its addresses fell silent with its lease.';
    return [{ text, index: null }];
  }
  const when = stopped.index < index ? 'had stopped' : 'stopped only later';
  const text = `${from} ${when}: epoch ${last.epoch} ended ${stopped.detail}.`;
  return [{ text, index: stopped.index }];
}

function fenced({ node, detail, index }: HistoryEntry): Sentence {
  return { text: `${node} holds ${detail} alone: it refuses writes of older epochs.`, index };
}

function served(assigned: HistoryEntry, { node, stamps, index }: HistoryEntry): Sentence {
  const all = [...assigned.stamps, ...stamps];
  const phases = all.map(({ phase, durationMs }) => `${phase} ${durationText(durationMs)}`);
  const took = phases.length === 0 ? '' : `; what was measured: ${phases.join(', ')}`;
  return { text: `${node} answered clients again${took}.`, index };
}

/** A takeover that failed, with what its code means. */
export function tellFailure({ group, node, epoch, detail, index }: HistoryEntry): Sentence {
  const [code = ''] = detail.split(':');
  const meaning = isProblemCode(code) ? ` (${PROBLEMS[code].cause})` : '';
  return { text: `${node} gave ${group} back in epoch ${epoch}: ${detail}${meaning}.`, index };
}

/** The remedies of the codes that stand in some words, each once. */
export function remediesIn(words: readonly string[]): readonly string[] {
  const codes = words.flatMap((text) => text.match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g) ?? []);
  return [...new Set(codes)]
    .filter(isProblemCode)
    .map((code) => `${code}: ${PROBLEMS[code].remedy}`);
}
