/**
 * Which ways a frame takes, and which copy of it counts. Small frames go over every live
 * interconnect and the first copy wins, so that losing an interconnect costs nothing. Two members
 * that do not hear each other reach one another by one hop over those that hear both: plain Raft
 * cannot elect in a bridge topology, this can (DESIGN §5).
 *
 * Pure: it is told which links are open and what arrived, and answers with what to send. The same
 * object serves libp2p and the network in memory. It does not look at the meaning of a message.
 */
import type { Interconnect, NodeId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { type Carried, type Envelope, type FrameCodec, MAX_FRAME_BYTES, MSGPACK } from './codec.ts';
import { RecentFrames } from './recent-frames.ts';
import { SeenFrames } from './seen-frames.ts';

/** Larger frames are not relayed: they would load links that are not their own. */
export const MAX_RELAYED_BYTES = 64 * 1024;

/** What a peer may write into our log. */
const MAX_QUOTED = 64;

export type Lane = 'raft' | 'snapshot';

export type Transmission = {
  readonly to: NodeId;
  readonly over: Interconnect;
  readonly lane: Lane;
  readonly frame: Uint8Array;
};

export type Outgoing = {
  readonly copies: readonly Transmission[];
  /** The size of a message that the mesh does not carry; otherwise null. */
  readonly tooLarge: number | null;
};

export type Routed =
  | { readonly kind: 'deliver'; readonly carried: Carried }
  | { readonly kind: 'forward'; readonly transmissions: readonly Transmission[] }
  | { readonly kind: 'dropped'; readonly why: 'duplicate' | 'no-way' }
  /** Worth a line in the log, and no fault of the peer: two members may disagree for a moment. */
  | { readonly kind: 'ignored'; readonly code: ProblemCode; readonly detail: string }
  | { readonly kind: 'refused'; readonly code: ProblemCode; readonly detail: string };

export type Traffic = {
  readonly copiesSent: number;
  readonly delivered: number;
  readonly duplicates: number;
  readonly forwarded: number;
  /** No live link and nobody to relay. */
  readonly undeliverable: number;
};

export class Router {
  readonly #self: NodeId;
  readonly #incarnation: number;
  readonly #interconnects: readonly Interconnect[];
  readonly #codec: FrameCodec;
  #members: ReadonlySet<NodeId> = new Set();
  readonly #live = new Map<NodeId, Set<Interconnect>>();
  readonly #sequences = new Map<NodeId, number>();
  readonly #seen = new SeenFrames();
  /** By the peer that brought them. */
  readonly #recent = new Map<NodeId, RecentFrames>();
  #traffic = { copiesSent: 0, delivered: 0, duplicates: 0, forwarded: 0, undeliverable: 0 };

  constructor(options: {
    readonly self: NodeId;
    readonly incarnation: number;
    readonly interconnects: readonly Interconnect[];
    readonly codec?: FrameCodec;
  }) {
    this.#self = options.self;
    this.#incarnation = options.incarnation;
    this.#interconnects = options.interconnects;
    this.#codec = options.codec ?? MSGPACK;
  }

  admit(members: Iterable<NodeId>): void {
    this.#members = new Set(members);
    this.#seen.retain(this.#members);
    // What was let in from whoever is no member any more is to be judged anew.
    this.#recent.clear();
  }

  /** What `link` events say; only open links carry anything. */
  linkChanged(node: NodeId, over: Interconnect, open: boolean): void {
    const links = this.#live.get(node) ?? new Set();
    if (open) links.add(over);
    else links.delete(over);
    this.#live.set(node, links);
  }

  live(node: NodeId): readonly Interconnect[] {
    const links = this.#live.get(node);
    return links === undefined ? [] : this.#interconnects.filter((over) => links.has(over));
  }

  traffic(): Traffic {
    return { ...this.#traffic };
  }

  /** The copies of a message of this node. Empty when nobody can take it further. */
  send(carried: Carried): Outgoing {
    const to = carried.message.to;
    if (!this.#members.has(to) || to === this.#self) return this.#undeliverable();
    const sequence = this.#sequences.get(to) ?? 0;
    this.#sequences.set(to, sequence + 1);
    const stamp = { incarnation: this.#incarnation, sequence };
    const frame = this.#codec.encodeFrame(carried, stamp);
    if (frame.byteLength > MAX_FRAME_BYTES) return { tooLarge: frame.byteLength, copies: [] };
    const copies = isBulk(carried) ? this.#oneCopy(to, frame) : this.#allCopies(to, frame);
    if (copies.length === 0) return this.#undeliverable();
    this.#traffic.copiesSent += copies.length;
    return { tooLarge: null, copies };
  }

  /** `peer` is the member whose key the connection has proven. */
  receive(peer: NodeId, frame: Uint8Array): Routed {
    if (this.#recent.get(peer)?.has(frame) === true) return this.#duplicate();
    const read = this.#codec.readEnvelope(frame);
    if (!read.ok) return { kind: 'refused', ...read.error };
    const envelope = read.value;
    const forged = this.#forged(peer, envelope);
    if (forged !== null) return { kind: 'refused', code: 'SENDER_FORGED', detail: forged };
    const stranger = [envelope.from, envelope.to].find((node) => !this.#members.has(node));
    if (stranger !== undefined) {
      const detail = `relayed from or to ${stranger.slice(0, MAX_QUOTED)}`;
      return { kind: 'ignored', code: 'NOT_A_MEMBER', detail };
    }
    if (this.#seen.has(envelope)) return this.#duplicate();
    const carried = this.#codec.readCarried(envelope);
    if (!carried.ok) return { kind: 'refused', ...carried.error };
    this.#seen.add(envelope);
    this.#remember(peer, frame);
    if (envelope.to === this.#self) {
      this.#traffic.delivered += 1;
      return { kind: 'deliver', carried: carried.value };
    }
    return this.#forward(envelope.to, frame);
  }

  #duplicate(): Routed {
    this.#traffic.duplicates += 1;
    return { kind: 'dropped', why: 'duplicate' };
  }

  #remember(peer: NodeId, frame: Uint8Array): void {
    const recent = this.#recent.get(peer) ?? new RecentFrames(this.#codec.isCopy);
    recent.add(frame);
    this.#recent.set(peer, recent);
  }

  /** A relay may speak for another member, but only to this node: one hop, and no loops. */
  #forged(peer: NodeId, envelope: Envelope): string | null {
    const { from, to, relayed } = envelope;
    if (from === this.#self) return 'a message of this node came back';
    if (!relayed) return from === peer ? null : `in the name of ${from.slice(0, MAX_QUOTED)}`;
    return to === this.#self ? null : 'a relayed message would take a second hop';
  }

  #forward(to: NodeId, frame: Uint8Array): Routed {
    const small = frame.byteLength <= MAX_RELAYED_BYTES;
    const transmissions = small ? this.#direct(to, this.#codec.markRelayed(frame)) : [];
    if (transmissions.length === 0) return this.#noWay();
    this.#traffic.forwarded += 1;
    return { kind: 'forward', transmissions };
  }

  #noWay(): Routed {
    this.#traffic.undeliverable += 1;
    return { kind: 'dropped', why: 'no-way' };
  }

  #undeliverable(): Outgoing {
    this.#traffic.undeliverable += 1;
    return { tooLarge: null, copies: [] };
  }

  #direct(to: NodeId, frame: Uint8Array): readonly Transmission[] {
    return this.live(to).map((over) => ({ to, over, lane: 'raft', frame }));
  }

  #allCopies(to: NodeId, frame: Uint8Array): readonly Transmission[] {
    const direct = this.#direct(to, frame);
    if (direct.length > 0 || frame.byteLength > MAX_RELAYED_BYTES) return direct;
    return [...this.#members]
      .filter((member) => member !== to)
      .flatMap((relay) => this.#direct(relay, frame));
  }

  /** The last interconnect in the written order: the first ones stay quiet for heartbeats. */
  #oneCopy(to: NodeId, frame: Uint8Array): readonly Transmission[] {
    const over = this.live(to).at(-1);
    return over === undefined ? [] : [{ to, over, lane: 'snapshot', frame }];
  }
}

/** A snapshot's chunks are paced by its replies and travel once; everything else is small. */
function isBulk(carried: Carried): boolean {
  return carried.kind === 'raft' && carried.message.kind === 'snapshot';
}
