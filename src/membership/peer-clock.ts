/**
 * Finds out that *we* stood still. A machine that was paused may not see it on its own clock: the
 * clock was paused as well. But a peer's clock went on, and its heartbeats carry it.
 *
 * The intuition: arrival time minus send time is the (unknown) offset of two clocks plus the
 * transport delay. Delay only ever adds, so the smallest difference of the last while is close to
 * the offset, and a heartbeat cannot come *earlier* than that, unless our clock lost time. Minima of
 * two windows are kept, so that the slow drift of two good clocks does not add up.
 *
 * It does not compare clocks of two nodes in any other way, and nothing is decided by an offset.
 */
import type { Millis } from '../lib/ids.ts';

const WINDOW_MS = 10_000;
/** A minimum of fewer samples may be one slow packet. */
const MIN_SAMPLES = 5;

export class PeerClock {
  #windowStartMs: Millis = Number.NEGATIVE_INFINITY;
  #current: Millis = Number.POSITIVE_INFINITY;
  #previous: Millis = Number.POSITIVE_INFINITY;
  #samples = 0;

  /** How far the peer's clock ran ahead of ours since its fastest heartbeat; 0 when it did not. */
  observe(sentMs: Millis, now: Millis): Millis {
    this.#roll(now);
    const offset = now - sentMs;
    const baseline = Math.min(this.#current, this.#previous);
    const ahead = this.#samples >= MIN_SAMPLES ? Math.max(0, baseline - offset) : 0;
    this.#current = Math.min(this.#current, offset);
    this.#samples = Math.min(this.#samples + 1, MIN_SAMPLES);
    return ahead;
  }

  /** Our clock is known to have lost `byMs`: the old minima move with it. */
  shift(byMs: Millis): void {
    this.#current -= byMs;
    this.#previous -= byMs;
  }

  #roll(now: Millis): void {
    if (now - this.#windowStartMs < WINDOW_MS) return;
    const gap = now - this.#windowStartMs >= 2 * WINDOW_MS;
    this.#previous = gap ? Number.POSITIVE_INFINITY : this.#current;
    if (gap) this.#samples = 0;
    this.#current = Number.POSITIVE_INFINITY;
    this.#windowStartMs = now;
  }
}
