/**
 * Why a node is what it is: how it came in, what the operators decided about it, which groups it has
 * and has lost, and what it waits for. Told as in `why-group.ts`; also for a node that was removed.
 */
import type { HistoryEntry } from '../../cluster/state.ts';
import { durationText } from '../../lib/duration.ts';
import { isProblemCode } from '../../lib/error.ts';
import { PROBLEMS } from '../../lib/problems.ts';
import type { ClusterStatus, Explanation, MemberStatus, Sentence } from '../../operator/api.ts';
import { remediesIn, tellArrival, tellFailure } from './arrival.ts';
import { entryText } from './entry.ts';

/** What the history says about the node itself and not about a group. */
const OWN: readonly HistoryEntry['event'][] = ['member-admitted', 'member-removed', 'role', 'mode'];

/** null: neither a member nor one that the history remembers. */
export function whyNode(
  status: ClusterStatus,
  history: readonly HistoryEntry[],
  name: string,
): Explanation | null {
  const member = status.members.find((one) => one.node === name);
  const past = history.filter(
    (line) => line.group === null && line.node === name && OWN.includes(line.event),
  );
  if (member === undefined && past.length === 0) return null;
  const sentences = [
    ...(member === undefined
      ? [{ text: `${name} is not a member.`, index: null }]
      : now(member, status.node)),
    ...past.map((line) => ({ text: `${entryText(line)}.`, index: line.index })),
    ...tellGroups(status, name),
    ...tellLost(history, name),
    ...history
      .filter((line) => line.event === 'takeover-failed' && line.node === name)
      .slice(-TOLD)
      .map(tellFailure),
    ...tellUnfit(status, name),
  ];
  const unfit = status.groups.flatMap(({ fitness }) =>
    fitness.flatMap(({ node, code }) => (node === name && code !== null ? [code] : [])),
  );
  const troubles = [member?.waits ?? '', member?.self === true ? status.why : '', ...unfit];
  return { kind: 'node', name, sentences, remedies: remediesIn(troubles) };
}

/** Of failures and losses the newest few: the rest is in `holdfast history`. */
const TOLD = 3;

function now(member: MemberStatus, seenBy: string): readonly Sentence[] {
  const { node, self, state, links, raft, role, leader, waits, lag } = member;
  const silent = links
    .filter((link) => link.state !== 'alive')
    .map(({ interconnect, silentMs }) =>
      silentMs === null
        ? `${interconnect} never heard`
        : `${interconnect} silent for ${durationText(silentMs)}`,
    );
  const seen = self ? 'is this node' : `is ${state} for ${seenBy}`;
  const where = silent.length === 0 ? '' : ` (${silent.join(', ')})`;
  const votes = leader ? 'it leads' : `in the log's configuration it is ${STANDING[raft]}`;
  const wanted = raft === role || leader ? '' : `, wanted as ${role}`;
  const behind = lag === null || lag === 0 ? '' : `; it lacks ${lag} entries of the log`;
  return [
    { text: `${node} ${seen}${where}; ${votes}${wanted}${behind}.`, index: null },
    ...(waits === '' ? [] : [{ text: `It waits: ${waits}.`, index: null }]),
  ];
}

const STANDING: Readonly<Record<MemberStatus['raft'], string>> = {
  voter: 'a voter',
  joining: 'about to vote',
  outgoing: 'about to lose its vote',
  learner: 'a learner',
  none: 'nothing',
};

function tellGroups(status: ClusterStatus, name: string): readonly Sentence[] {
  return status.groups
    .filter(({ owner }) => owner === name)
    .map(({ group, epoch, phase }) => ({
      text: `It owns ${group} in epoch ${epoch}: ${phase}.`,
      index: null,
    }));
}

function tellLost(history: readonly HistoryEntry[], name: string): readonly Sentence[] {
  return history
    .filter((line) => line.event === 'assigned' && line.from === name && line.node !== name)
    .slice(-TOLD)
    .flatMap((line) => {
      const decided = tellArrival(history, line).filter(({ index }) => (index ?? 0) <= line.index);
      return decided
        .filter(({ index }) => index !== null)
        .map(({ text, index }) => ({ text: `${line.group}: ${text}`, index }));
    });
}

function tellUnfit(status: ClusterStatus, name: string): readonly Sentence[] {
  return status.groups.flatMap(({ group, fitness }) =>
    fitness
      .filter(({ node, fit }) => node === name && !fit)
      .map(({ code }) => {
        const meaning = code !== null && isProblemCode(code) ? `: ${PROBLEMS[code].cause}` : '';
        return { text: `It could not take ${group}: ${code ?? 'unknown'}${meaning}.`, index: null };
      }),
  );
}
