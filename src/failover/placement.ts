/**
 * Where a group may go: every member with the reason for and against it, best first.
 *
 * A node is eligible when it is online and stays in the cluster, is alive, hears us (an assignment
 * that does not arrive helps nobody) and has verified lately that it reaches every disk of the group
 * and holds nothing of it (DESIGN §7, §8), and no other group speaks against it (`neighbours.ts`).
 * Among eligible nodes the one that was asked for comes first; nodes in quarantine come last; then
 * those that failed least, those that its followers can go to, those that did not just give it up,
 * the operator's order, and of equals whoever carries fewest groups.
 *
 * There is no score: each rule decides before the next one is asked, so `why` can name it.
 */
import { OWNER_RESTARTED } from '../cluster/apply-takeover.ts';
import { membersInOrder } from '../cluster/queries.ts';
import type { ClusterState, GroupState, MemberState } from '../cluster/state.ts';
import type { Millis, NodeId } from '../lib/ids.ts';
import { isHeardBy, type NodeView, nodeView, type View } from '../membership/view.ts';
import { followersOf, loadOf, objection } from './neighbours.ts';
import { isQuarantined } from './quarantine.ts';

export type Candidate = {
  readonly node: NodeId;
  readonly eligible: boolean;
  /** Why not: a code of this program or of the resource that objects; null when eligible. */
  readonly code: string | null;
  /** In words, for `why GROUP`. */
  readonly why: string;
  /** Failures of this group here that are not forgotten. */
  readonly failures: number;
  readonly quarantined: boolean;
};

export type PlacementQuestion = {
  readonly state: ClusterState;
  readonly view: View;
  readonly group: GroupState;
  /** A verification that is older counts for nothing. */
  readonly maxFitnessAgeMs: Millis;
  /** Taken before all others when eligible: asked for by an operator, or sticky. */
  readonly first: NodeId | null;
  /** Comes after all others that have not failed more often. */
  readonly last: NodeId | null;
};

export { OWNER_RESTARTED };

/** All members, eligible ones first, each with its reason. */
export function ranking(question: PlacementQuestion): readonly Candidate[] {
  const order = placementOrder(question.state, question.group);
  return order
    .map((member) => judge(question, member))
    .map((candidate, place) => ({ candidate, rank: rankOf(question, candidate, place) }))
    .sort((a, b) => compare(a.rank, b.rank))
    .map(({ candidate }) => candidate);
}

/**
 * Members as the operator wants them: the preferred ones, then the others; of these whoever carries
 * fewest groups, by number.
 */
export function placementOrder(state: ClusterState, group: GroupState): readonly MemberState[] {
  const { group: name } = group.definition;
  const rank = ({ member: { node } }: MemberState): readonly number[] => [
    preference(group, node),
    loadOf(state, node, name),
  ];
  return membersInOrder(state).toSorted((a, b) => compare(rank(a), rank(b)));
}

/** 0 is wanted most; nodes that nobody named are equal. */
export function preference({ definition: { preferred } }: GroupState, node: NodeId): number {
  const index = preferred.indexOf(node);
  return index < 0 ? preferred.length : index;
}

/** One line for all nodes, for `status`. */
export function explain(candidates: readonly Candidate[]): string {
  return candidates.map(({ node, why }) => `${node}: ${why}`).join('; ');
}

function judge(question: PlacementQuestion, { member, mode, role }: MemberState): Candidate {
  const { node } = member;
  const faults = question.group.failures.filter(
    (one) => one.node === node && one.code !== OWNER_RESTARTED,
  );
  const failures = faults.length;
  const quarantined = isQuarantined(question.state, node);
  const no = (code: string, why: string): Candidate => ({
    node,
    eligible: false,
    code,
    why,
    failures,
    quarantined,
  });
  if (role === 'leaving') return no('NODE_LEAVING', 'leaving the cluster');
  if (mode === 'standby') return no('NODE_STANDBY', 'in standby');
  if (mode === 'maintenance') return no('IN_MAINTENANCE', 'in maintenance');
  const seen = nodeView(question.view, node);
  if (seen?.state !== 'alive') return no('NODE_DEAD', seen === null ? 'never seen' : 'not heard');
  if (!isHeardBy(question.view, seen)) {
    return no('DOES_NOT_HEAR_LEADER', `heard, but does not hear ${question.view.self}`);
  }
  const unfit = unfitness(question, seen);
  if (unfit !== null) return no(unfit.code, unfit.why);
  const against = objection(question.state, question.group, node);
  if (against !== null) return no(against.code, against.why);
  const last = faults.at(-1);
  const buts = [
    ...(last === undefined ? [] : [`failed ${times(failures)} with ${last.code}`]),
    ...(quarantined ? ['is in quarantine: it was lost several times lately'] : []),
  ];
  const why = buts.length === 0 ? 'fit' : `fit, but ${buts.join(', and ')}`;
  return { node, eligible: true, code: null, why, failures, quarantined };
}

function times(failures: number): string {
  return failures === 1 ? 'once,' : `${failures} times, last`;
}

function unfitness(
  { group, maxFitnessAgeMs }: PlacementQuestion,
  seen: NodeView,
): { readonly code: string; readonly why: string } | null {
  const told = seen.fitness.find((one) => one.group === group.definition.group);
  if (told === undefined) return { code: 'FITNESS_UNKNOWN', why: 'has not said whether it is fit' };
  if (!told.fit) return { code: told.code ?? 'NODE_NOT_ELIGIBLE', why: told.code ?? 'not fit' };
  return told.ageMs <= maxFitnessAgeMs
    ? null
    : { code: 'FITNESS_STALE', why: `last verified ${Math.round(told.ageMs)} ms ago` };
}

/** Smaller is better, compared from left to right. */
function rankOf(
  question: PlacementQuestion,
  candidate: Candidate,
  place: number,
): readonly number[] {
  return [
    candidate.eligible ? 0 : 1,
    candidate.node === question.first ? 0 : 1,
    candidate.quarantined ? 1 : 0,
    candidate.failures,
    followersLeftBehind(question, candidate.node),
    candidate.node === question.last ? 1 : 0,
    place,
  ];
}

/** Groups that must be beside this one, and could not be there. */
function followersLeftBehind({ state, view, group }: PlacementQuestion, node: NodeId): number {
  const seen = nodeView(view, node);
  return followersOf(state, group.definition.group).filter(({ definition, owner }) => {
    const told = seen?.fitness.find((one) => one.group === definition.group);
    return owner !== node && told?.fit !== true;
  }).length;
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
