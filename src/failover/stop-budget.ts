/**
 * How long an owner may take to bring a group down, by the deadlines of its resources: in order first,
 * then by force, rank by rank, each kill so often. An owner that needs longer does not answer for
 * itself any more (`group-run.ts` would have reset the machine).
 */
import type { GroupDefinition } from '../cluster/definition.ts';
import type { Millis } from '../lib/ids.ts';
import { MAX_KILLS } from './run-slots.ts';

const SHORTEST_KILL_MS = 2_000;
/** What is visible, mounts, disks: one after the other. */
const KILL_RANKS = 3;

export function killTimeoutMs(teardownMs: Millis): Millis {
  return Math.max(teardownMs, SHORTEST_KILL_MS);
}

export function stopBudgetMs({ resources }: GroupDefinition, teardownMs: Millis): Millis {
  const inOrder = resources.reduce((sum, { stopTimeoutMs }) => sum + stopTimeoutMs, 0);
  return inOrder + KILL_RANKS * MAX_KILLS * killTimeoutMs(teardownMs);
}
