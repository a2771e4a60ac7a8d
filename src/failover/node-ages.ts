/**
 * When each loss of a node that is committed was first seen by this leader: the state machine knows no
 * clock, and a loss is forgotten after a while. A new leader counts from its beginning.
 */
import type { ClusterState } from '../cluster/state.ts';
import type { Epoch, Millis, NodeId } from '../lib/ids.ts';

/** By node, in the order of its `losses`. */
export type NodeAgesAt = Readonly<Record<NodeId, readonly Millis[]>>;

export class NodeAges {
  #known: ReadonlyMap<NodeId, ReadonlyMap<Epoch, Millis>> = new Map();

  observe(state: ClusterState, now: Millis): NodeAgesAt {
    const observed = Object.entries(state.members).map(([node, { losses = [] }]) => {
      const before = this.#known.get(node);
      const since = losses.map((epoch) => [epoch, before?.get(epoch) ?? now] as const);
      return [node, new Map(since)] as const;
    });
    this.#known = new Map(observed);
    return Object.fromEntries(observed.map(([node, since]) => [node, [...since.values()]]));
  }
}
