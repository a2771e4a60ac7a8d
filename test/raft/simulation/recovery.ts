/**
 * After the faults: a majority must go on alone, and then all must become one cluster again.
 *
 * Which majority is enough depends on the configuration, and which one is in force is not known: the
 * newest committed one, or any later one that some log may still hold. The healthy nodes are a quorum
 * of each of them.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import { membersOf } from '../../../src/raft/configuration.ts';
import type { RaftStatus } from '../../../src/raft/types.ts';
import type { Cluster } from './cluster.ts';
import type { Host } from './host.ts';
import { CALM } from './network.ts';

/** Several elections may fail for ranks, sticky votes and stragglers from the time of faults. */
const RECOVERY_MS = 3000;
const CONVERGENCE_MS = 3000;

/**
 * Only a majority is healthy now; the others stay as unlucky as they are. Answers when a fresh
 * proposal was committed.
 */
export function majorityRecovers(cluster: Cluster): number {
  const { network, random, timeline } = cluster;
  // What a frozen node was asked to do it does now, and may change who is in force.
  for (const host of cluster.hosts) host.thaw();
  const healthy = majorityOf(cluster);
  cluster.crashAfterVote = null;
  network.weather = CALM;
  network.mendAll();
  for (const host of cluster.hosts) {
    host.stalledUntil = 0;
    if (healthy.includes(host)) host.start();
    else if (random.below(2) === 0) host.crash();
    else
      for (const peer of cluster.hosts) {
        if (random.below(3) > 0) network.cut(host.id, peer.id);
        if (random.below(3) > 0) network.cut(peer.id, host.id);
      }
  }
  const before = cluster.highestCommitted;
  const goal = (): boolean =>
    cluster.violations.length > 0 || cluster.highestCommitted >= before + 5;
  const until = timeline.now + RECOVERY_MS;
  proposeUntil(cluster, healthy, until, goal);
  if (!timeline.run(until, goal)) {
    cluster.violations.push(`no majority after ${RECOVERY_MS} ms: ${describe(cluster)}`);
  }
  return timeline.now;
}

export function converges(cluster: Cluster): void {
  const { network, timeline } = cluster;
  network.mendAll();
  for (const host of cluster.hosts) host.start();
  const before = cluster.highestCommitted;
  const goal = (): boolean => {
    if (cluster.violations.length > 0) return true;
    if (cluster.highestCommitted < before + 5) return false;
    const members = membersNow(cluster);
    const leaders = new Set(members.map((host) => host.core?.status().leader ?? null));
    const applied = new Set(members.map((host) => host.applied.index));
    return leaders.size === 1 && !leaders.has(null) && applied.size === 1;
  };
  const until = timeline.now + CONVERGENCE_MS;
  proposeUntil(cluster, cluster.hosts, until - CONVERGENCE_MS / 2, goal);
  if (!timeline.run(until, goal)) {
    cluster.violations.push(`not one cluster after ${CONVERGENCE_MS} ms: ${describe(cluster)}`);
  }
}

function proposeUntil(
  cluster: Cluster,
  at: readonly Host[],
  until: number,
  goal: () => boolean,
): void {
  const again = (): void => {
    if (goal() || cluster.timeline.now > until) return;
    const leaders = at.filter((host) => host.core?.status().role === 'leader');
    for (const host of leaders.length > 0 ? leaders : cluster.hosts) cluster.propose(host);
    cluster.timeline.after(10, again);
  };
  again();
}

/** Whoever belongs to the newest leader's configuration; who was removed need not come along. */
function membersNow(cluster: Cluster): readonly Host[] {
  let newest: RaftStatus | null = null;
  for (const { core } of cluster.hosts) {
    const status = core?.status();
    if (status?.role === 'leader' && status.term > (newest?.term ?? 0)) newest = status;
  }
  const members = membersOf((newest ?? cluster).configuration);
  return cluster.hosts.filter(({ id }) => members.includes(id));
}

/** Random nodes that are a quorum of each configuration that may be in force. */
function majorityOf(cluster: Cluster): readonly Host[] {
  const chosen = new Set<NodeId>();
  for (const { voters, outgoing } of cluster.configurationsAtStake()) {
    for (const half of [voters, outgoing]) {
      const needed = half.length === 0 ? 0 : Math.floor(half.length / 2) + 1;
      const rest = half.filter((voter) => !chosen.has(voter));
      for (let have = half.length - rest.length; have < needed; have += 1) {
        const [one] = rest.splice(cluster.random.below(rest.length), 1);
        if (one !== undefined) chosen.add(one);
      }
    }
  }
  return cluster.hosts.filter((host) => chosen.has(host.id));
}

function describe(cluster: Cluster): string {
  return cluster.hosts
    .map((host) => {
      const status = host.core?.status();
      if (status === undefined) return `${host.id} down`;
      const { role, term, leader, commitIndex, lastIndex, configuration } = status;
      const { voters, outgoing } = configuration;
      const config = `{${voters}${outgoing.length > 0 ? ` from ${outgoing}` : ''}}`;
      return `${host.id} ${role} of ${term} (${leader}) ${commitIndex}/${lastIndex} ${config}`;
    })
    .join('; ');
}
