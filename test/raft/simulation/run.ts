/**
 * One seed: a time of faults in which nothing may ever be wrong, then a time in which only a majority
 * is healthy and commits must go on, then a healed cluster that must become one again.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import { membersOf } from '../../../src/raft/configuration.ts';
import type { Configuration, RaftStatus } from '../../../src/raft/types.ts';
import { Cluster } from './cluster.ts';
import type { Host, Sabotage } from './host.ts';
import { CALM } from './network.ts';

export type Outcome = {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly trace: number;
  readonly steps: number;
  readonly elections: number;
  readonly confirmedReads: number;
  readonly committed: number;
  /** Virtual time from the end of the faults to the first commit of a majority. */
  readonly recoveryMs: number;
};

const FAULTS_MS = 4000;
/** Several elections may fail for ranks, sticky votes and stragglers from the time of faults. */
const RECOVERY_MS = 3000;
const CONVERGENCE_MS = 3000;
/** Many times what a seed takes; messages that multiply pass it soon. */
const MAX_STEPS = 30_000;

export function runSeed(seed: number, sabotage: Sabotage = 'none'): Outcome {
  const { nodes, configuration } = shapeOf(seed);
  const cluster = new Cluster(seed, configuration, nodes, sabotage);
  for (const host of cluster.hosts) host.start();
  clients(cluster);
  faults(cluster);
  const failed = (): boolean => cluster.violations.length > 0;
  cluster.timeline.run(FAULTS_MS, failed);
  const began = cluster.timeline.now;
  let recoveryMs = 0;
  if (!failed()) {
    recoveryMs = majorityRecovers(cluster) - began;
    if (!failed()) converges(cluster);
    if (cluster.steps > MAX_STEPS) cluster.violations.push(`${cluster.steps} steps: a storm`);
  }
  return {
    seed,
    violations: cluster.violations,
    trace: cluster.trace,
    steps: cluster.steps,
    elections: cluster.elections,
    confirmedReads: cluster.confirmedReads,
    committed: cluster.highestCommitted,
    recoveryMs,
  };
}

/** Three nodes, five, one with a learner, or a joint configuration. */
function shapeOf(seed: number): {
  readonly nodes: readonly NodeId[];
  readonly configuration: Configuration;
} {
  const simple = (voters: readonly NodeId[], learners: readonly NodeId[] = []) => ({
    nodes: [...voters, ...learners],
    configuration: { voters, outgoing: [], learners },
  });
  switch (seed % 8) {
    case 0:
    case 1:
    case 2:
      return simple(['a', 'b', 'c', 'd', 'e']);
    case 3:
      return simple(['a', 'b', 'c'], ['d']);
    case 4:
      return {
        nodes: ['a', 'b', 'c', 'd', 'e'],
        configuration: { voters: ['a', 'b', 'c'], outgoing: ['c', 'd', 'e'], learners: [] },
      };
    default:
      return simple(['a', 'b', 'c']);
  }
}

function every(cluster: Cluster, meanMs: number, run: () => void): void {
  const again = (): void => {
    if (cluster.timeline.now > FAULTS_MS) return;
    run();
    cluster.timeline.after(cluster.random.below(2 * meanMs) + 0.1, again);
  };
  cluster.timeline.after(cluster.random.below(2 * meanMs), again);
}

function clients(cluster: Cluster): void {
  every(cluster, 12, () => cluster.propose(cluster.pick(cluster.hosts)));
  every(cluster, 20, () => cluster.read(cluster.pick(cluster.hosts)));
}

function faults(cluster: Cluster): void {
  const { network, random, timeline } = cluster;
  // Not every seed has every fault, so that each also meets the quiet of the others.
  const has = {
    crash: random.below(2),
    freeze: random.below(2),
    cut: random.below(2),
    stall: random.below(2),
  };
  network.weather = {
    lossPercent: random.below(3) * 4,
    duplicatePercent: random.below(3) * 5,
    minDelayMs: 0.2,
    maxDelayMs: 1 + random.below(30),
    stragglerPercent: random.below(3),
  };
  const someone = (): Host => cluster.pick(cluster.hosts);
  if (has.crash) {
    cluster.crashAfterVote = 4;
    every(cluster, 400, () => {
      const host = someone();
      host.crash();
      timeline.after(random.below(700), () => host.start());
    });
    // Once in a while all of them lose power together.
    every(cluster, 4000, () => {
      for (const host of cluster.hosts) host.crash();
      for (const host of cluster.hosts) timeline.after(random.below(300), () => host.start());
    });
  }
  if (has.freeze) {
    every(cluster, 400, () => {
      const host = someone();
      host.freeze();
      timeline.after(random.below(900), () => host.thaw());
    });
  }
  if (has.cut) every(cluster, 250, () => cutSomething(cluster));
  if (has.stall) {
    every(cluster, 500, () => {
      someone().stalledUntil = timeline.now + random.below(800);
    });
  }
  every(cluster, 700, () => {
    const to = someone().id;
    someone().step({ kind: 'transfer', to, timeoutMs: 300 });
  });
  // A detector that is wrong must do no harm.
  every(cluster, 600, () => someone().step({ kind: 'forget-leader' }));
}

function cutSomething(cluster: Cluster): void {
  const { network, random, timeline } = cluster;
  const one = cluster.pick(cluster.hosts).id;
  const other = cluster.pick(cluster.hosts).id;
  const everyone = cluster.hosts.map((host) => host.id);
  const kind = random.below(5);
  const pairs: (readonly [NodeId, NodeId])[] =
    kind === 0
      ? [[one, other]]
      : kind === 1
        ? [
            [one, other],
            [other, one],
          ]
        : kind === 2
          ? everyone.map((peer) => [one, peer])
          : kind === 3
            ? everyone.map((peer) => [peer, one])
            : everyone.flatMap((peer) => [
                [one, peer],
                [peer, one],
              ]);
  for (const [from, to] of pairs) network.cut(from, to);
  timeline.after(random.below(1200), () => {
    for (const [from, to] of pairs) network.mend(from, to);
  });
}

/**
 * Only a majority is healthy now; the others stay as unlucky as they are. Answers when a fresh
 * proposal was committed.
 */
function majorityRecovers(cluster: Cluster): number {
  const { network, random, timeline } = cluster;
  const healthy = majorityOf(cluster);
  cluster.crashAfterVote = null;
  network.weather = CALM;
  network.mendAll();
  for (const host of cluster.hosts) {
    host.thaw();
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

function converges(cluster: Cluster): void {
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

/** Random nodes that are a quorum of the configuration, whatever its shape. */
function majorityOf(cluster: Cluster): readonly Host[] {
  const { voters, outgoing } = cluster.configuration;
  const chosen = new Set<NodeId>();
  for (const half of [voters, outgoing]) {
    const needed = half.length === 0 ? 0 : Math.floor(half.length / 2) + 1;
    const rest = half.filter((voter) => !chosen.has(voter));
    let have = half.length - rest.length;
    while (have < needed) {
      const [one] = rest.splice(cluster.random.below(rest.length), 1);
      if (one !== undefined) chosen.add(one);
      have += 1;
    }
  }
  return cluster.hosts.filter((host) => chosen.has(host.id));
}

function describe(cluster: Cluster): string {
  return cluster.hosts
    .map((host) => {
      const status = host.core?.status();
      if (status === undefined) return `${host.id} down`;
      const { role, term, leader, commitIndex, lastIndex } = status;
      return `${host.id} ${role} of ${term} (${leader}) ${commitIndex}/${lastIndex}`;
    })
    .join('; ');
}
