/**
 * Messages between simulated nodes: each direction of each pair may be cut, and messages are lost,
 * delayed (hence reordered) and duplicated by chance.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import type { Random } from '../../../src/lib/random.ts';
import type { RaftMessage } from '../../../src/raft/types.ts';
import type { Timeline } from './timeline.ts';

export type Weather = {
  readonly lossPercent: number;
  readonly duplicatePercent: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  /** Some messages come very late. */
  readonly stragglerPercent: number;
};

export const CALM: Weather = {
  lossPercent: 0,
  duplicatePercent: 0,
  minDelayMs: 0.2,
  maxDelayMs: 1,
  stragglerPercent: 0,
};

export class Network {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #deliver: (message: RaftMessage) => void;
  readonly #cuts = new Set<string>();
  weather: Weather = CALM;

  constructor(timeline: Timeline, random: Random, deliver: (message: RaftMessage) => void) {
    this.#timeline = timeline;
    this.#random = random;
    this.#deliver = deliver;
  }

  cut(from: NodeId, to: NodeId): void {
    this.#cuts.add(`${from}>${to}`);
  }

  mend(from: NodeId, to: NodeId): void {
    this.#cuts.delete(`${from}>${to}`);
  }

  mendAll(): void {
    this.#cuts.clear();
  }

  send(message: RaftMessage): void {
    if (this.#cuts.has(`${message.from}>${message.to}`)) return;
    const { weather } = this;
    if (this.#chance(weather.lossPercent)) return;
    const copies = this.#chance(weather.duplicatePercent) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const span = weather.maxDelayMs - weather.minDelayMs;
      const late = this.#chance(weather.stragglerPercent) ? this.#random.below(600) : 0;
      const delayMs = weather.minDelayMs + (this.#random.below(1000) / 1000) * span + late;
      this.#timeline.after(delayMs, () => this.#deliver(message));
    }
  }

  #chance(percent: number): boolean {
    return percent > 0 && this.#random.below(100) < percent;
  }
}
