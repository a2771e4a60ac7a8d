/**
 * One peer over all interconnects: its links, what its newest heartbeat said, and which of its lives
 * speaks. A node is as alive as its best link.
 */
import { known } from '../lib/assert.ts';
import type { Interconnect, Millis, NodeId } from '../lib/ids.ts';
import type { Heartbeat, LinkState } from './heartbeat.ts';
import { type LinkOptions, LinkWatch } from './link-watch.ts';
import { PeerClock } from './peer-clock.ts';
import type { LinkView, NodeView } from './view.ts';

/** Earlier lives of a daemon whose stragglers may still arrive. */
const REMEMBERED_LIVES = 8;

export class PeerWatch {
  readonly node: NodeId;
  readonly links: ReadonlyMap<Interconnect, LinkWatch>;
  #clock = new PeerClock();
  #earlierLives: readonly number[] = [];
  #incarnation: number | null = null;
  #newest: { readonly heartbeat: Heartbeat; readonly receivedMs: Millis } | null = null;

  constructor(
    node: NodeId,
    interconnects: readonly Interconnect[],
    options: LinkOptions,
    now: Millis,
  ) {
    this.node = node;
    this.links = new Map(interconnects.map((over) => [over, new LinkWatch(options, now)]));
  }

  get clock(): PeerClock {
    return this.#clock;
  }

  get state(): LinkState {
    let best: LinkState = 'dead';
    for (const { state } of this.links.values()) {
      if (state === 'alive') return state;
      if (state !== 'dead') best = 'suspect';
    }
    return best;
  }

  get proofOfDeath(): boolean {
    for (const { provenDead } of this.links.values()) if (!provenDead) return false;
    return this.links.size > 0;
  }

  get incarnation(): number | null {
    return this.#incarnation;
  }

  /**
   * What became of a heartbeat: `stale` ones come from an earlier life, or say nothing new. Two lives
   * that are mixed up on arrival are told apart by which one goes on: when the newer one has fallen
   * silent, an earlier one is listened to again.
   */
  heard(over: Interconnect, heartbeat: Heartbeat, now: Millis): 'stale' | 'heard' | 'new-life' {
    const { incarnation, sequence } = heartbeat;
    if (this.state === 'alive' && this.#earlierLives.includes(incarnation)) return 'stale';
    const newLife = this.#incarnation !== null && this.#incarnation !== incarnation;
    if (this.#incarnation !== incarnation) this.#begin(incarnation);
    if (!known(this.links.get(over), over).heard(sequence, now)) return 'stale';
    if (this.#newest === null || this.#newest.heartbeat.sequence < sequence) {
      this.#newest = { heartbeat, receivedMs: now };
    }
    return newLife ? 'new-life' : 'heard';
  }

  hears(node: NodeId, over: Interconnect | null): boolean {
    const pairs = this.#newest?.heartbeat.hears ?? [];
    return pairs.some(
      (pair) => pair.node === node && (over === null || pair.interconnect === over),
    );
  }

  /** Since the last sign of life on any interconnect; null: never heard. */
  silentMs(now: Millis): Millis | null {
    let heardMs: Millis | null = null;
    for (const link of this.links.values()) {
      if (link.heardMs !== null) heardMs = Math.max(link.heardMs, heardMs ?? link.heardMs);
    }
    return heardMs === null ? null : now - heardMs;
  }

  view(self: NodeId, heardByOthers: boolean, now: Millis): NodeView {
    const said = this.#newest?.heartbeat ?? null;
    const agedMs = now - (this.#newest?.receivedMs ?? now);
    const links: Record<Interconnect, LinkView> = {};
    for (const [over, link] of this.links) {
      const silentMs = link.heardMs === null ? null : now - link.heardMs;
      links[over] = { state: link.state, silentMs, hearsUs: this.hears(self, over) };
    }
    return {
      node: this.node,
      state: this.state,
      proofOfDeath: this.proofOfDeath,
      incarnation: this.#incarnation,
      links,
      silentMs: this.silentMs(now),
      heardByOthers,
      fitness: (said?.fitness ?? []).map((one) => ({ ...one, ageMs: one.ageMs + agedMs })),
      groups: said?.groups ?? [],
      lateMs: said?.lateMs ?? 0,
      level: said?.level,
    };
  }

  #begin(incarnation: number): void {
    if (this.#incarnation !== null) {
      const earlier = this.#earlierLives.filter((life) => life !== incarnation);
      this.#earlierLives = [...earlier, this.#incarnation].slice(-REMEMBERED_LIVES);
      for (const link of this.links.values()) link.reborn();
    }
    this.#incarnation = incarnation;
    this.#newest = null;
    this.#clock = new PeerClock();
  }
}
