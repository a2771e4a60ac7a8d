/**
 * Messages between simulated nodes: each direction of each pair may be cut, and messages are lost,
 * delayed (hence reordered) and duplicated by chance. Where a speed is set, each machine sends one
 * message after the other, so that a large one delays those behind it, to whomever they go.
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

/** What a message costs apart from what it carries. */
const FRAME_BYTES = 100;

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
  readonly #busyUntil = new Map<NodeId, number>();
  weather: Weather = CALM;
  bytesPerMs = Number.POSITIVE_INFINITY;

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
    const queuedMs = this.#queue(message);
    if (this.#chance(weather.lossPercent)) return;
    const copies = this.#chance(weather.duplicatePercent) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const span = weather.maxDelayMs - weather.minDelayMs;
      const late = this.#chance(weather.stragglerPercent) ? this.#random.below(600) : 0;
      const delayMs = weather.minDelayMs + (this.#random.below(1000) / 1000) * span + late;
      this.#timeline.after(queuedMs + delayMs, () => this.#deliver(message));
    }
  }

  /** Milliseconds until the message has left its machine. */
  #queue(message: RaftMessage): number {
    if (this.bytesPerMs === Number.POSITIVE_INFINITY) return 0;
    const { now } = this.#timeline;
    const free = Math.max(now, this.#busyUntil.get(message.from) ?? 0);
    const left = free + bytesOf(message) / this.bytesPerMs;
    this.#busyUntil.set(message.from, left);
    return left - now;
  }

  #chance(percent: number): boolean {
    return percent > 0 && this.#random.below(100) < percent;
  }
}

function bytesOf(message: RaftMessage): number {
  if (message.kind === 'snapshot') return FRAME_BYTES + message.chunk.byteLength;
  if (message.kind !== 'append') return FRAME_BYTES;
  return message.entries.reduce(
    (sum, entry) => sum + FRAME_BYTES + (entry.kind === 'command' ? entry.data.byteLength : 0),
    FRAME_BYTES,
  );
}
