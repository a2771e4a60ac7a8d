/**
 * The interconnects: the network in memory with hosts that stand still, and weather. Streams are
 * TCP's, so what is lost is sent again later and holds up what follows it; each frame travels over
 * every interconnect that is up, so copies come twice, late, and overtake each other across
 * interconnects. Datagrams (the guardians' words) are simply lost, or come twice.
 */
import type { Interconnect, Millis, NodeId } from '../../src/lib/ids.ts';
import type { Random } from '../../src/lib/random.ts';
import type { Parcel, Wire } from '../../src/mesh/memory-network.ts';
import { otherEnd } from '../../src/mesh/memory-network.ts';
import { FreezableNetwork } from '../node/freezable-network.ts';
import type { Effects } from './effects.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** Of one direction of one interconnect between two hosts, or of all of them. */
export type Weather = { lossPerMille: number; jitterMs: Millis; delayMs: Millis };

/** Linux' least retransmission timeout. */
const RETRANSMISSION_MS: Millis = 200;
const BASE_MS: Millis = 0.15;

export type SimulatedNetworkOptions = {
  readonly clock: VirtualClock;
  readonly random: Random;
  /** Network cards interrupt their hosts at these intervals; 0: for each parcel. */
  readonly gatherMs: Millis;
  readonly effects: Effects;
};

export class SimulatedNetwork extends FreezableNetwork {
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #weather = new Map<string, Weather>();
  /** How often each path is cut: cuts overlap. */
  readonly #cuts = new Map<string, number>();
  /** Whether there is any weather at all: most of the time there is none to look up. */
  #fair = true;
  readonly #gatherMs: Millis;
  readonly #effects: Effects;
  readonly #withoutPower = new Set<NodeId>();

  constructor({ clock, random, gatherMs, effects }: SimulatedNetworkOptions) {
    super({ scheduler: clock, latencyMs: BASE_MS });
    this.#clock = clock;
    this.#random = random;
    this.#gatherMs = gatherMs;
    this.#effects = effects;
  }

  override powerOff(node: NodeId): void {
    this.#withoutPower.add(node);
    super.powerOff(node);
  }

  override powerOn(node: NodeId): void {
    this.#withoutPower.delete(node);
    super.powerOn(node);
  }

  override carry(wire: Wire, from: NodeId, parcel: Parcel): void {
    const to = otherEnd(wire, from);
    if (this.stands(from)) return;
    if (this.#withoutPower.has(to)) this.#effects.count('message-lost');
    else if (!this.isWhole(from, to, wire.over)) this.#effects.count('message-cut');
    else if (this.stands(to)) this.#effects.count('message-late');
    super.carry(wire, from, parcel);
  }

  setWeather(from: NodeId, to: NodeId, over: Interconnect, weather: Weather | null): void {
    const key = `${from} ${to} ${over}`;
    if (weather === null) this.#weather.delete(key);
    else this.#weather.set(key, weather);
    this.#fair = this.#weather.size === 0;
  }

  /** Counted: what two faults have cut is whole when both are over. */
  addCut(from: NodeId, to: NodeId, over: Interconnect, by: 1 | -1): void {
    const key = `${from} ${to} ${over}`;
    const count = Math.max(0, (this.#cuts.get(key) ?? 0) + by);
    if (count > 0) {
      this.#cuts.set(key, count);
      this.cut(from, to, over);
    } else {
      this.#cuts.delete(key);
      this.heal(from, to, over);
    }
  }

  healPath(from: NodeId, to: NodeId, over: Interconnect): void {
    this.setWeather(from, to, over, null);
    this.#cuts.delete(`${from} ${to} ${over}`);
    this.heal(from, to, over);
  }

  isWhole(from: NodeId, to: NodeId, over: Interconnect): boolean {
    return this.#cuts.size === 0 || (this.#cuts.get(`${from} ${to} ${over}`) ?? 0) === 0;
  }

  /** Whole, and nothing is lost or late there. */
  isFair(from: NodeId, to: NodeId, over: Interconnect): boolean {
    return this.isWhole(from, to, over) && !this.#weather.has(`${from} ${to} ${over}`);
  }

  datagram(from: NodeId, to: NodeId, over: Interconnect, arrive: () => void): void {
    if (!this.isWhole(from, to, over)) {
      this.#effects.count('message-cut');
      return;
    }
    const lossPerMille = this.#weather.get(`${from} ${to} ${over}`)?.lossPerMille ?? 0;
    for (let copy = 0; copy < 2; copy += 1) {
      if (copy > 0 && this.#random.below(10) > 0) return;
      if (copy > 0) this.#effects.count('message-twice');
      if (this.#random.below(1_000) < lossPerMille) {
        this.#effects.count('message-lost');
        continue;
      }
      this.#clock.schedule(this.latencyMs(from, to, over), arrive);
    }
  }

  protected override latencyMs(from: NodeId, to: NodeId, over: Interconnect): Millis {
    const travelMs = this.#travelMs(from, to, over);
    if (this.#gatherMs === 0) return travelMs;
    const nowMs = this.#clock.now();
    return Math.ceil((nowMs + travelMs) / this.#gatherMs) * this.#gatherMs - nowMs;
  }

  #travelMs(from: NodeId, to: NodeId, over: Interconnect): Millis {
    const wireMs = BASE_MS + this.#random.below(100) / 1_000;
    if (this.#fair) return wireMs;
    const weather = this.#weather.get(`${from} ${to} ${over}`);
    if (weather === undefined) return wireMs;
    const { lossPerMille, jitterMs, delayMs } = weather;
    let ms = wireMs + delayMs + (jitterMs > 0 ? this.#random.below(jitterMs) : 0);
    for (let wait = RETRANSMISSION_MS; this.#random.below(1_000) < lossPerMille; wait *= 2) {
      ms += wait;
      if (wait > 3_000) break;
    }
    if (ms > wireMs) this.#effects.count('message-late');
    return ms;
  }
}
