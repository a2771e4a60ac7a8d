/**
 * Carries a plan of power fencing out: one agent at a time, its pauses, and an end at the deadline.
 * All decisions are in `plan.ts`.
 */
import type { Clock } from '../../lib/clock.ts';
import { askAgent } from './fence-agent.ts';
import { beginPowerFence, type PowerGoal, stepPowerFence } from './plan.ts';

export type PowerOutcome = {
  /** Known to be off; as far as its device says, where that is not verified. */
  readonly down: boolean;
  readonly level: number | null;
  /** What went wrong on the way, in words. */
  readonly reasons: readonly string[];
};

export async function powerFence(
  goal: PowerGoal,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<PowerOutcome> {
  let { state, command } = beginPowerFence(goal);
  while (command !== null) {
    const { device, action, afterMs } = command;
    if (afterMs > 0) await clock.after(afterMs, signal).catch(() => {}); // asked below
    if (signal.aborted) return over(state, 'the deadline has passed');
    const input = await askAgent(device, action, signal);
    ({ state, command } = stepPowerFence(state, input));
  }
  if (state.kind === 'down') return { down: true, level: state.level, reasons: state.reasons };
  return over(state, null);
}

/** A node that is known to be down stays so, although it was not brought up again in time. */
function over(
  state: ReturnType<typeof beginPowerFence>['state'],
  last: string | null,
): PowerOutcome {
  const down = state.kind === 'restoring';
  const before = 'facts' in state ? state.facts.reasons : state.reasons;
  const level = state.kind === 'restoring' ? (state.left[0]?.level ?? null) : null;
  return { down, level, reasons: last === null ? before : [...before, last] };
}
