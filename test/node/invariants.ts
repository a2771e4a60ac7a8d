/**
 * What must hold at every step of a cluster in memory, whatever happens to it. The stage watches what
 * clients and disks see; this watches what the nodes have committed: an epoch is given out once and
 * epochs grow (P1), state machines that have applied the same entry are equal (Raft §5.3), and a term
 * has one leader (Raft §5.2).
 */
import type { ClusterState, HistoryEntry } from '../../src/cluster/state.ts';
import type { DriverNews } from '../../src/node/driver-news.ts';
import type { MemoryCluster } from './memory-cluster.ts';

export class Invariants {
  readonly #cluster: MemoryCluster;
  readonly #violations: string[] = [];
  readonly #states = new Map<number, string>();
  readonly #owners = new Map<number, string>();
  readonly #leaders = new Map<number, string>();

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
    if (news.kind === 'leadership') this.leads(news.leader, news.term);
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

  state(node: string, index: number, state: ClusterState): void {
    const { lastEpoch, groups, members, invitations, usedNames } = state;
    const print = JSON.stringify({ lastEpoch, groups, members, invitations, usedNames });
    const known = this.#states.get(index);
    if (known === undefined) this.#states.set(index, print);
    else if (known !== print) this.#violations.push(`${node} differs at entry ${index}`);
  }

  /** Election Safety (Raft §5.2), in every configuration that there ever was. */
  leads(leader: string | null, term: number): void {
    if (leader === null) return;
    const known = this.#leaders.get(term) ?? leader;
    this.#leaders.set(term, known);
    if (known !== leader) this.#violations.push(`term ${term}: ${known} and ${leader} lead`);
  }

  assigned({ epoch, group, node }: HistoryEntry, lastEpoch: number): void {
    const owner = `${group} on ${node}`;
    const known = this.#owners.get(epoch) ?? owner;
    this.#owners.set(epoch, known);
    if (known !== owner) this.#violations.push(`epoch ${epoch}: ${known} and ${owner}`);
    if (epoch <= lastEpoch) this.#violations.push(`epoch ${epoch} after ${lastEpoch}`);
  }
}
