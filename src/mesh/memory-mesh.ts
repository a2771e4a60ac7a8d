/**
 * The mesh over a `MemoryNetwork`: same port, same frames, same router, same greeting as over libp2p,
 * with the network and time in the hand of a test or a simulation. It has no keys: a peer id is
 * taken at its word, which is what Noise proves elsewhere.
 */
import type { Member } from '../cluster/definition.ts';
import type { ControlMessage } from '../failover/control.ts';
import type { Interconnect, Millis, NodeId } from '../lib/ids.ts';
import type { Heartbeat } from '../membership/heartbeat.ts';
import type { RaftMessage } from '../raft/types.ts';
import { type Carried, type FrameCodec, MSGPACK } from './codec.ts';
import { encodeHello, judgeHello, type Refusal } from './hello.ts';
import {
  type DialResult,
  type MemoryNetwork,
  otherEnd,
  type Parcel,
  type Station,
  type Wire,
} from './memory-network.ts';
import type { Mesh, MeshEvent } from './mesh.ts';
import { RefusalLog } from './refusal-log.ts';
import { Router, type Traffic, type Transmission } from './router.ts';

export type MemoryMeshOptions = {
  readonly network: MemoryNetwork;
  readonly clusterId: string;
  readonly self: Member;
  readonly incarnation: number;
  readonly interconnects: readonly Interconnect[];
  readonly redialMs: Millis;
  readonly connectTimeoutMs: Millis;
  readonly codec?: FrameCodec;
};

type End = {
  readonly peer: Member;
  readonly over: Interconnect;
  state: 'open' | 'closed' | 'refused';
  wire: Wire | null;
  /** Dialled, the reply has not come yet. */
  pending: Wire | null;
  dialledMs: Millis;
  /** It will be looked after again. */
  repeats: boolean;
};

/** All copies of a frame are one object here; each is unpacked once. What is read is never changed. */
const UNPACKED_ONCE: FrameCodec = {
  ...MSGPACK,
  readEnvelope: once(MSGPACK.readEnvelope),
  readHeartbeat: once(MSGPACK.readHeartbeat),
};

function once<T>(read: (frame: Uint8Array) => T): (frame: Uint8Array) => T {
  const known = new WeakMap<Uint8Array, T>();
  return (frame) => {
    const before = known.get(frame);
    if (before !== undefined) return before;
    const value = read(frame);
    known.set(frame, value);
    return value;
  };
}

export class MemoryMesh implements Mesh, Station {
  readonly #options: MemoryMeshOptions;
  readonly #router: Router;
  readonly #codec: FrameCodec;
  readonly #refusals = new RefusalLog();
  readonly #handlers: ((event: MeshEvent) => void)[] = [];
  readonly #ends = new Map<NodeId, Map<Interconnect, End>>();
  #members: readonly Member[] = [];
  #running = false;

