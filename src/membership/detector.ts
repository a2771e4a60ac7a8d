/**
 * The failure detector: who is alive, over which interconnect, as seen from here.
 *
 * The intuition: accuse late, believe proof at once, and doubt yourself first. Silence on one
 * interconnect is an event for the operator; only silence on all of them makes a node suspect, and
 * one more heartbeat interval makes it dead. A closed connection whose redial is refused by a living
 * host needs no patience. A node whose own loop ran late has not listened, so for that time it
 * accuses nobody (Lifeguard's local health), and a node whose peers' clocks ran ahead was paused
 * and must not trust a lease.
 *
 * It does not decide what follows from a death; a wrong suspicion costs service, never data. Time is
 * an argument. References: DESIGN §6; SWIM (Das et al., 2002) for the states, Lifeguard (Dadgar et
 * al., 2017) for local health, BFD (RFC 5880) for the three-way handshake.
 */
import type { Evidence } from '../cluster/command.ts';
import { known } from '../lib/assert.ts';
import type { Interconnect, Millis, NodeId } from '../lib/ids.ts';
import type { Heartbeat, LinkState } from './heartbeat.ts';
import type { LinkWatch } from './link-watch.ts';
import { PeerWatch } from './peer-watch.ts';
import type { NodeView, View } from './view.ts';

/** H and D of DESIGN §7. */
export type DetectorOptions = {
  readonly self: NodeId;
  readonly interconnects: readonly Interconnect[];
  readonly heartbeatMs: Millis;
  readonly detectionMs: Millis;
};

export type DetectorEvent =
  /** The members, whatever order; those that left are forgotten. This node may be among them. */
  | { readonly kind: 'peers'; readonly peers: readonly NodeId[] }
  | { readonly kind: 'heartbeat'; readonly over: Interconnect; readonly heartbeat: Heartbeat }
  | {
      readonly kind: 'link';
      readonly node: NodeId;
      readonly over: Interconnect;
      readonly state: 'open' | 'closed' | 'refused';
    }
  | {
      readonly kind: 'probe';
      readonly node: NodeId;
      readonly over: Interconnect;
      readonly result: 'connected' | 'refused' | 'silent';
    }
  /** Our own loop did not run for so long. */
  | { readonly kind: 'woke-late'; readonly byMs: Millis }
  | { readonly kind: 'deadline' };

export type DetectorEffect =
  | {
      readonly kind: 'link-changed';
      readonly node: NodeId;
      readonly over: Interconnect;
      readonly state: LinkState;
    }
  /** State, proof or incarnation of a node changed. `proof`: its daemon is known to be gone. */
  | {
      readonly kind: 'node-changed';
      readonly node: NodeId;
      readonly state: LinkState;
      readonly proof: boolean;
      readonly evidence: Evidence;
    }
  /** Abort the connection and dial again; once for each silence. */
  | { readonly kind: 'reset-link'; readonly node: NodeId; readonly over: Interconnect }
  | { readonly kind: 'probe'; readonly node: NodeId; readonly over: Interconnect }
  /**
   * We were paused: a peer's clock ran ahead by `byMs`, or (0) all connections were closed on us at
   * once. Leases are void.
   */
  | { readonly kind: 'paused'; readonly byMs: Millis };

type Told = { state: LinkState; proof: boolean; readonly links: Map<Interconnect, LinkState> };

/** A peer's clock that ran ahead by more heartbeat intervals than this shows a pause (DESIGN §7). */
const PAUSE_INTERVALS = 3;
/** After a gap: time for every living peer to be heard once, wherever in its interval it is. */
const HOLD_INTERVALS = 2;

export class FailureDetector {
  readonly #options: DetectorOptions;
  readonly #peers = new Map<NodeId, PeerWatch>();
  /** What the driver knows of each peer. */
  readonly #told = new WeakMap<PeerWatch, Told>();
  /** Nobody is accused before this time: we have to catch up first. */
  #holdUntilMs: Millis = Number.NEGATIVE_INFINITY;
  #nextDeadlineMs: Millis = Number.POSITIVE_INFINITY;
  #effects: DetectorEffect[] = [];

