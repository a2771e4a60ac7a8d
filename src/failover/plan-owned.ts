/** Rules for a group that has an owner: keep it, take it away, or move it off a node that must not have it. */
import type { Reason } from '../cluster/command.ts';
import { memberOf, modeOf } from '../cluster/queries.ts';
import type { GroupState } from '../cluster/state.ts';
import type { NodeId } from '../lib/ids.ts';
import { assign, type Decision, nothing, release, waiting } from './decision.ts';
import { type Candidate, explain, ranking } from './placement.ts';
import { maxFitnessAgeMs, type PlannerInput } from './planner-input.ts';
import { judgeOwner, type OwnerVerdict } from './recovery.ts';

type Gone = Extract<OwnerVerdict, { readonly kind: 'gone' }>;

/** `taking-over | serving`: the owner is asked for, unless it is gone or unwanted. */
export function planOwned(input: PlannerInput, group: GroupState, owner: NodeId): Decision {
  const verdict = judgeOwner(input, group, owner);
  if (verdict.kind === 'wait') return waiting(verdict.code, verdict.why, verdict.untilMs);
  if (verdict.kind === 'gone') return failOver(input, group, owner, verdict);
  return input.appliedOwnTerm ? moveOff(input, group, owner) : nothing;
}

/** `releasing`: nobody else comes before the owner has stopped, or is gone. */
export function planReleasing(input: PlannerInput, group: GroupState, owner: NodeId): Decision {
  const verdict = judgeOwner(input, group, owner);
  if (verdict.kind === 'gone') return failOver(input, group, owner, verdict);
  const why = `${owner} has not stopped the group yet`;
  return waiting('OWNER_STOPPING', why, verdict.kind === 'wait' ? verdict.untilMs : null);
}

/**
 * Whoever a release was meant for comes first; an owner that served and was started anew is as good as
 * it was before. One that does not even begin what it was given is not asked again before the others.
 */
function failOver(input: PlannerInput, group: GroupState, owner: NodeId, verdict: Gone): Decision {
  if (modeOf(input.state, group) === 'standby') {
    return waiting('GROUP_STANDBY', `stopped on purpose; ${owner} did not say that it stopped`);
  }
  const failed = verdict.evidence.kind === 'reported' && reportsFailure(input, group, owner);
  const sticky = group.phase === 'serving' && !failed;
  const candidates = ranked(input, group, {
    first: group.releaseTo ?? (sticky ? owner : null),
    last: sticky ? null : owner,
  });
  const best = candidates[0];
  if (best === undefined || !best.eligible) return nobody(candidates);
  const { node } = best;
  const { evidence, silentMs } = verdict;
  const reason = node === owner ? 'restart' : reasonFor(group, verdict);
  return assign(input, group, { node, reason, evidence, silentMs });
}

/** A living owner that was asked to go, and does not run the group, has in effect been moved. */
function reasonFor(group: GroupState, { evidence }: Gone): Reason {
  return group.phase === 'releasing' && evidence.kind === 'reported'
    ? group.releaseReason
    : 'failover';
}

function reportsFailure({ view }: PlannerInput, group: GroupState, owner: NodeId): boolean {
  const name = group.definition.group;
  const local = view.nodes[owner]?.groups.find((one) => one.group === name);
  return local?.epoch === group.epoch && local.state === 'failed';
}

/**
 * A group in standby is stopped; a node in standby, or one that leaves the cluster, gives its groups
 * away, if somebody takes them.
 */
function moveOff(input: PlannerInput, group: GroupState, owner: NodeId): Decision {
  if (modeOf(input.state, group) === 'standby') {
    // When the group is set online again, its next assignment is a fresh start.
    const whose = input.state.mode === 'standby' ? 'the cluster' : 'the group';
    return release(group, null, 'boot', `standby of ${whose}`);
  }
  const member = memberOf(input.state, owner);
  const leaves = member?.role === 'leaving';
  if (member?.mode !== 'standby' && !leaves) return nothing;
  const candidates = ranked(input, group, { first: null, last: owner });
  const best = candidates[0];
  if (best === undefined || !best.eligible) return nobody(candidates);
  return release(group, best.node, 'move', `${leaves ? 'leave' : 'standby'} of ${owner}`);
}

function nobody(candidates: readonly Candidate[]): Decision {
  return waiting('NO_FIT_NODE', explain(candidates));
}

function ranked(
  input: PlannerInput,
  group: GroupState,
  wish: { readonly first: NodeId | null; readonly last: NodeId | null },
): readonly Candidate[] {
  const { state, view } = input;
  return ranking({ state, view, group, maxFitnessAgeMs: maxFitnessAgeMs(input), ...wish });
}
