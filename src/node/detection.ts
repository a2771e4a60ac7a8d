/**
 * Who lives: the failure detector with its hands. Sends heartbeats, feeds what arrives to the pure
 * detector, probes and resets links when it asks, and tells the driver what changed.
 */
import { FEATURE_LEVEL } from '../cluster/level.ts';
import type { NodeConfig } from '../config/types.ts';
import { WITHDRAWN } from '../lib/clock.ts';
import type { Interconnect, Millis, NodeId } from '../lib/ids.ts';
import {
  type DetectorEffect,
  type DetectorEvent,
  FailureDetector,
} from '../membership/detector.ts';
import type { Heartbeat, LinkState, LocalGroup } from '../membership/heartbeat.ts';
import { type View, withSelf } from '../membership/view.ts';
import type { Verified } from './fitness.ts';
import { Heart } from './heart.ts';
import type { NodeEvent } from './node-event.ts';
import type { World } from './world.ts';

export type DetectionOptions = {
  readonly config: NodeConfig;
  readonly world: World;
  readonly incarnation: number;
  readonly peers: () => readonly NodeId[];
  readonly post: (event: NodeEvent) => void;
  /** Nobody is offered a group before this life knows what an earlier one was given. */
  readonly mayOffer: () => boolean;
  readonly groups: () => readonly LocalGroup[];
  readonly linkChanged: (node: NodeId, over: Interconnect, state: LinkState) => void;
  readonly nodeChanged: (effect: DetectorEffect & { readonly kind: 'node-changed' }) => void;
  readonly paused: (byMs: Millis) => void;
};

export class Detection {
  readonly #options: DetectionOptions;
  readonly #detector: FailureDetector;
  readonly #heart: Heart;
  #fitness: readonly Verified[] = [];
  #deadlineMs: Millis = 0;
  #lateMs: Millis = 0;
  #lateUntilMs: Millis = 0;

  constructor(options: DetectionOptions) {
    const { config, world } = options;
    const { heartbeatMs, detectionMs } = config.times;
    const { node: self, interconnects } = config;
    this.#options = options;
    const now = world.clock.now();
    this.#detector = new FailureDetector({ self, interconnects, heartbeatMs, detectionMs }, now);
    this.#heart = new Heart({
      mesh: world.mesh,
      random: world.random,
      interconnects,
      heartbeatMs,
      peers: options.peers,
      compose: (sequence, at) => this.#heartbeat(sequence, at),
    });
  }

  get nextDeadlineMs(): Millis {
    return Math.min(this.#deadlineMs, this.#heart.nextDeadlineMs);
  }

  due(now: Millis): void {
    this.#heart.due(now);
    if (now >= this.#deadlineMs) this.step({ kind: 'deadline' }, now);
  }

  view(now: Millis): View {
    return this.#detector.view(now);
  }

  /** The view of whoever chooses among all nodes: this one is in it, as its heartbeat describes it. */
  viewWithSelf(now: Millis): View {
    return withSelf(this.view(now), this.#heartbeat(0, now));
  }

  fitness(): readonly Verified[] {
    return this.#fitness;
  }

  verified(fitness: readonly Verified[]): void {
    this.#fitness = fitness;
  }

  wokeLate(byMs: Millis, now: Millis): void {
    this.#lateMs = byMs;
    this.#lateUntilMs = now + this.#options.config.times.detectionMs;
    this.step({ kind: 'woke-late', byMs }, now);
  }

  step(event: DetectorEvent, now: Millis): void {
    const { effects, nextDeadlineMs } = this.#detector.step(event, now);
    this.#deadlineMs = nextDeadlineMs;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: DetectorEffect): void {
    switch (effect.kind) {
      case 'link-changed':
        this.#options.linkChanged(effect.node, effect.over, effect.state);
        break;
      case 'node-changed':
        this.#options.nodeChanged(effect);
        break;
      case 'reset-link':
        this.#options.world.mesh.reset(effect.node, effect.over);
        break;
      case 'probe':
        this.#probe(effect.node, effect.over);
        break;
      case 'paused':
        this.#options.paused(effect.byMs);
        break;
    }
  }

  #probe(node: NodeId, over: Interconnect): void {
    const { clock, mesh } = this.#options.world;
    const limit = new AbortController();
    const answered = new AbortController();
    clock.after(this.#options.config.times.detectionMs, answered.signal).then(
      () => limit.abort(WITHDRAWN),
      () => undefined, // the probe was answered first
    );
    mesh
      .probe(node, over, limit.signal)
      .catch(() => 'silent' as const)
      .then((result) => {
        answered.abort(WITHDRAWN);
        this.#options.post({ kind: 'probe-done', node, over, result });
      });
  }

  #heartbeat(sequence: number, now: Millis): Heartbeat {
    const { config, incarnation, mayOffer, groups } = this.#options;
    const fitness = mayOffer() ? this.#fitness : [];
    return {
      from: config.node,
      incarnation,
      sequence,
      sentMs: now,
      hears: this.#detector.hears(),
      lateMs: now < this.#lateUntilMs ? this.#lateMs : 0,
      fitness: fitness.map(({ group, fit, code, atMs }) => ({
        group,
        fit,
        code,
        ageMs: now - atMs,
      })),
      groups: groups(),
      level: FEATURE_LEVEL,
    };
  }
}
