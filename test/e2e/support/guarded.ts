/**
 * "No lease counts that no guardian has acknowledged": while a node has no guardian, the moment until
 * which it serves must stand still. Seen from outside: what `status` says of the lease, and whether a
 * guardian process was there before and after it was asked.
 */
import type { EmbeddedCluster } from '../../demo/embedded-cluster.ts';
import { guardianOf } from './parts.ts';

export type Sample = {
  readonly atMs: number;
  /** There was no guardian before the question and none after the answer. */
  readonly unguarded: boolean;
  /** As `status` says; null: nothing is served here. */
  readonly leaseRemainingMs: number | null;
};

/** The last acknowledgement may still be on its way when the guardian dies; asking takes time, too. */
const SLACK_MS = 500;

export async function sample(cluster: EmbeddedCluster, node: string): Promise<Sample> {
  const before = guardianOf(cluster, node);
  const group = await cluster.group(node);
  const after = guardianOf(cluster, node);
  return {
    atMs: performance.now(),
    unguarded: before === null && after === null,
    leaseRemainingMs: group?.local.leaseRemainingMs ?? null,
  };
}

/** How far a lease was extended while nobody guarded it, beyond what can be explained. */
export function extendedUnguarded(samples: readonly Sample[]): number {
  const ends = samples.flatMap(({ atMs, unguarded, leaseRemainingMs }) =>
    unguarded && leaseRemainingMs !== null ? [atMs + leaseRemainingMs] : [],
  );
  const [first] = ends;
  return first === undefined ? 0 : Math.max(0, Math.max(...ends) - first - SLACK_MS);
}
