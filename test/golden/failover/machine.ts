/**
 * One node of a story, as far as its heartbeats tell of it: what it knows to be committed, what it
 * runs, which groups it could take. It does what was committed, unless the story says otherwise.
 *
 * The failure detector is the product's own; it sees what the wire of world.ts lets through.
 */

import { FEATURE_LEVEL } from '../../../src/cluster/level.ts';
import { type ClusterState, emptyState } from '../../../src/cluster/state.ts';
import type { Epoch, GroupId, Interconnect, Millis, NodeId } from '../../../src/lib/ids.ts';
import {
  type DetectorEffect,
  type DetectorEvent,
  FailureDetector,
} from '../../../src/membership/detector.ts';
import type { Fitness, Heartbeat, LocalGroup } from '../../../src/membership/heartbeat.ts';
import type { View } from '../../../src/membership/view.ts';
import { STORY_TIMES } from '../times.ts';

export const TIMES = STORY_TIMES;
export const INTERCONNECTS: readonly Interconnect[] = ['net-a', 'net-b'];

/** - `gone`: no power, or frozen: nothing answers. - `refusing`: the host runs, the daemon does not. */
export type Power = 'up' | 'gone' | 'refusing';

/** What a node says of one group, other than that it is fit; `atMs`: when it was verified. */
export type Said =
  | { readonly kind: 'unfit'; readonly code: string }
  | { readonly kind: 'hung'; readonly atMs: Millis }
  | { readonly kind: 'silent' };

type Verified = Omit<Fitness, 'ageMs'> & { readonly atMs: Millis };

export class Machine {
  readonly node: NodeId;
  power: Power = 'up';
  incarnation = 1;
  /** Undefined: an older release, which says none. */
  level: number | undefined = FEATURE_LEVEL;
  /** What it has heard of the committed state. */
  known: ClusterState = emptyState;
  /** Everything up to this epoch was given to an earlier life of the daemon. */
  earlierLife: Epoch = 0;
  readonly said = new Map<GroupId, Said>();
  /** Null: it says nothing of the group, whatever is committed. */
  readonly runs = new Map<GroupId, Omit<LocalGroup, 'group'> | null>();
  #detector: FailureDetector | null = null;
  #sequence = 0;
  #verified: readonly Verified[] = [];
  nextDeadlineMs: Millis = Number.POSITIVE_INFINITY;

  constructor(node: NodeId) {
    this.node = node;
  }

  /** A daemon begins to watch the others. */
  begin(now: Millis): void {
    this.#detector = new FailureDetector(
      {
        self: this.node,
        interconnects: INTERCONNECTS,
        heartbeatMs: TIMES.heartbeatMs,
        detectionMs: TIMES.detectionMs,
      },
      now,
    );
    this.nextDeadlineMs = Number.POSITIVE_INFINITY;
  }

  detect(event: DetectorEvent, now: Millis): readonly DetectorEffect[] {
    if (this.#detector === null) return [];
    const { effects, nextDeadlineMs } = this.#detector.step(event, now);
    this.nextDeadlineMs = nextDeadlineMs;
    return effects;
  }

  view(now: Millis): View {
    return this.#detector?.view(now) ?? { self: this.node, nodes: {}, hears: [] };
  }

  /** As the newest one said it, with what it runs and hears now. */
  heartbeat(now: Millis): Heartbeat {
    return {
      from: this.node,
      incarnation: this.incarnation,
      sequence: this.#sequence,
      sentMs: now,
      hears: this.view(now).hears,
      lateMs: 0,
      fitness: this.#verified.map(({ atMs, ...fitness }) => ({ ...fitness, ageMs: now - atMs })),
      groups: this.groups(),
      level: this.level,
    };
  }

  /** A new one: it has looked again which groups it could take. */
  beat(now: Millis): Heartbeat {
    this.#sequence += 1;
    this.#verified = this.#verify(now);
    return this.heartbeat(now);
  }

  /** What it runs: what is committed, when it was given to this life; or what the story says. */
  groups(): readonly LocalGroup[] {
    return Object.values(this.known.groups).flatMap(({ definition, owner, phase, epoch }) => {
      const { group } = definition;
      const other = this.runs.get(group);
      if (other !== undefined) return other === null ? [] : [{ group, ...other }];
      if (owner !== this.node || epoch <= this.earlierLife || phase === 'unowned') return [];
      const doing = {
        'taking-over': 'starting',
        serving: 'serving',
        releasing: 'stopping',
      } as const;
      return [{ group, epoch, state: doing[phase] }];
    });
  }

  /** As the product does: groups that run here are not asked, the others once each interval. */
  #verify(now: Millis): readonly Verified[] {
    const running = this.groups().filter(({ state }) => state !== 'stopped');
    return Object.keys(this.known.groups).flatMap((group): Verified[] => {
      const said = this.said.get(group);
      const runs = running.some((one) => one.group === group);
      if (runs || said?.kind === 'silent') return [];
      if (said?.kind === 'hung') return [{ group, fit: true, code: null, atMs: said.atMs }];
      const atMs = now - (now % TIMES.fitnessIntervalMs);
      return [{ group, fit: said === undefined, code: said?.code ?? null, atMs }];
    });
  }
}
