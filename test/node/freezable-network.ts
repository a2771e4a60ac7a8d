/**
 * The network in memory, with hosts and processes that stand still: a frozen machine is silent and a
 * stopped process's kernel still accepts, and what was sent to either is delivered when it goes on,
 * late and in order. That is where stale messages come from.
 */
import type { NodeId } from '../../src/lib/ids.ts';
import {
  type Call,
  type DialResult,
  MemoryNetwork,
  type Parcel,
  type Station,
  type Wire,
} from '../../src/mesh/memory-network.ts';
import type { FreezableClock } from '../simulation/freezable-clock.ts';

type Frames = { readonly machine: FreezableClock; readonly daemon: FreezableClock };

export class FreezableNetwork extends MemoryNetwork {
  readonly #frames = new Map<NodeId, Frames>();

  /** The clocks of a node's machine and of its newest daemon. */
  host(node: NodeId, frames: Frames): void {
    this.#frames.set(node, frames);
  }

  override join(station: Station): void {
    const daemon = this.#frames.get(station.node)?.daemon;
    if (daemon === undefined) super.join(station);
    else super.join(new StoppableStation(station, daemon));
  }

  override knock(
    from: NodeId,
    to: NodeId,
    over: string,
    done: (result: 'connected' | 'refused' | 'silent') => void,
  ): void {
    const silent = this.stands(from) || this.#frames.get(to)?.machine.frozen === true;
    if (silent) done('silent');
    else super.knock(from, to, over, done);
  }

  override dial(call: Call, done: (result: DialResult) => void): void {
    if (this.stands(call.wire.dialler)) done('silent');
    else super.dial(call, done);
  }

  /** What a process that stands still would have sent was never written. */
  override carry(wire: Wire, from: NodeId, parcel: Parcel): void {
    if (!this.stands(from)) super.carry(wire, from, parcel);
  }

  /** Its machine or its daemon stands still. */
  protected stands(node: NodeId): boolean {
    const frames = this.#frames.get(node);
    return frames?.machine.frozen === true || frames?.daemon.frozen === true;
  }
}

class StoppableStation implements Station {
  readonly #station: Station;
  readonly #daemon: FreezableClock;

  constructor(station: Station, daemon: FreezableClock) {
    this.#station = station;
    this.#daemon = daemon;
  }

  get node(): string {
    return this.#station.node;
  }

  get peerId(): string {
    return this.#station.peerId;
  }

  get isRunning(): boolean {
    return this.#station.isRunning;
  }

  accept(wire: Wire, greeting: Uint8Array, peerId: string): boolean {
    return this.#daemon.frozen ? false : this.#station.accept(wire, greeting, peerId);
  }

  receive(wire: Wire, parcel: Parcel): void {
    this.#daemon.run(() => this.#station.receive(wire, parcel));
  }
}
