/** Rules for a group that has an owner: keep it, take it away, or move it off a node that must not have it. */
import type { Reason } from '../cluster/command.ts';
import { memberOf, modeOf } from '../cluster/queries.ts';
import type { GroupState } from '../cluster/state.ts';
import type { Millis, NodeId } from '../lib/ids.ts';
import { endOf, waitForLeaders, wishOf } from './constraints.ts';
import { assign, type Decision, nothing, release, waiting } from './decision.ts';
import { goElsewhere } from './failback.ts';
import { dependentsOf } from './neighbours.ts';
import { type Candidate, explain, ranking } from './placement.ts';
import { ageOf, maxFitnessAgeMs, type PlannerInput } from './planner-input.ts';
import { isQuarantined } from './quarantine.ts';
import { judgeOwner, type OwnerVerdict } from './recovery.ts';
import { stopBudgetMs } from './stop-budget.ts';

type Gone = Extract<OwnerVerdict, { readonly kind: 'gone' }>;

/** `taking-over | serving`: the owner is asked for, unless it is gone or unwanted. */
export function planOwned(input: PlannerInput, group: GroupState, owner: NodeId): Decision {
  const verdict = judgeOwner(input, group, owner);
  if (verdict.kind === 'wait') return waiting(verdict.code, verdict.why, verdict.untilMs);
  if (verdict.kind === 'gone') return failOver(input, group, owner, verdict);
  if (stateAt(input, group, owner) === 'stopping') {
    const why = `${owner} stops it by itself: its daemon ends, or something of the group has failed`;
    return waiting('OWNER_STOPPING', why);
  }
  return input.appliedOwnTerm ? moveOff(input, group, owner) : nothing;
}

/**
 * `releasing`: nobody else comes before the owner has stopped, or is gone. An owner that has not
 * stopped when even force must have had its effect is treated as one that is gone: its lease is not
 * renewed, and whoever comes next fences its disks.
 */
export function planReleasing(input: PlannerInput, group: GroupState, owner: NodeId): Decision {
  const verdict = judgeOwner(input, group, owner);
  if (verdict.kind === 'gone') return failOver(input, group, owner, verdict);
  if (verdict.kind === 'wait') {
    return waiting('OWNER_STOPPING', `${owner} has not stopped the group yet`, verdict.untilMs);
  }
  const overdueMs = stopDeadlineMs(input, group);
  if (input.now < overdueMs) {
    return waiting('OWNER_STOPPING', `${owner} has not stopped the group yet`, overdueMs);
  }
  return overdue(input, group, owner, input.now - overdueMs);
}

function stopDeadlineMs(input: PlannerInput, group: GroupState): Millis {
  const { changedMs } = ageOf(input, group.definition.group);
  const askedMs = Math.max(changedMs, input.leaderSinceMs);
  return askedMs + stopBudgetMs(group.definition, input.times.teardownMs ?? 0);
}

function overdue(input: PlannerInput, group: GroupState, owner: NodeId, lateMs: Millis): Decision {
  const late = `${owner} should have stopped the group ${Math.round(lateMs)} ms ago, by force`;
  const detail = `${late}; its lease is not renewed, its disks are fenced`;
  const evidence = {
    kind: 'reported',
    observer: input.self,
    perInterconnectMs: {},
    detail,
  } as const;
  const verdict: Gone = { kind: 'gone', evidence, silentMs: null };
  const decision = failOver(input, group, owner, verdict);
  return decision.kind === 'propose' ? decision : waiting('OWNER_STOP_OVERDUE', late);
}

function stateAt({ view }: PlannerInput, group: GroupState, owner: NodeId): string | null {
  const name = group.definition.group;
  const local = view.nodes[owner]?.groups.find((one) => one.group === name);
  return local?.epoch === group.epoch ? local.state : null;
}

/**
 * Whoever a release was meant for comes first; an owner that served and was started anew is as good as
 * it was before. One that does not even begin what it was given is not asked again before the others.
 */
function failOver(input: PlannerInput, group: GroupState, owner: NodeId, verdict: Gone): Decision {
  if (modeOf(input.state, group) === 'standby') {
    const why = `stopped on purpose; ${owner} did not say that it stopped`;
    return endOf(input, group, why) ?? waiting('GROUP_STANDBY', why);
  }
  if (group.pending != null) {
    const why = `to be defined anew; ${owner} did not say that it stopped`;
    const ended = endOf(input, group, why);
    return (
      ended ??
      waiting('OWNER_STOPPING', why, input.now + input.ledger.remainderMs(group, input.now))
    );
  }
  const held = waitForLeaders(input.state, group);
  if (held !== null) return held;
  const failed = verdict.evidence.kind === 'reported' && stateAt(input, group, owner) === 'failed';
  const sticky = group.phase === 'serving' && !failed && !isQuarantined(input.state, owner);
  const candidates = ranked(input, group, {
    first: group.releaseTo ?? wishOf(group) ?? (sticky ? owner : null),
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

/**
 * A group in standby is stopped, and so is one that is to be defined anew; a node in standby, or one
 * that leaves the cluster, gives its groups away, if somebody takes them. Groups that start after this
 * one go first where they go as well.
 */
function moveOff(input: PlannerInput, group: GroupState, owner: NodeId): Decision {
  const decision = wantedOff(input, group, owner);
  if (decision.kind !== 'propose' || decision.proposal.command.kind !== 'release') return decision;
  const { group: name } = group.definition;
  const first = dependentsOf(input.state, name).find((one) => {
    if (one.owner === null || one.owner !== owner) return false;
    if (one.phase === 'releasing') return true;
    return wantedOff(input, one, one.owner).kind === 'propose';
  });
  if (first === undefined) return decision;
  const why = `${first.definition.group} starts after it and is stopped before it`;
  return waiting('WAITS_FOR_GROUP', why);
}

function wantedOff(input: PlannerInput, group: GroupState, owner: NodeId): Decision {
  if (modeOf(input.state, group) === 'standby') {
    // When the group is set online again, its next assignment is a fresh start.
    const whose = input.state.mode === 'standby' ? 'the cluster' : 'the group';
    return release(group, null, 'boot', `standby of ${whose}`);
  }
  if (group.pending != null) {
    return release(group, null, 'restart', `${group.pending.by}, to be defined anew`);
  }
  const member = memberOf(input.state, owner);
  const leaves = member?.role === 'leaving';
  if (member?.mode !== 'standby' && !leaves) return goElsewhere(input, group, owner);
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
