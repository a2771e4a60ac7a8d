/**
 * Rules for a group that nobody owns: at boot, after an orderly release, after a takeover that
 * failed, after an owner that stopped by itself.
 */
import type { Evidence, Reason } from '../cluster/command.ts';
import type { ClusterState, GroupState } from '../cluster/state.ts';
import type { Millis, NodeId } from '../lib/ids.ts';
import { nodeView } from '../membership/view.ts';
import { failoversSpent, waitForLeaders, wishOf } from './constraints.ts';
import { assign, type Decision, waiting } from './decision.ts';
import { type Candidate, explain, OWNER_RESTARTED, placementOrder, ranking } from './placement.ts';
import {
  ageOf,
  BOOT_GRACE_DETECTIONS,
  maxFitnessAgeMs,
  type PlannerInput,
  toAppearMs,
} from './planner-input.ts';
import { isQuarantined } from './quarantine.ts';

/** When every eligible node has failed: 1 s, 2 s, 4 s … up to this. */
const FIRST_BACK_OFF_MS = 1_000;
const LONGEST_BACK_OFF_MS = 60_000;

export function planUnowned(input: PlannerInput, group: GroupState): Decision {
  const { state, view } = input;
  const held = failoversSpent(input, group) ?? waitForLeaders(state, group);
  if (held !== null) return held;
  const back = comesBack(state, group) ? group.previousOwner : null;
  const first = group.releaseTo ?? wishOf(group) ?? back;
  const candidates = ranking({
    state,
    view,
    group,
    maxFitnessAgeMs: maxFitnessAgeMs(input),
    first,
    last: back !== null || group.releaseReason === 'boot' ? null : group.previousOwner,
  });
  const best = candidates[0];
  const graceMs = bootGraceMs(input, group, best);
  if (graceMs !== null) {
    return waiting('BOOT_GRACE', `waiting for nodes to appear: ${explain(candidates)}`, graceMs);
  }
  const returnsMs = first === back ? returnGraceMs(input, group, candidates) : null;
  if (returnsMs !== null) {
    const why = `to go back to ${back}, which has not looked yet: ${explain(candidates)}`;
    return waiting('FITNESS_UNKNOWN', why, returnsMs);
  }
  if (best === undefined || !best.eligible) return waiting('NO_FIT_NODE', explain(candidates));
  const retryMs = lastFailureMs(input, group) + backOffMs(best.failures);
  if (input.now < retryMs) {
    return waiting('BACK_OFF', `every fit node has failed: ${explain(candidates)}`, retryMs);
  }
  const { node } = best;
  const reason = reasonFor(group, node);
  return assign(input, group, { node, reason, evidence: evidence(input, group), silentMs: null });
}

/**
 * Until when a group that is started for the first time waits for a better node; null: no longer. As
 * soon as the most wanted node is fit, or every member has spoken, nothing is to be waited for.
 */
function bootGraceMs(
  input: PlannerInput,
  group: GroupState,
  best: Candidate | undefined,
): Millis | null {
  if (group.releaseReason !== 'boot') return null;
  const untilMs = input.leaderSinceMs + BOOT_GRACE_DETECTIONS * input.times.detectionMs;
  if (input.now >= untilMs) return null;
  const wanted = placementOrder(input.state, group);
  if (best?.eligible && best.node === wanted[0]?.member.node) return null;
  const name = group.definition.group;
  const spoken = wanted.every(
    ({ member, mode, role }) =>
      mode !== 'online' ||
      role === 'leaving' ||
      nodeView(input.view, member.node)?.fitness.some((one) => one.group === name),
  );
  return spoken ? null : untilMs;
}

/**
 * A group that was only stopped to be defined anew goes back to where it was. That node has just let go
 * of it, so the others can say earlier that they are fit. Until when it is waited for; null: no longer.
 */
function returnGraceMs(
  input: PlannerInput,
  group: GroupState,
  candidates: readonly Candidate[],
): Millis | null {
  if (group.releaseReason !== 'restart') return null;
  const owner = candidates.find(({ node }) => node === group.previousOwner);
  if (owner?.code !== 'FITNESS_UNKNOWN') return null;
  const untilMs = ageOf(input, group.definition.group).changedMs + toAppearMs(input);
  return input.now < untilMs ? untilMs : null;
}

/** Pauses count from the last failure: what is done about the group meanwhile does not prolong them. */
function lastFailureMs(input: PlannerInput, group: GroupState): Millis {
  const { changedMs, failuresSinceMs } = ageOf(input, group.definition.group);
  return failuresSinceMs.at(-1) ?? changedMs;
}

/** Stopped to be defined anew, or by a daemon that was started anew: where it was it is as good as ever. */
function comesBack(state: ClusterState, group: GroupState): boolean {
  const { previousOwner, releaseReason } = group;
  if (previousOwner === null || isQuarantined(state, previousOwner)) return false;
  if (releaseReason === 'restart') return true;
  return restarted(group) && !hadFailed(group);
}

/** The owner's daemon was started anew and gave the group back: it is as good as it was before. */
function restarted(group: GroupState): boolean {
  const last = group.failures.at(-1);
  return last?.epoch === group.epoch && last.code === OWNER_RESTARTED;
}

/** It had failed before it was started anew: it is as bad as it was before, too. */
function hadFailed({ failures, previousOwner }: GroupState): boolean {
  return failures.some(({ node, code }) => node === previousOwner && code !== OWNER_RESTARTED);
}

function reasonFor(group: GroupState, node: NodeId): Reason {
  const { previousOwner, releaseReason } = group;
  if (releaseReason !== 'failover' && releaseReason !== 'restart') return releaseReason;
  return node === previousOwner ? 'restart' : 'failover';
}

function evidence({ self }: PlannerInput, group: GroupState): Evidence {
  const last = group.failures.at(-1);
  const failed = last?.epoch === group.epoch ? last : null;
  const down = !group.unfinished.some(({ epoch }) => epoch === group.epoch);
  const fate = down ? 'has stopped the group' : 'is gone, and did not say that it stopped';
  const words = `${group.previousOwner} ${fate}`;
  const because: Readonly<Record<Reason, Pick<Evidence, 'kind' | 'detail'>>> = {
    boot: { kind: 'boot', detail: 'the group was not owned' },
    move: { kind: 'operator', detail: words },
    failover: { kind: 'reported', detail: words },
    restart: { kind: 'reported', detail: words },
  };
  const { kind, detail } =
    failed === null
      ? because[group.releaseReason]
      : ({ kind: 'reported', detail: `${failed.node}: ${failed.code}` } as const);
  return { kind, observer: self, perInterconnectMs: {}, detail };
}

function backOffMs(failures: number): Millis {
  if (failures === 0) return 0;
  return Math.min(FIRST_BACK_OFF_MS * 2 ** (failures - 1), LONGEST_BACK_OFF_MS);
}
