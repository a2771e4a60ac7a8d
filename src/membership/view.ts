/**
 * What one node believes about the others at one moment: a value, made by the failure detector and
 * read by the planner, the operator interface and the next heartbeat. It decides nothing.
 */
import type { Interconnect, Millis, NodeId } from '../lib/ids.ts';
import type { Fitness, Heartbeat, LinkState, LocalGroup } from './heartbeat.ts';

export type LinkView = {
  readonly state: LinkState;
  /** Since the last heartbeat over this interconnect; null: never heard. */
  readonly silentMs: Millis | null;
  /** The node says that it hears us here: with `alive`, packets pass in both directions. */
  readonly hearsUs: boolean;
};

export type NodeView = {
  readonly node: NodeId;
  /** Alive when any interconnect is; dead only when every one is. */
  readonly state: LinkState;
  /** Every connection is closed and the host refuses new ones: no daemon runs there. */
  readonly proofOfDeath: boolean;
  /** Of the daemon that was heard last; a new one proves only the death of the old daemon. */
  readonly incarnation: number | null;
  readonly links: Readonly<Record<Interconnect, LinkView>>;
  /** Since the last sign of life on any interconnect; null: never heard. */
  readonly silentMs: Millis | null;
  /** A node that we hear says that it hears this one. */
  readonly heardByOthers: boolean;
  /** As last reported; `ageMs` has grown by the time since. */
  readonly fitness: readonly Fitness[];
  readonly groups: readonly LocalGroup[];
  readonly lateMs: Millis;
  /** The highest feature level that it knows; undefined: it has not said one. */
  readonly level?: number | undefined;
};

export type View = {
  readonly self: NodeId;
  readonly nodes: Readonly<Record<NodeId, NodeView>>;
  /** Goes into our heartbeats: whom we hear on which interconnect. */
  readonly hears: Heartbeat['hears'];
};

/** The node as it is seen, or null when it is no peer (and not ourselves: see `withSelf`). */
export function nodeView(view: View, node: NodeId): NodeView | null {
  return Object.hasOwn(view.nodes, node) ? (view.nodes[node] ?? null) : null;
}

/**
 * The view with this node in it, as its own heartbeat describes it: whoever chooses among all nodes
 * must not forget itself. A node hears itself.
 */
export function withSelf(view: View, heartbeat: Heartbeat): View {
  const self: NodeView = {
    node: view.self,
    state: 'alive',
    proofOfDeath: false,
    incarnation: heartbeat.incarnation,
    links: {},
    silentMs: 0,
    heardByOthers: false,
    fitness: heartbeat.fitness,
    groups: heartbeat.groups,
    lateMs: heartbeat.lateMs,
    level: heartbeat.level,
  };
  return { ...view, nodes: { ...view.nodes, [view.self]: self } };
}

/** Whether packets from us reach the node on some interconnect, as far as it has told us. */
export function isHeardBy(view: View, node: NodeView): boolean {
  return (
    node.node === view.self ||
    Object.values(node.links).some((link) => link.state === 'alive' && link.hearsUs)
  );
}
