/** What a rule of the planner answers for one group: a command, nothing, or a reason to wait. */
import type { Evidence, Reason } from '../cluster/command.ts';
import type { GroupState } from '../cluster/state.ts';
import type { Millis, NodeId } from '../lib/ids.ts';
import type { PhaseStamp } from '../lib/phases.ts';
import type { ProblemCode } from '../lib/problems.ts';
import type { Proposal } from './bootstrap.ts';
import type { PlannerInput } from './planner-input.ts';

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
  const stamps = silentMs === null ? [] : detection(input, silentMs);
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

/**
 * `detect` and `elect`, both on this node's clock and together exactly the time from the last sign
 * of life to this decision. An election counts when it was won after that sign of life.
 */
function detection(
  { self, incarnation, now, leaderSinceMs, electionMs }: PlannerInput,
  silentMs: Millis,
): readonly PhaseStamp[] {
  const lastSignMs = now - silentMs;
  const elected = electionMs !== null && leaderSinceMs > lastSignMs;
  const electMs = elected ? Math.min(electionMs, leaderSinceMs - lastSignMs) : 0;
  const common = { node: self, incarnation } as const;
  const detect: PhaseStamp = {
    ...common,
    phase: 'detect',
    startedMs: lastSignMs,
    durationMs: silentMs - electMs,
  };
  if (!elected) return [detect];
  const startedMs = leaderSinceMs - electMs;
  return [detect, { ...common, phase: 'elect', startedMs, durationMs: electMs }];
}