  constructor(options: DetectorOptions, now: Millis) {
    this.#options = options;
    this.#holdUntilMs = now;
  }

  /** `nextDeadlineMs`: call with `deadline` then; Infinity when only events can change anything. */
  step(
    event: DetectorEvent,
    now: Millis,
  ): { readonly effects: readonly DetectorEffect[]; readonly nextDeadlineMs: Millis } {
    this.#effects = [];
    this.#noticeOwnLateness(event, now);
    this.#take(event, now);
    this.#accuse(now);
    this.#tell(now);
    this.#nextDeadlineMs = this.#earliest(now);
    return { effects: this.#effects, nextDeadlineMs: this.#nextDeadlineMs };
  }

  view(now: Millis): View {
    const { self } = this.#options;
    const nodes: Record<NodeId, NodeView> = {};
    for (const [node, peer] of this.#peers) {
      nodes[node] = peer.view(self, this.#heardByOthers(peer), now);
    }
    return { self, nodes, hears: this.hears() };
  }

  /** The part of the view that a heartbeat carries. */
  hears(): View['hears'] {
    const heard: { node: NodeId; interconnect: Interconnect }[] = [];
    for (const peer of this.#peers.values()) {
      for (const [over, link] of peer.links) {
        if (link.state === 'alive') heard.push({ node: peer.node, interconnect: over });
      }
    }
    return heard;
  }

  #take(event: DetectorEvent, now: Millis): void {
    switch (event.kind) {
      case 'peers':
        this.#admit(event.peers, now);
        break;
      case 'heartbeat':
        this.#heartbeat(event.over, event.heartbeat, now);
        break;
      case 'link': {
        const link = this.#link(event.node, event.over);
        if (event.state === 'open') link?.opened();
        else if (event.state === 'closed') link?.closed(now);
        else link?.refused(now, true);
        if (event.state !== 'open') this.#noticeLostConnections(now);
        break;
      }
      case 'probe': {
        const link = this.#link(event.node, event.over);
        if (event.result === 'refused') link?.refused(now, false);
        if (event.result === 'connected') link?.accepted();
        break;
      }
      case 'woke-late':
        this.#wokeLate(event.byMs, now);
        break;
      case 'deadline':
        break;
    }
  }

  #admit(nodes: readonly NodeId[], now: Millis): void {
    const { self, interconnects } = this.#options;
    const wanted = new Set(nodes.filter((node) => node !== self));
    for (const node of this.#peers.keys()) if (!wanted.has(node)) this.#peers.delete(node);
    for (const node of wanted) {
      if (this.#peers.has(node)) continue;
      const peer = new PeerWatch(node, interconnects, this.#options, now);
      const links = new Map(Array.from(peer.links, ([over, { state }]) => [over, state]));
      this.#peers.set(node, peer);
      this.#told.set(peer, { state: peer.state, proof: peer.proofOfDeath, links });
    }
  }

  #heartbeat(over: Interconnect, heartbeat: Heartbeat, now: Millis): void {
    const peer = this.#peers.get(heartbeat.from);
    if (peer === undefined || !peer.links.has(over)) return;
    const what = peer.heard(over, heartbeat, now);
    if (what === 'stale') return;
    if (what === 'new-life') this.#nodeChanged(peer, 'a new daemon speaks there', now);
    const aheadMs = peer.clock.observe(heartbeat.sentMs, now);
    if (aheadMs <= PAUSE_INTERVALS * this.#options.heartbeatMs) return;
    // Our clock stood still, so it lost that time against every peer.
    for (const other of this.#peers.values()) if (other !== peer) other.clock.shift(aheadMs);
    this.#paused(aheadMs, now);
  }

  /** Peers that have given us up close their connections: all at once means that *we* were away. */
  #noticeLostConnections(now: Millis): void {
    const links = [...this.#peers.values()].flatMap((peer) => [...peer.links.values()]);
    const lately = ({ closedMs }: LinkWatch): boolean =>
      closedMs !== null && now - closedMs <= this.#options.heartbeatMs;
    // Some may be open anew before others are closed: what says nothing yet does not count.
    if (links.some((link) => link.connected && !lately(link))) return;
    const justNow = links.filter(lately);
    if (justNow.length >= 2 && justNow.some((link) => link.closedMs === now)) this.#paused(0, now);
  }

  #paused(byMs: Millis, now: Millis): void {
    this.#effects.push({ kind: 'paused', byMs });
    this.#hold(now);
  }

  /** The driver may not know that it was late, but a deadline that comes late does. */
  #noticeOwnLateness(event: DetectorEvent, now: Millis): void {
    const byMs = now - this.#nextDeadlineMs;
    if (event.kind !== 'woke-late' && byMs > this.#options.heartbeatMs) this.#wokeLate(byMs, now);
  }

  #wokeLate(byMs: Millis, now: Millis): void {
    for (const peer of this.#peers.values()) {
      for (const link of peer.links.values()) link.late(byMs);
    }
    if (byMs >= this.#options.heartbeatMs) this.#hold(now);
  }

  #hold(now: Millis): void {
    const untilMs = now + HOLD_INTERVALS * this.#options.heartbeatMs;
    this.#holdUntilMs = Math.max(this.#holdUntilMs, untilMs);
  }

  #accuse(now: Millis): void {
    for (const { node, links } of this.#peers.values()) {
      for (const [over, link] of links) {
        if (now >= this.#holdUntilMs) link.tick(now);
        if (link.takeReset()) this.#effects.push({ kind: 'reset-link', node, over });
        if (link.takeProbe(now)) this.#effects.push({ kind: 'probe', node, over });
      }
    }
  }

  /** Says what is different from what was told last: nothing but a step changes anything. */
  #tell(now: Millis): void {
    for (const peer of this.#peers.values()) {
      const told = known(this.#told.get(peer), peer.node);
      for (const [over, { state }] of peer.links) {
        if (state === told.links.get(over)) continue;
        told.links.set(over, state);
        this.#effects.push({ kind: 'link-changed', node: peer.node, over, state });
      }
      const { state, proofOfDeath: proof } = peer;
      if (told.state === state && told.proof === proof) continue;
      told.state = state;
      told.proof = proof;
      this.#nodeChanged(peer, '', now);
    }
  }

  #nodeChanged(peer: PeerWatch, detail: string, now: Millis): void {
    const proof = peer.proofOfDeath;
    const silences = Array.from(peer.links, ([over, link]) => [over, link.silentMs(now)] as const);
    const evidence: Evidence = {
      kind: proof ? 'proof-of-death' : peer.state === 'alive' ? 'reported' : 'silence',
      observer: this.#options.self,
      perInterconnectMs: Object.fromEntries(silences),
      detail,
    };
    const { node, state } = peer;
    this.#effects.push({ kind: 'node-changed', node, state, proof, evidence });
  }

  #heardByOthers(peer: PeerWatch): boolean {
    for (const other of this.#peers.values()) {
      if (other !== peer && other.state === 'alive' && other.hears(peer.node, null)) return true;
    }
    return false;
  }

  #earliest(now: Millis): Millis {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { links } of this.#peers.values()) {
      for (const link of links.values()) {
        const changeMs = Math.max(link.nextChangeMs, this.#holdUntilMs);
        earliest = Math.min(earliest, changeMs, link.nextProbeMs);
      }
    }
    return Math.max(earliest, now);
  }

  #link(node: NodeId, over: Interconnect): LinkWatch | undefined {
    return this.#peers.get(node)?.links.get(over);
  }
}
