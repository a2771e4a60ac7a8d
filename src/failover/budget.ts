/**
 * Holds a failover against what its group allows it: each phase that has a budget, and the whole. What
 * was not measured exceeds nothing.
 */
import type { GroupPolicy } from '../cluster/policy.ts';
import type { Millis } from '../lib/ids.ts';
import { PHASES, type Phase } from '../lib/phases.ts';
import type { Timeline } from './timeline.ts';

export type Overrun = {
  readonly phase: Phase | 'total';
  readonly tookMs: Millis;
  readonly budgetMs: Millis;
};

/** In the order of the phases, the whole last; empty: everything was quick enough. */
export function overruns(
  { phasesMs, totalMs }: Pick<Timeline, 'phasesMs' | 'totalMs'>,
  budgetsMs: GroupPolicy['budgetsMs'],
): readonly Overrun[] {
  return [...PHASES, 'total' as const].flatMap((phase): readonly Overrun[] => {
    const budgetMs = budgetsMs[phase];
    const tookMs = phase === 'total' ? totalMs : phasesMs[phase];
    if (budgetMs === undefined || tookMs === undefined || tookMs <= budgetMs) return [];
    return [{ phase, tookMs, budgetMs }];
  });
}
