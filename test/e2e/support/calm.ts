/**
 * "Nothing came of it": after something was done to a running cluster, the same owner serves in the
 * same epoch and the same term, every daemon is the process that it was, and clients get answers.
 */
import { expect } from 'vitest';
import type { ClusterStatus } from '../../../src/operator/api.ts';
import { type EmbeddedCluster, PATIENCE_MS } from '../../demo/embedded-cluster.ts';
import { GROUP, NODES } from '../../demo/embedded-config.ts';
import type { Load } from '../../lab/clients.ts';
import { until } from '../../lab/kernel/index.ts';

/** Answers that clients must still get afterwards. */
const ANSWERS = 10;

export type Calm = {
  readonly owner: string;
  readonly epoch: number;
  readonly term: number;
  readonly daemons: Readonly<Record<string, { readonly pid: number; readonly life: number }>>;
};

/** Waits until the cluster is whole and serves, and answers what must not change. */
export async function calmOf(cluster: EmbeddedCluster): Promise<Calm> {
  return await until(
    async () => {
      // Waiting for a daemon that is gone would only hide what ended it.
      expect(cluster.running.toSorted(), cluster.logs()).toEqual(NODES);
      const all = await Promise.all(NODES.map((node) => cluster.status(node)));
      return agreed(cluster, all);
    },
    { what: 'all nodes agree on leader and owner', limitMs: PATIENCE_MS, intervalMs: 50 },
    () => cluster.logs(),
  );
}

/** Shows that nothing changed since `before`, and that clients are served on. */
export async function expectCalm(
  cluster: EmbeddedCluster,
  load: Load,
  before: Calm,
): Promise<void> {
  expect(cluster.running.toSorted(), cluster.logs()).toEqual(NODES);
  await load.waitForAcknowledged(ANSWERS, PATIENCE_MS);
  expect(await calmOf(cluster)).toEqual(before);
}

function agreed(
  cluster: EmbeddedCluster,
  all: readonly (ClusterStatus | undefined)[],
): Calm | undefined {
  const [first] = all;
  const group = first?.groups.find((one) => one.group === GROUP);
  if (first === undefined || group?.owner == null || group.phase !== 'serving') return undefined;
  const { owner, epoch } = group;
  const daemons: Record<string, { readonly pid: number; readonly life: number }> = {};
  for (const status of all) {
    if (status === undefined || !status.quorate || status.term !== first.term) return undefined;
    const seen = status.groups.find((one) => one.group === GROUP);
    const whole = status.members.every(
      ({ state, links }) => state === 'alive' && links.every((link) => link.state === 'alive'),
    );
    if (!whole || seen?.owner !== owner || seen.epoch !== epoch) return undefined;
    daemons[status.node] = { pid: cluster.pidOf(status.node), life: status.incarnation };
  }
  return { owner, epoch, term: first.term, daemons };
}
