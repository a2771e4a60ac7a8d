/**
 * Why a failover group is where it is, or why it is not served: sentences from what the cluster has
 * committed, each with the log index that proves it. What this node merely sees now has none.
 *
 * It judges nothing anew: the planner's reasons are told as they were written down.
 */
import type { HistoryEntry } from '../../cluster/state.ts';
import { isProblemCode } from '../../lib/error.ts';
import { PROBLEMS } from '../../lib/problems.ts';
import type { ClusterStatus, Explanation, GroupStatus, Sentence } from '../../operator/api.ts';
import { remediesIn, tellArrival, tellFailure } from './arrival.ts';

/** null: there is no such group. */
export function whyGroup(
  status: ClusterStatus,
  history: readonly HistoryEntry[],
  name: string,
): Explanation | null {
  const group = status.groups.find((one) => one.group === name);
  if (group === undefined) return null;
  const own = history.filter((line) => line.group === name);
  const assigned = own.findLast(
    ({ event, epoch }) => event === 'assigned' && epoch === group.epoch,
  );
  const sentences = [
    now(group, own),
    ...(assigned === undefined ? forgotten(group) : tellArrival(history, assigned)),
    ...tellFailures(own),
    ...tellModes(status, history, group),
    ...tellOthers(group),
  ];
  const served = group.phase === 'serving' && group.why === '';
  const troubles = served ? [] : [group.why, ...group.failures.map(({ code }) => code)];
  return { kind: 'group', name, sentences, remedies: remediesIn(troubles) };
}

function now(group: GroupStatus, own: readonly HistoryEntry[]): Sentence {
  const { owner, epoch, phase, why } = group;
  const proof = own.findLast((line) => line.event === 'serving' && line.epoch === epoch);
  if (phase === 'serving' && why === '') {
    const text = `${group.group} is served by ${owner} in epoch ${epoch}.`;
    return { text, index: proof?.index ?? null };
  }
  const owned = owner === null ? 'nobody owns it' : `${owner} owns it in epoch ${epoch}`;
  return { text: `${group.group} is ${phase}, not served; ${owned}: ${why}.`, index: null };
}

function forgotten({ owner, epoch }: GroupStatus): readonly Sentence[] {
  if (epoch === 0) return [{ text: 'It has never been given to any node.', index: null }];
  const text = `How ${owner ?? 'its last owner'} came to epoch ${epoch} is older than the history.`;
  return [{ text, index: null }];
}

/** What failed since the group last served. */
function tellFailures(own: readonly HistoryEntry[]): readonly Sentence[] {
  const last = own.findLastIndex(({ event }) => event === 'serving');
  const before = own.findLastIndex(({ event }, at) => event === 'serving' && at < last);
  const since = last === own.length - 1 ? before : last;
  return own
    .slice(since + 1)
    .filter(({ event }) => event === 'takeover-failed')
    .map(tellFailure);
}

function tellModes(
  status: ClusterStatus,
  history: readonly HistoryEntry[],
  { group, mode }: GroupStatus,
): readonly Sentence[] {
  const newest = (belongs: (line: HistoryEntry) => boolean): HistoryEntry | undefined =>
    history.findLast((line) => line.event === 'mode' && belongs(line));
  const told = (subject: string, said: string, line: HistoryEntry | undefined): Sentence => ({
    text: `${subject} is in ${said}${line === undefined ? '' : ` (${line.detail})`}.`,
    index: line?.index ?? null,
  });
  const ofGroup = newest((line) => line.group === group);
  const ofCluster = newest((line) => line.group === null && line.node === null);
  return [
    ...(mode === 'online' ? [] : [told(group, mode, ofGroup)]),
    ...(status.mode === 'online' ? [] : [told('The whole cluster', status.mode, ofCluster)]),
  ];
}

/** Who could take it next, as this node has heard. */
function tellOthers({ owner, fitness }: GroupStatus): readonly Sentence[] {
  const others = fitness.filter(({ node }) => node !== owner);
  const fit = others.filter((one) => one.fit).map(({ node }) => node);
  const unfit = others.filter((one) => !one.fit);
  const next =
    fit.length === 0
      ? 'No other node could take it now.'
      : `${fit.join(' or ')} could take it now.`;
  return [
    { text: next, index: null },
    ...unfit.map(({ node, code }) => {
      const known = code !== null && isProblemCode(code) ? `: ${PROBLEMS[code].cause}` : '';
      return { text: `${node} could not: ${code ?? 'unknown'}${known}.`, index: null };
    }),
  ];
}
