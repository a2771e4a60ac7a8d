/**
 * May a group that is served well go somewhere else all the same? Only on somebody's word: to a node
 * that is more wanted, when the policy lets it go back; to the group beside which it must be; away from
 * one from which it keeps apart. Without such a word it stays (stickiness), and what an operator has
 * moved stays where it was put until the wish expires or is undone.
 *
 * A node that failed with this group, or is in quarantine, is no place to go back to.
 */
import { policyOf } from '../cluster/policy.ts';
import { groupOf } from '../cluster/queries.ts';
import type { GroupState } from '../cluster/state.ts';
import type { Millis, NodeId } from '../lib/ids.ts';
import { type Decision, nothing, release, waiting } from './decision.ts';
import { placingOrder, rivalsOf, whereabouts } from './neighbours.ts';
import { type Candidate, explain, preference, ranking } from './placement.ts';
import { maxFitnessAgeMs, type PlannerInput } from './planner-input.ts';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;

/** For a group that its owner serves, and may go on serving. */
export function goElsewhere(input: PlannerInput, group: GroupState, owner: NodeId): Decision {
  if (group.phase !== 'serving') return nothing;
  for (const rule of [follow, keepApart, failBack]) {
    const decision = rule(input, group, owner);
    if (decision.kind !== 'nothing') return decision;
  }
  return nothing;
}

function follow(input: PlannerInput, group: GroupState, owner: NodeId): Decision {
  for (const name of policyOf(group.definition).with) {
    const leader = groupOf(input.state, name);
    const at = leader === null ? null : whereabouts(leader);
    if (at === null || at === owner) continue;
    const [best, ...others] = candidates(input, group, null);
    if (best?.eligible === true) return release(group, best.node, 'move', `to be with ${name}`);
    const why = `runs on ${owner} and not with ${name}`;
    return waiting('NOT_WITH_GROUP', `${why}: ${explain(best ? [best, ...others] : [])}`);
  }
  return nothing;
}

/** Of two that are together and should not be, the one that chooses later goes. */
function keepApart(input: PlannerInput, group: GroupState, owner: NodeId): Decision {
  const { group: name } = group.definition;
  const order = placingOrder(Object.values(input.state.groups));
  const rival = rivalsOf(input.state, group).find(
    (one) =>
      whereabouts(one) === owner && order.indexOf(one.definition.group) < order.indexOf(name),
  );
  if (rival === undefined) return nothing;
  const { group: other } = rival.definition;
  const all = candidates(input, group, null);
  const [best] = all;
  if (best?.eligible === true)
    return release(group, best.node, 'move', `to be apart from ${other}`);
  return waiting('APART_FROM_GROUP', `runs together with ${other} on ${owner}: ${explain(all)}`);
}

function failBack(input: PlannerInput, group: GroupState, owner: NodeId): Decision {
  const { failback } = policyOf(group.definition);
  if (failback === 'never') return nothing;
  if (failback !== 'now' && !isWithin(failback, input.wallMs ?? null)) return nothing;
  const wished = group.wish?.node ?? null;
  const all = candidates(input, group, wished);
  const best = all.find((one) => one.eligible && one.failures === 0 && !one.quarantined);
  if (best === undefined || wished === owner) return nothing;
  const better =
    wished === null
      ? preference(group, best.node) < preference(group, owner)
      : best.node === wished;
  return better ? release(group, best.node, 'move', 'failback') : nothing;
}

/** Minutes of the day, UTC; a window may run over midnight. */
function isWithin(
  { fromMinute, toMinute }: { readonly fromMinute: number; readonly toMinute: number },
  wallMs: Millis | null,
): boolean {
  if (wallMs === null) return false;
  const minute = Math.floor(wallMs / MINUTE_MS) % DAY_MINUTES;
  return fromMinute <= toMinute
    ? minute >= fromMinute && minute < toMinute
    : minute >= fromMinute || minute < toMinute;
}

function candidates(
  input: PlannerInput,
  group: GroupState,
  first: NodeId | null,
): readonly Candidate[] {
  const { state, view } = input;
  const question = { state, view, group, maxFitnessAgeMs: maxFitnessAgeMs(input) };
  return ranking({ ...question, first, last: null });
}
