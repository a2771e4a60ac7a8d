/**
 * Which sequence numbers of one sender were seen: the first copy of a frame wins, every later one is
 * dropped. A bitmap over the last `SPAN` numbers, because a slow interconnect delivers late what a
 * fast one lost, so "greater than the last" would throw away frames that nobody has seen yet.
 *
 * What lies before the window counts as seen: losing a frame is allowed, delivering it twice is not.
 * Reference: the anti-replay window of RFC 4303 §3.4.3 (IPsec ESP).
 */

/** Frames that one interconnect may be ahead of another: 8192 of them are seconds of Raft traffic. */
export const SPAN = 8192;

export class SlidingWindow {
  #highest = -1;
  readonly #bits = new Uint32Array(SPAN / 32);

  /** `sequence` is a safe integer, 0 or more. */
  has(sequence: number): boolean {
    if (sequence > this.#highest) return false;
    return sequence <= this.#highest - SPAN || this.#isSet(sequence);
  }

  add(sequence: number): void {
    if (this.has(sequence)) return;
    if (sequence > this.#highest) this.#slideTo(sequence);
    this.#set(sequence);
  }

  #slideTo(sequence: number): void {
    const distance = sequence - this.#highest;
    if (distance >= SPAN) {
      this.#bits.fill(0);
    } else {
      for (let between = this.#highest + 1; between < sequence; between += 1) this.#clear(between);
      this.#clear(sequence);
    }
    this.#highest = sequence;
  }

  #isSet(sequence: number): boolean {
    const bit = sequence % SPAN;
    return (((this.#bits[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1;
  }

  #set(sequence: number): void {
    const bit = sequence % SPAN;
    this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }

  #clear(sequence: number): void {
    const bit = sequence % SPAN;
    this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) & ~(1 << (bit & 31));
  }
}
