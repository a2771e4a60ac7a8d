/**
 * P1, on what the nodes have committed: an epoch is given out once, epochs grow, and state machines
 * that have applied the same entry are equal (Raft §5.3).
 */
import type { ClusterState, GroupState, HistoryEntry } from '../../../src/cluster/state.ts';
import type { Report } from './report.ts';

export class OwnershipChecker {
  readonly #report: Report;
  readonly #owners = new Map<number, string>();
  /** By index, a print of the state; old ones are forgotten. */
  readonly #states = new Map<number, string>();
  readonly #prints = new WeakMap<GroupState, string>();
  assignments = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  applied(node: string, index: number, before: ClusterState, after: ClusterState): void {
    this.state(node, index, after);
    const seen = before.history.at(-1)?.index ?? 0;
    for (let at = after.history.length - 1; at >= 0; at -= 1) {
      const entry = after.history[at];
      if (entry === undefined || entry.index <= seen) break;
      if (entry.event === 'assigned') this.assigned(node, entry, before.lastEpoch);
    }
  }

  state(node: string, index: number, { lastEpoch, groups, members }: ClusterState): void {
    const owners = Object.values(groups).map((group) => this.#printOf(group));
    const print = `${lastEpoch} ${owners.join(' ')} ${Object.keys(members).join(' ')}`;
    const known = this.#states.get(index);
    if (known === undefined) this.#states.set(index, print);
    else if (known !== print) this.#report('one state', node, `differs after entry ${index}`);
  }

  /** `apply` makes a new group exactly when something changed. */
  #printOf(group: GroupState): string {
    const known = this.#prints.get(group);
    if (known !== undefined) return known;
    const { epoch, owner, phase, leaseRemainderMs, mode } = group;
    const print = `${epoch}:${owner}:${phase}:${leaseRemainderMs}:${mode}`;
    this.#prints.set(group, print);
    return print;
  }

  assigned(node: string, { epoch, group, node: to }: HistoryEntry, lastEpoch: number): void {
    const owner = `${group} on ${to}`;
    const known = this.#owners.get(epoch);
    if (known === undefined) {
      this.#owners.set(epoch, owner);
      this.assignments += 1;
    } else if (known !== owner) {
      this.#report('one owner per epoch', node, `epoch ${epoch}: ${known} and ${owner}`);
    }
    if (epoch <= lastEpoch) {
      this.#report('epochs grow', node, `epoch ${epoch} after ${lastEpoch}`);
    }
  }
}
