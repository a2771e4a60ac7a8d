/**
 * What must hold at every step of a cluster in memory, whatever happens to it. The stage watches what
 * clients and disks see; this watches what the nodes have committed: an epoch is given out once and
 * epochs grow (P1), and state machines that have applied the same entry are equal (Raft §5.3).
 */
import type { ClusterState, HistoryEntry } from '../../src/cluster/state.ts';
import type { DriverNews } from '../../src/node/driver-news.ts';
import type { MemoryCluster } from './memory-cluster.ts';

export class Invariants {
  readonly #cluster: MemoryCluster;
  readonly #violations: string[] = [];
  readonly #states = new Map<number, string>();
  readonly #owners = new Map<number, string>();

  constructor(cluster: MemoryCluster) {
    this.#cluster = cluster;
    cluster.watched = (node, news) => this.#heard(node, news);
  }

  /** Everything that was ever broken; empty when all is well. */
  broken(): readonly string[] {
    const { stage, crashes } = this.#cluster;
    stage.tick();
    return [...crashes, ...stage.violations, ...this.#violations];
  }

  #heard(node: string, news: DriverNews): void {
    if (news.kind !== 'applied') return;
    const index = this.#cluster.host(node).driver.replica.appliedIndex;
    this.state(node, index, news.after);
    const seen = news.before.history.at(-1)?.index ?? 0;
    for (const entry of news.after.history.slice(-4)) {
      if (entry.index > seen && entry.event === 'assigned') {
        this.assigned(entry, news.before.lastEpoch);
      }
    }
  }

  state(node: string, index: number, { lastEpoch, groups, members }: ClusterState): void {
    const print = JSON.stringify({ lastEpoch, groups, members });
    const known = this.#states.get(index);
    if (known === undefined) this.#states.set(index, print);
    else if (known !== print) this.#violations.push(`${node} differs at entry ${index}`);
  }

  assigned({ epoch, group, node }: HistoryEntry, lastEpoch: number): void {
    const owner = `${group} on ${node}`;
    const known = this.#owners.get(epoch) ?? owner;
    this.#owners.set(epoch, known);
    if (known !== owner) this.#violations.push(`epoch ${epoch}: ${known} and ${owner}`);
    if (epoch <= lastEpoch) this.#violations.push(`epoch ${epoch} after ${lastEpoch}`);
  }
}
