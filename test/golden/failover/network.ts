/**
 * Machines, the wire between them and one clock. Heartbeats leave all machines at the same moments
 * and arrive at once; a story begins 20 ms after such a moment.
 *
 * It moves no group and knows no plan: that is leader.ts.
 */
import type { ClusterState } from '../../../src/cluster/state.ts';
import { known } from '../../../src/lib/assert.ts';
import type { Interconnect, Millis, NodeId } from '../../../src/lib/ids.ts';
import type { DetectorEffect, DetectorEvent } from '../../../src/membership/detector.ts';
import { StoryFailure } from '../story.ts';
import { INTERCONNECTS, Machine, TIMES } from './machine.ts';
import { Wire } from './wire.ts';

export const BEGINNING_MS = 100_020;
/** Long enough that everybody has heard everybody, and a silence before it is confirmed. */
const WARM_UP_MS = 520;

export class Network {
  readonly machines = new Map<NodeId, Machine>();
  readonly wire = new Wire();
  now: Millis = BEGINNING_MS;
  started = false;
  readonly #onBeat: () => void;

  /** `onBeat`: everybody has sent and heard a heartbeat. */
  constructor(onBeat: () => void) {
    this.#onBeat = onBeat;
  }

  machine(node: NodeId): Machine {
    const machine = this.machines.get(node);
    if (machine === undefined) throw new StoryFailure(`there is no node ${node}`);
    return machine;
  }

  add(node: NodeId): void {
    if (this.machines.has(node)) return;
    const machine = new Machine(node);
    this.machines.set(node, machine);
    if (this.started) this.#begin(machine);
  }

  get up(): readonly Machine[] {
    return [...this.machines.values()].filter(({ power }) => power === 'up');
  }

  /** Somebody is down, or cannot be heard by everybody. */
  get troubled(): boolean {
    const { up } = this;
    const deaf = up.some((a) => up.some((b) => !this.wire.reaches(a.node, b.node)));
    return up.length < this.machines.size || deaf;
  }

  /** Everything has been as it is for a while. */
  start(): void {
    if (this.started) return;
    this.started = true;
    this.now = BEGINNING_MS - WARM_UP_MS;
    for (const machine of this.up) this.#begin(machine);
    this.advance(WARM_UP_MS);
  }

  advance(ms: Millis): void {
    const until = this.now + ms;
    while (this.now < until) {
      const beatMs = (Math.floor(this.now / TIMES.heartbeatMs) + 1) * TIMES.heartbeatMs;
      const deadlines = this.up.map(({ nextDeadlineMs }) => nextDeadlineMs);
      const next = Math.min(until, beatMs, ...deadlines.filter((at) => at > this.now));
      this.now = next;
      if (next === beatMs) this.#beat();
      for (const machine of this.up) {
        if (machine.nextDeadlineMs <= next) this.#detect(machine, { kind: 'deadline' });
      }
    }
  }

  /** Whoever the node `from` reaches learns what is committed. */
  spread(state: ClusterState, from: NodeId): void {
    for (const machine of this.up) {
      if (this.wire.reaches(from, machine.node)) machine.known = state;
    }
  }

  peersChanged(): void {
    for (const machine of this.up) this.#meet(machine);
  }

  /** No power, or frozen: connections stay as they are, and nothing comes. */
  vanish(node: NodeId): void {
    this.machine(node).power = 'gone';
  }

  /** The host closes its connections and refuses new ones. */
  kill(node: NodeId): void {
    this.machine(node).power = 'refusing';
    for (const other of this.up) {
      for (const over of INTERCONNECTS) {
        if (!this.wire.bothWays(node, other.node, over)) continue;
        this.#detect(other, { kind: 'link', node, over, state: 'closed' });
        this.#detect(other, { kind: 'link', node, over, state: 'refused' });
      }
    }
  }

  /** A new life: it runs nothing of what was given to an earlier one. */
  boot(node: NodeId, state: ClusterState): void {
    const machine = this.machine(node);
    machine.power = 'up';
    machine.incarnation += 1;
    machine.earlierLife = state.lastEpoch;
    machine.runs.clear();
    if (this.started) this.#begin(machine);
  }

  wake(node: NodeId, sleptMs: Millis): void {
    const machine = this.machine(node);
    machine.power = 'up';
    this.#detect(machine, { kind: 'woke-late', byMs: sleptMs });
  }

  #begin(machine: Machine): void {
    machine.begin(this.now);
    this.#meet(machine);
  }

  #meet(machine: Machine): void {
    const peers = [...this.machines.keys()];
    this.#detect(machine, { kind: 'peers', peers });
    for (const other of this.up) {
      if (other === machine) continue;
      for (const over of INTERCONNECTS) {
        if (!this.wire.bothWays(machine.node, other.node, over)) continue;
        this.#detect(machine, { kind: 'link', node: other.node, over, state: 'open' });
        this.#detect(other, { kind: 'link', node: machine.node, over, state: 'open' });
      }
    }
  }

  #beat(): void {
    for (const sender of this.up) {
      const heartbeat = sender.beat(this.now);
      for (const receiver of this.up) {
        if (receiver === sender) continue;
        for (const over of INTERCONNECTS) {
          if (!this.wire.passes(sender.node, receiver.node, over)) continue;
          this.#detect(receiver, { kind: 'heartbeat', over, heartbeat });
        }
      }
    }
    this.#onBeat();
  }

  #detect(machine: Machine, event: DetectorEvent): void {
    for (const effect of machine.detect(event, this.now)) this.#perform(machine, effect);
  }

  #perform(machine: Machine, effect: DetectorEffect): void {
    if (effect.kind === 'probe') {
      const { node, over } = effect;
      const result = this.#probe(machine.node, node, over);
      this.#detect(machine, { kind: 'probe', node, over, result });
    }
    if (effect.kind === 'reset-link') {
      const { node, over } = effect;
      this.#detect(machine, { kind: 'link', node, over, state: 'closed' });
      if (this.#probe(machine.node, node, over) !== 'connected') return;
      this.#detect(machine, { kind: 'link', node, over, state: 'open' });
    }
  }

  #probe(from: NodeId, to: NodeId, over: Interconnect): 'connected' | 'refused' | 'silent' {
    const { power } = known(this.machines.get(to), to);
    if (power === 'gone' || !this.wire.bothWays(from, to, over)) return 'silent';
    return power === 'up' ? 'connected' : 'refused';
  }
}
