/** What holds a group back, or pulls it somewhere, whoever owned it before. */
import { isLevel3 } from '../cluster/level.ts';
import { policyOf } from '../cluster/policy.ts';
import { groupOf } from '../cluster/queries.ts';
import type { ClusterState, GroupState } from '../cluster/state.ts';
import type { NodeId } from '../lib/ids.ts';
import { type Decision, expire, waiting } from './decision.ts';
import { OWNER_RESTARTED } from './placement.ts';
import { ageOf, type PlannerInput } from './planner-input.ts';

/** A group that starts after others waits until these are served; null: it need not wait. */
export function waitForLeaders(state: ClusterState, { definition }: GroupState): Decision | null {
  for (const name of policyOf(definition).after) {
    const leader = groupOf(state, name);
    if (leader?.phase === 'serving') continue;
    const is = leader === null ? 'is not defined' : `is ${leader.phase}`;
    return waiting('WAITS_FOR_GROUP', `starts after ${name}, which ${is}`);
  }
  return null;
}

/** It has failed as often as its policy allows: until the oldest failure is forgotten, or mended. */
export function failoversSpent(input: PlannerInput, group: GroupState): Decision | null {
  const { count, windowMs } = policyOf(group.definition).failovers;
  if (count === null) return null;
  const failed = group.failures.filter(({ code }) => code !== OWNER_RESTARTED);
  if (failed.length < count || failed.length === 0) return null;
  const { failuresSinceMs } = ageOf(input, group.definition.group);
  const last = failed.at(-1);
  const times = `failed ${failed.length} times, last on ${last?.node} with ${last?.code}`;
  const untilMs = (failuresSinceMs[0] ?? input.now) + windowMs;
  return waiting('FAILOVERS_SPENT', `stopped: it has ${times}`, untilMs);
}

/** The node that an operator has put the group on, unless it failed there since. */
export function wishOf({ wish, failures }: GroupState): NodeId | null {
  if (wish == null) return null;
  return failures.some(({ node }) => node === wish.node) ? null : wish.node;
}

/** Every lease of a group that nobody is to serve has run out: that ends its epochs. */
export function endOf(input: PlannerInput, group: GroupState, why: string): Decision | null {
  const { state, appliedOwnTerm, ledger, now } = input;
  if (!isLevel3(state) || !appliedOwnTerm) return null;
  if (group.owner === null && group.unfinished.length === 0) return null;
  return ledger.remainderMs(group, now) === 0 ? expire(group, why) : null;
}
