/** What a rule of the planner answers for one group: a command, nothing, or a reason to wait. */
import type { Command, Evidence, Reason } from '../cluster/command.ts';
import type { GroupState } from '../cluster/state.ts';
import type { Millis, NodeId } from '../lib/ids.ts';
import type { PhaseStamp } from '../lib/phases.ts';
import type { ProblemCode } from '../lib/problems.ts';
import type { Proposal } from './bootstrap.ts';
import { ageOf, type PlannerInput } from './planner-input.ts';

export type Decision =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'propose'; readonly proposal: Proposal }
  | {
      readonly kind: 'wait';
      readonly code: ProblemCode;
      readonly why: string;
      readonly untilMs: Millis | null;
    };

export const nothing: Decision = { kind: 'nothing' };

export function waiting(code: ProblemCode, why: string, untilMs: Millis | null = null): Decision {
  return { kind: 'wait', code, why, untilMs };
}

export type Assignment = {
  readonly node: NodeId;
  readonly reason: Reason;
  readonly evidence: Evidence;
  /** The owner's last sign of life, as a silence on this node's clock; null: it was not silent. */
  readonly silentMs: Millis | null;
};

/** A new owner; whatever an earlier one may still be seen for is waited out by the new one. */
export function assign(input: PlannerInput, group: GroupState, assignment: Assignment): Decision {
  const { node, reason, evidence, silentMs } = assignment;
  const name = group.definition.group;
  const leaseRemainderMs = input.ledger.remainderMs(group, input.now);
  const lostMs = ageOf(input, name).lostSinceMs ?? input.now;
  const stamps = silentMs === null ? [] : detection(input, silentMs, lostMs);
  const guard = { group: name, expectedEpoch: group.epoch } as const;
  const what = { node, reason, evidence, leaseRemainderMs, stamps } as const;
  return {
    kind: 'propose',
    proposal: { key: `assign:${name}`, command: { kind: 'assign', ...guard, ...what } },
  };
}

export function release(
  group: GroupState,
  to: NodeId | null,
  reason: Reason,
  by: string,
): Decision {
  const name = group.definition.group;
  const guard = { group: name, expectedEpoch: group.epoch } as const;
  return {
    kind: 'propose',
    proposal: { key: `release:${name}`, command: { kind: 'release', ...guard, to, reason, by } },
  };
}

/** From the moment at which one of these is proposed, no lease of the group may be granted. */
export function endsLeases(
  command: Command,
): command is Extract<Command, { readonly kind: 'assign' | 'expired' }> {
  return command.kind === 'assign' || command.kind === 'expired';
}

/** Nobody said `stopped`, and nothing can be seen any more: every lease has run out. */
export function expire(group: GroupState, detail: string): Decision {
  const name = group.definition.group;
  const command = { kind: 'expired', group: name, expectedEpoch: group.epoch, detail } as const;
  return { kind: 'propose', proposal: { key: `expire:${name}`, command } };
}

/** What was to be defined as soon as the group is down. */
export function adopt(
  { definition: { group }, revision }: GroupState,
  { definition, by }: NonNullable<GroupState['pending']>,
): Decision {
  const command = { kind: 'define-group', definition, expectedRevision: revision, by } as const;
  return { kind: 'propose', proposal: { key: `define:${group}`, command } };
}

/**
 * `detect` and `elect`, both on this node's clock and together exactly the time from the last sign
 * of life to the moment at which the owner was known to be gone. What comes after that, while nobody
 * was fit, is no detection. An election counts when it was won after that sign of life.
 */
function detection(
  { self, incarnation, now, leaderSinceMs, electionMs }: PlannerInput,
  silentMs: Millis,
  lostMs: Millis,
): readonly PhaseStamp[] {
  const lastSignMs = now - silentMs;
  const knownMs = Math.max(0, lostMs - lastSignMs);
  const elected = electionMs !== null && leaderSinceMs > lastSignMs;
  const electMs = elected ? Math.min(electionMs, leaderSinceMs - lastSignMs, knownMs) : 0;
  const common = { node: self, incarnation } as const;
  const detect: PhaseStamp = {
    ...common,
    phase: 'detect',
    startedMs: lastSignMs,
    durationMs: knownMs - electMs,
  };
  if (!elected) return [detect];
  const startedMs = leaderSinceMs - electMs;
  return [detect, { ...common, phase: 'elect', startedMs, durationMs: electMs }];
}
