/**
 * A network in memory: hosts, wires between them on named interconnects, and the ways in which they
 * fail. It behaves as TCP does, not as a list of callbacks: a cut swallows nothing at first, it holds
 * what is sent until it heals or the connection is given up; a connection whose other end is gone
 * does not know it until word of it gets through; a process that is gone refuses, a host that is
 * gone is silent.
 *
 * Deterministic: time and order come from the scheduler, and nothing is random.
 */
import type { Interconnect, Millis, NodeId } from '../lib/ids.ts';
import type { Scheduler } from './virtual-time.ts';

/** What travels on a wire. `greeting` is the acceptor's reply, `end` a reset. */
export type Parcel =
  | { readonly kind: 'frame' | 'heartbeat' | 'greeting'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' };

/** One connection. Both ends hold the same object; each decides for itself when it is over. */
export type Wire = {
  readonly over: Interconnect;
  readonly dialler: NodeId;
  readonly acceptor: NodeId;
};

/** A process that listens on its addresses. */
export type Station = {
  readonly node: NodeId;
  readonly peerId: string;
  readonly isRunning: boolean;
  /** False: hung up at once. */
  accept(wire: Wire, greeting: Uint8Array, peerId: string): boolean;
  receive(wire: Wire, parcel: Parcel): void;
};

/** `foreign-key`: somebody else answered, and heard nothing from us. */
export type DialResult = 'connected' | 'refused' | 'silent' | 'foreign-key';

export type Call = {
  readonly wire: Wire;
  readonly greeting: Uint8Array;
  readonly ownPeerId: string;
  readonly expectedPeerId: string;
};

/** Parcels that a cut holds for each direction of a wire: the buffers of a socket are bounded, too. */
const MAX_HELD = 4096;

type Direction = { readonly held: Parcel[]; arrivalMs: Millis };

export class MemoryNetwork {
  readonly #scheduler: Scheduler;
  readonly #defaultMs: Millis;
  readonly #latencies = new Map<string, Millis>();
  readonly #cuts = new Set<string>();
  readonly #hostsDown = new Set<NodeId>();
  readonly #stations = new Map<NodeId, Station>();
  /** By wire, then by sender. Only wires that still hold or carry something matter. */
  readonly #directions = new Map<Wire, Map<NodeId, Direction>>();

  constructor(options: { readonly scheduler: Scheduler; readonly latencyMs: Millis }) {
    this.#scheduler = options.scheduler;
    this.#defaultMs = options.latencyMs;
  }

  get scheduler(): Scheduler {
    return this.#scheduler;
  }

  /** The newest process of a node: a restart is a new station. */
  join(station: Station): void {
    this.#stations.set(station.node, station);
  }

  /** One way. Both ways of an interconnect are two calls. */
  cut(from: NodeId, to: NodeId, over: Interconnect): void {
    this.#cuts.add(path(from, to, over));
  }

  /** What was held arrives, late and in order. */
  heal(from: NodeId, to: NodeId, over: Interconnect): void {
    this.#cuts.delete(path(from, to, over));
    for (const [wire, directions] of this.#directions) {
      if (wire.over !== over || otherEnd(wire, from) !== to) continue;
      const held = directions.get(from)?.held.splice(0) ?? [];
      for (const parcel of held) this.carry(wire, from, parcel);
    }
  }

  /** No process answers any more, not even with a refusal; connections are left hanging. */
  powerOff(node: NodeId): void {
    this.#hostsDown.add(node);
  }

  powerOn(node: NodeId): void {
    this.#hostsDown.delete(node);
  }

  setLatency(from: NodeId, to: NodeId, over: Interconnect, latencyMs: Millis): void {
    this.#latencies.set(path(from, to, over), latencyMs);
  }

  carry(wire: Wire, from: NodeId, parcel: Parcel): void {
    const to = otherEnd(wire, from);
    if (this.#hostsDown.has(from)) return;
    const direction = this.#direction(wire, from);
    if (this.#isCut(from, to, wire.over)) {
      if (direction.held.length < MAX_HELD) direction.held.push(parcel);
      return;
    }
    const dueMs = this.#scheduler.now() + this.latencyMs(from, to, wire.over);
    // A stream keeps its order when the latency changes, and nothing follows its end.
    direction.arrivalMs = Math.max(dueMs, direction.arrivalMs);
    this.#scheduler.schedule(direction.arrivalMs - this.#scheduler.now(), () => {
      if (!this.#hostsDown.has(to)) this.#stations.get(to)?.receive(wire, parcel);
    });
    if (parcel.kind === 'end') this.forget(wire, from);
  }

  /** Nobody uses it any more at one end: what is held there is lost. */
  forget(wire: Wire, node: NodeId): void {
    const directions = this.#directions.get(wire);
    directions?.delete(node);
    if (directions?.size === 0) this.#directions.delete(wire);
  }

  /** A TCP connect: the kernel of the other host answers, or nobody. */
  knock(
    from: NodeId,
    to: NodeId,
    over: Interconnect,
    done: (result: 'connected' | 'refused' | 'silent') => void,
  ): void {
    if (!this.#reaches(from, to, over)) {
      done('silent');
      return;
    }
    const roundTripMs = this.latencyMs(from, to, over) + this.latencyMs(to, from, over);
    this.#scheduler.schedule(roundTripMs, () => {
      if (!this.#reaches(from, to, over)) done('silent');
      else done(this.#stations.get(to)?.isRunning === true ? 'connected' : 'refused');
    });
  }

  /** Connect, prove both keys, greet. The acceptor's greeting comes back as a parcel. */
  dial(call: Call, done: (result: DialResult) => void): void {
    const { wire, greeting, ownPeerId, expectedPeerId } = call;
    this.knock(wire.dialler, wire.acceptor, wire.over, (result) => {
      const station = this.#stations.get(wire.acceptor);
      if (result !== 'connected' || station === undefined) done(result);
      else if (station.peerId !== expectedPeerId) done('foreign-key');
      else done(station.accept(wire, greeting, ownPeerId) ? 'connected' : 'silent');
    });
  }

  #reaches(from: NodeId, to: NodeId, over: Interconnect): boolean {
    const cut = this.#isCut(from, to, over) || this.#isCut(to, from, over);
    return !cut && !this.#hostsDown.has(from) && !this.#hostsDown.has(to);
  }

  #isCut(from: NodeId, to: NodeId, over: Interconnect): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(path(from, to, over));
  }

  /** Of the next parcel. A simulation adds its own delays; a stream keeps its order all the same. */
  protected latencyMs(from: NodeId, to: NodeId, over: Interconnect): Millis {
    return this.#latencies.get(path(from, to, over)) ?? this.#defaultMs;
  }

  #direction(wire: Wire, from: NodeId): Direction {
    const directions = this.#directions.get(wire) ?? new Map<NodeId, Direction>();
    this.#directions.set(wire, directions);
    const known = directions.get(from);
    if (known !== undefined) return known;
    const fresh = { held: [], arrivalMs: 0 };
    directions.set(from, fresh);
    return fresh;
  }
}

export function otherEnd(wire: Wire, node: NodeId): NodeId {
  return wire.dialler === node ? wire.acceptor : wire.dialler;
}

function path(from: NodeId, to: NodeId, over: Interconnect): string {
  return `${from}\n${to}\n${over}`;
}