  constructor(options: MemoryMeshOptions) {
    this.#options = options;
    this.#codec = options.codec ?? UNPACKED_ONCE;
    this.#router = new Router({
      self: options.self.node,
      incarnation: options.incarnation,
      interconnects: options.interconnects,
      codec: this.#codec,
    });
  }

  get node(): NodeId {
    return this.#options.self.node;
  }

  get peerId(): string {
    return this.#options.self.peerId;
  }

  get isRunning(): boolean {
    return this.#running;
  }

  async start(): Promise<void> {
    this.#running = true;
    this.#options.network.join(this);
    this.admit(this.#members);
  }

  /** The process ends: its host closes the connections, if it still can. */
  async stop(): Promise<void> {
    this.#running = false;
    for (const end of this.#allEnds()) this.#hangUp(end);
    this.#ends.clear();
  }

  sendRaft(message: RaftMessage): void {
    this.#send({ kind: 'raft', message });
  }

  sendControl(message: ControlMessage): void {
    this.#send({ kind: 'control', message });
  }

  sendHeartbeat(to: NodeId, over: Interconnect, heartbeat: Heartbeat): void {
    const end = this.#ends.get(to)?.get(over);
    if (end?.wire != null)
      this.#carry(end.wire, 'heartbeat', this.#codec.encodeHeartbeat(heartbeat));
  }

  reset(node: NodeId, over: Interconnect): void {
    const end = this.#ends.get(node)?.get(over);
    if (end === undefined || end.state !== 'open') return;
    this.#hangUp(end);
    this.#become(end, 'closed');
    this.#attempt(end);
  }

  probe(
    node: NodeId,
    over: Interconnect,
    signal: AbortSignal,
  ): Promise<'connected' | 'refused' | 'silent'> {
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve('silent'), { once: true });
      const known = this.#ends.get(node)?.has(over) === true;
      if (signal.aborted || !known) resolve('silent');
      else this.#options.network.knock(this.node, node, over, resolve);
    });
  }

  admit(members: readonly Member[]): void {
    this.#members = members;
    this.#router.admit([this.node, ...members.map((member) => member.node)]);
    if (!this.#running) return;
    const peers = members.filter((member) => member.node !== this.node);
    for (const [node, ends] of this.#ends) {
      const same = peers.some((peer) => peer.node === node && isSame(peer, ends));
      if (!same) this.#dismiss(node, ends);
    }
    for (const peer of peers) if (!this.#ends.has(peer.node)) this.#welcome(peer);
  }

  events(handler: (event: MeshEvent) => void): void {
    this.#handlers.push(handler);
  }

  traffic(): Traffic {
    return this.#router.traffic();
  }

  accept(wire: Wire, greeting: Uint8Array, peerId: string): boolean {
    const end = this.#ends.get(wire.dialler)?.get(wire.over);
    if (end === undefined || end.peer.peerId !== peerId) {
      this.#refuse(peerId, { code: 'NOT_A_MEMBER', detail: 'not let in' });
      return false;
    }
    this.#carry(wire, 'greeting', this.#greeting(wire.over));
    const verdict = judgeHello(greeting, this.#expected(end));
    if (!verdict.ok) {
      this.#refuse(wire.dialler, verdict.error);
      this.#carryEnd(wire);
    } else {
      this.#open(end, wire);
    }
    return true;
  }

  receive(wire: Wire, parcel: Parcel): void {
    const end = this.#ends.get(otherEnd(wire, this.node))?.get(wire.over);
    const known = end !== undefined && (end.wire === wire || end.pending === wire);
    if (!this.#running || !known) {
      // As a kernel that knows no such connection: reset. A reset is not answered.
      if (parcel.kind !== 'end') this.#carryEnd(wire);
      return;
    }
    const refusal = this.#take(end, wire, parcel);
    if (refusal === null) return;
    this.#refuse(end.peer.node, refusal);
    this.#hangUp(end);
    this.#become(end, 'closed');
  }

  #take(end: End, wire: Wire, parcel: Parcel): Refusal | null {
    switch (parcel.kind) {
      case 'greeting':
        return this.#greeted(end, wire, parcel.bytes);
      case 'frame':
        return this.#onFrame(end.peer.node, parcel.bytes);
      case 'heartbeat':
        return this.#onHeartbeat(end, parcel.bytes);
      case 'end':
        this.#lost(end);
        return null;
    }
  }

  #greeted(end: End, wire: Wire, greeting: Uint8Array): Refusal | null {
    const verdict = judgeHello(greeting, this.#expected(end));
    if (!verdict.ok) return verdict.error;
    this.#open(end, wire);
    return null;
  }

  #onFrame(peer: NodeId, frame: Uint8Array): Refusal | null {
    const routed = this.#router.receive(peer, frame);
    if (routed.kind === 'refused') return routed;
    if (routed.kind === 'ignored') this.#refuse(peer, routed);
    if (routed.kind === 'deliver') this.#emit(routed.carried);
    else if (routed.kind === 'forward') this.#transmit(routed.transmissions);
    return null;
  }

  #onHeartbeat(end: End, frame: Uint8Array): Refusal | null {
    const read = this.#codec.readHeartbeat(frame);
    if (!read.ok) return read.error;
    if (read.value.from !== end.peer.node) {
      return { code: 'SENDER_FORGED', detail: `a heartbeat in the name of ${read.value.from}` };
    }
    this.#emit({ kind: 'heartbeat', over: end.over, heartbeat: read.value });
    return null;
  }

  #welcome(peer: Member): void {
    const ends = new Map<Interconnect, End>();
    this.#ends.set(peer.node, ends);
    for (const over of this.#options.interconnects) {
      if (!(over in peer.addresses)) continue;
      const nothing = { wire: null, pending: null, dialledMs: 0, repeats: false };
      const end: End = { peer, over, state: 'closed', ...nothing };
      ends.set(over, end);
      this.#attempt(end);
      this.#repeat(end);
    }
  }

  #dismiss(node: NodeId, ends: ReadonlyMap<Interconnect, End>): void {
    for (const end of ends.values()) {
      this.#hangUp(end);
      if (end.state === 'open') this.#become(end, 'closed');
    }
    this.#ends.delete(node);
  }

  /** As long as it is not open. */
  #repeat(end: End): void {
    if (end.repeats) return;
    end.repeats = true;
    this.#options.network.scheduler.schedule(this.#options.redialMs, () => {
      end.repeats = false;
      if (!this.#isCurrent(end) || end.state === 'open') return;
      this.#attempt(end);
      this.#repeat(end);
    });
  }

  #isCurrent(end: End): boolean {
    return this.#running && this.#ends.get(end.peer.node)?.get(end.over) === end;
  }

  #attempt(end: End): void {
    const { network, self, connectTimeoutMs } = this.#options;
    const { peer, over } = end;
    const now = network.scheduler.now();
    if (end.pending !== null && now - end.dialledMs < connectTimeoutMs) return;
    const wire = { over, dialler: this.node, acceptor: peer.node };
    const done = (result: DialResult): void => {
      if (result === 'foreign-key') {
        const detail = `another key answers at ${peer.addresses[over]}`;
        this.#refuse(peer.node, { code: 'NOT_A_MEMBER', detail });
      }
      if (!this.#isCurrent(end) || end.state === 'open') return;
      if (result !== 'connected' && end.pending === wire) end.pending = null;
      this.#become(end, result === 'refused' ? 'refused' : 'closed');
    };
    if (self.peerId > peer.peerId) {
      network.knock(this.node, peer.node, over, done);
      return;
    }
    end.pending = wire;
    end.dialledMs = now;
    const peerIds = { ownPeerId: self.peerId, expectedPeerId: peer.peerId };
    network.dial({ wire, greeting: this.#greeting(over), ...peerIds }, done);
  }

  #open(end: End, wire: Wire): void {
    if (end.wire !== null) {
      this.#hangUp(end);
      this.#become(end, 'closed');
    }
    end.wire = wire;
    end.pending = null;
    this.#become(end, 'open');
  }

  #lost(end: End): void {
    const wasOpen = end.wire !== null;
    if (end.wire !== null) this.#options.network.forget(end.wire, this.node);
    end.wire = null;
    end.pending = null;
    if (!wasOpen) return;
    this.#become(end, 'closed');
    this.#attempt(end);
  }

  #hangUp(end: End): void {
    const wire = end.wire ?? end.pending;
    end.wire = null;
    end.pending = null;
    if (wire === null) return;
    this.#options.network.forget(wire, this.node);
    this.#carryEnd(wire);
  }

  #become(end: End, state: End['state']): void {
    if (end.state === state) return;
    end.state = state;
    if (state !== 'open' && this.#isCurrent(end)) this.#repeat(end);
    this.#router.linkChanged(end.peer.node, end.over, state === 'open');
    this.#emit({ kind: 'link', node: end.peer.node, over: end.over, state });
  }

  #send(carried: Carried): void {
    const { copies, tooLarge } = this.#router.send(carried);
    if (tooLarge !== null) {
      const { to, kind } = carried.message;
      this.#refuse(to, { code: 'FRAME_TOO_LARGE', detail: `${kind} of ${tooLarge} bytes` });
    }
    this.#transmit(copies);
  }

  #transmit(copies: readonly Transmission[]): void {
    for (const { to, over, frame } of copies) {
      const wire = this.#ends.get(to)?.get(over)?.wire ?? null;
      if (wire !== null) this.#carry(wire, 'frame', frame);
    }
  }

  #carry(wire: Wire, kind: 'frame' | 'heartbeat' | 'greeting', bytes: Uint8Array): void {
    this.#options.network.carry(wire, this.node, { kind, bytes });
  }

  #carryEnd(wire: Wire): void {
    this.#options.network.carry(wire, this.node, { kind: 'end' });
  }

  #greeting(over: Interconnect): Uint8Array {
    const { clusterId, incarnation } = this.#options;
    return encodeHello({ clusterId, interconnect: over, node: this.node, incarnation });
  }

  #expected(end: End) {
    const { clusterId } = this.#options;
    return { clusterId, interconnect: end.over, node: end.peer.node };
  }

  #refuse(subject: string, { code, detail }: Refusal): void {
    const now = this.#options.network.scheduler.now();
    const told = this.#refusals.tell(code, subject, detail, now);
    if (told !== null) this.#emit({ kind: 'refusal', code, detail: told });
  }

  #emit(event: MeshEvent): void {
    if (!this.#running) return;
    for (const handler of this.#handlers) handler(event);
  }

  #allEnds(): readonly End[] {
    return [...this.#ends.values()].flatMap((ends) => [...ends.values()]);
  }
}

function isSame(member: Member, ends: ReadonlyMap<Interconnect, End>): boolean {
  return [...ends.values()].every(({ peer, over }) => {
    return peer.peerId === member.peerId && peer.addresses[over] === member.addresses[over];
  });
}
