/** A detector on a virtual clock, with peers that beat when they are told to. */
import { known } from '../../src/lib/assert.ts';
import type { Interconnect, Millis, NodeId } from '../../src/lib/ids.ts';
import {
  type DetectorEffect,
  type DetectorEvent,
  FailureDetector,
} from '../../src/membership/detector.ts';
import type { Heartbeat } from '../../src/membership/heartbeat.ts';
import type { NodeView } from '../../src/membership/view.ts';

export const H = 50;
export const D = 200;
export const BOTH: readonly Interconnect[] = ['net-a', 'net-b'];

export type Beat = {
  readonly over?: readonly Interconnect[];
  readonly incarnation?: number;
  readonly hears?: Heartbeat['hears'];
  readonly sentMs?: Millis;
  readonly sequence?: number;
  readonly groups?: Heartbeat['groups'];
  readonly fitness?: Heartbeat['fitness'];
};

export class Bench {
  readonly detector: FailureDetector;
  readonly effects: (DetectorEffect & { readonly at: Millis })[] = [];
  now: Millis;
  #deadlineMs: Millis = Number.POSITIVE_INFINITY;
  #sequence = 0;

  constructor(peers: readonly NodeId[] = ['n2', 'n3'], startMs: Millis = 10_000) {
    this.now = startMs;
    const options = { self: 'n1', interconnects: BOTH, heartbeatMs: H, detectionMs: D };
    this.detector = new FailureDetector(options, startMs);
    this.step({ kind: 'peers', peers: ['n1', ...peers] });
    for (const node of peers) this.open(node);
  }

  step(event: DetectorEvent): readonly DetectorEffect[] {
    const { effects, nextDeadlineMs } = this.detector.step(event, this.now);
    this.#deadlineMs = nextDeadlineMs;
    for (const effect of effects) this.effects.push({ ...effect, at: this.now });
    return effects;
  }

  open(node: NodeId, over: readonly Interconnect[] = BOTH): void {
    for (const one of over) this.step({ kind: 'link', node, over: one, state: 'open' });
  }

  close(node: NodeId, over: readonly Interconnect[] = BOTH): void {
    for (const one of over) this.step({ kind: 'link', node, over: one, state: 'closed' });
  }

  refuse(node: NodeId, over: readonly Interconnect[] = BOTH): void {
    for (const one of over) this.step({ kind: 'link', node, over: one, state: 'refused' });
  }

  beat(node: NodeId, beat: Beat = {}): void {
    this.#sequence += 1;
    const heartbeat: Heartbeat = {
      from: node,
      incarnation: beat.incarnation ?? 1,
      sequence: beat.sequence ?? this.#sequence,
      sentMs: beat.sentMs ?? this.now,
      hears: beat.hears ?? BOTH.map((interconnect) => ({ node: 'n1', interconnect })),
      lateMs: 0,
      fitness: beat.fitness ?? [],
      groups: beat.groups ?? [],
    };
    for (const over of beat.over ?? BOTH) this.step({ kind: 'heartbeat', over, heartbeat });
  }

  /** Moves the clock; due deadlines fire on the way, as a punctual driver would do it. */
  pass(ms: Millis): void {
    const until = this.now + ms;
    while (this.#deadlineMs <= until) {
      this.now = Math.max(this.now, this.#deadlineMs);
      this.step({ kind: 'deadline' });
      if (this.#deadlineMs <= this.now) throw new Error('a deadline that does not go away');
    }
    this.now = until;
  }

  /** Everybody named beats every H for so long. */
  run(ms: Millis, beats: Readonly<Record<NodeId, Beat>>): void {
    for (let left = ms; left > 0; left -= H) {
      this.pass(H);
      for (const [node, beat] of Object.entries(beats)) this.beat(node, beat);
    }
  }

  node(node: NodeId): NodeView {
    return known(this.detector.view(this.now).nodes[node], node);
  }

  /** What was said about nodes, in short: "n2 dead (proof) +10250". */
  told(kind: DetectorEffect['kind'] = 'node-changed'): readonly string[] {
    return this.effects
      .filter((effect) => effect.kind === kind)
      .map((effect) => {
        switch (effect.kind) {
          case 'node-changed':
            return `${effect.node} ${effect.state}${effect.proof ? ' (proof)' : ''}`;
          case 'link-changed':
            return `${effect.node} ${effect.over} ${effect.state}`;
          case 'paused':
            return `${effect.byMs}`;
          default:
            return `${effect.node} ${effect.over}`;
        }
      });
  }

  forget(): void {
    this.effects.length = 0;
  }
}

/** A bench whose peers have beaten for a second. */
export function settled(peers: readonly NodeId[] = ['n2', 'n3']): Bench {
  const bench = new Bench(peers);
  bench.run(1_000, Object.fromEntries(peers.map((node) => [node, {}])));
  bench.forget();
  return bench;
}
