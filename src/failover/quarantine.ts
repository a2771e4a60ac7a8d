/**
 * A node that was lost again and again while it owned something comes after all others, until its
 * losses are old or an operator says that it is mended. It is not shut out: where nobody else is fit,
 * a node that may die again is better than none.
 */
import { memberOf } from '../cluster/queries.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { Millis, NodeId } from '../lib/ids.ts';

export const QUARANTINE: { readonly losses: number; readonly windowMs: Millis } = {
  losses: 3,
  windowMs: 600_000,
};

export function isQuarantined(state: ClusterState, node: NodeId): boolean {
  return (memberOf(state, node)?.losses?.length ?? 0) >= QUARANTINE.losses;
}
