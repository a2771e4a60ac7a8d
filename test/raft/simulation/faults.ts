/** What goes wrong while a seed is in its time of faults, and who works with the cluster meanwhile. */
import type { NodeId } from '../../../src/lib/ids.ts';
import type { Cluster } from './cluster.ts';
import type { Host } from './host.ts';
import { operator } from './operator.ts';

export const FAULTS_MS = 4000;

/** Again and again, at random times, as long as there are faults. */
export function every(cluster: Cluster, meanMs: number, run: () => void): void {
  const again = (): void => {
    if (cluster.timeline.now > FAULTS_MS) return;
    run();
    cluster.timeline.after(cluster.random.below(2 * meanMs) + 0.1, again);
  };
  cluster.timeline.after(cluster.random.below(2 * meanMs), again);
}

export function clients(cluster: Cluster): void {
  every(cluster, 12, () => cluster.propose(cluster.pick(cluster.hosts)));
  every(cluster, 20, () => cluster.read(cluster.pick(cluster.hosts)));
}

export function faults(cluster: Cluster, { changing }: { readonly changing: boolean }): void {
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
  if (changing) every(cluster, 150, () => operator(cluster));
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
