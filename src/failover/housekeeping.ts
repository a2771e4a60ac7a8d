/**
 * What becomes true by time alone, and is committed so that every node says the same: failures and
 * losses that are old enough to be forgotten, wishes that have expired, and the feature level that
 * every member knows. Ages are those that this leader has seen; a new one counts from its beginning.
 */
import { FEATURE_LEVEL, isLevel3, levelOf } from '../cluster/level.ts';
import { policyOf } from '../cluster/policy.ts';
import { membersInOrder } from '../cluster/queries.ts';
import type { Epoch, Millis } from '../lib/ids.ts';
import { nodeView } from '../membership/view.ts';
import type { Proposal } from './bootstrap.ts';
import { ageOf, type PlannerInput } from './planner-input.ts';
import { QUARANTINE } from './quarantine.ts';

const BY = 'expiry';

export function housekeeping(input: PlannerInput): readonly Proposal[] {
  if (!input.appliedOwnTerm || input.state.clusterId === null) return [];
  const rising = levelOf(input.state) < FEATURE_LEVEL ? raiseLevel(input) : [];
  if (!isLevel3(input.state)) return rising;
  return [...rising, ...forgetFailures(input), ...forgetLosses(input), ...expireWishes(input)];
}

/** Only when each member was heard and knows it: one that is silent may run the older release. */
function raiseLevel({ state, view }: PlannerInput): readonly Proposal[] {
  const members = membersInOrder(state);
  const ready = members.every(({ member }) => {
    const seen = nodeView(view, member.node);
    return seen?.state === 'alive' && (seen.level ?? 0) >= FEATURE_LEVEL;
  });
  if (!ready || members.length === 0) return [];
  return [{ key: 'set-level', command: { kind: 'set-level', level: FEATURE_LEVEL } }];
}

function forgetFailures(input: PlannerInput): readonly Proposal[] {
  return Object.values(input.state.groups).flatMap(({ definition, failures }): Proposal[] => {
    const { group } = definition;
    const epochs = failures.map(({ epoch }) => epoch);
    const { windowMs } = policyOf(definition).failovers;
    const throughEpoch = newestOld(epochs, ageOf(input, group).failuresSinceMs, {
      before: input.now - windowMs,
    });
    if (throughEpoch === null) return [];
    const subject = { kind: 'group', group } as const;
    const command = { kind: 'forget-failures', subject, throughEpoch, by: BY } as const;
    return [{ key: `forget:${group}`, command }];
  });
}

function forgetLosses({ state, now, nodeAges = {} }: PlannerInput): readonly Proposal[] {
  return membersInOrder(state).flatMap(({ member: { node }, losses = [] }): Proposal[] => {
    const since = Object.hasOwn(nodeAges, node) ? (nodeAges[node] ?? []) : [];
    const throughEpoch = newestOld(losses, since, { before: now - QUARANTINE.windowMs });
    if (throughEpoch === null) return [];
    const subject = { kind: 'node', node } as const;
    const command = { kind: 'forget-failures', subject, throughEpoch, by: BY } as const;
    return [{ key: `forget-node:${node}`, command }];
  });
}

function newestOld(
  epochs: readonly Epoch[],
  sinceMs: readonly Millis[],
  { before }: { readonly before: Millis },
): Epoch | null {
  const old = epochs.filter((_, i) => (sinceMs[i] ?? Number.POSITIVE_INFINITY) <= before);
  return old.at(-1) ?? null;
}

function expireWishes({ state, wallMs = null }: PlannerInput): readonly Proposal[] {
  if (wallMs === null) return [];
  return Object.values(state.groups).flatMap(({ definition: { group }, wish }): Proposal[] => {
    if (wish == null || wallMs < wish.expiresAtMs) return [];
    const command = { kind: 'set-wish', group, wish: null, by: BY } as const;
    return [{ key: `wish:${group}`, command }];
  });
}
