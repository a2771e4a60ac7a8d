/**
 * Time that moves only when a test says so. Timers fire in the order of their times (then of their
 * making), and what they set in motion is played out before the next one fires, so one sequence of
 * calls has one history. Nothing here waits for the host: played out means a fixed number of turns
 * of the microtask queue, which is all that code without IO needs.
 */
import type { Clock } from '../../src/lib/clock.ts';
import type { Millis } from '../../src/lib/ids.ts';
import { FreezableClock } from './freezable-clock.ts';

type Timer = { readonly atMs: Millis; readonly order: number; fire: (() => void) | null };

/** Deeper chains of promises go on between the next timers, always in the same way. */
const SETTLE_TURNS = 24;
/** The host's own loop gets a turn so often: a test runner must hear from its worker. */
const YIELD_EVERY = 20_000;

export class VirtualClock implements Clock {
  #nowMs: Millis = 1_000;
  #order = 0;
  #fired = 0;
  /** A binary heap: the next timer comes first. */
  readonly #timers: Timer[] = [];

  now(): Millis {
    return this.#nowMs;
  }

  after(delayMs: Millis, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const aborted = (): void => {
        timer.fire = null;
        reject(signal.reason);
      };
      const timer = this.#add(delayMs, () => {
        signal.removeEventListener('abort', aborted);
        resolve();
      });
      signal.addEventListener('abort', aborted, { once: true });
    });
  }

  /** For the network in memory, which is told of time by calls and not by promises. */
  schedule(delayMs: Millis, action: () => void): void {
    this.#add(delayMs, action);
  }

  /** A clock of one host: nothing of it goes on while the host is frozen. */
  host(): FreezableClock {
    return new FreezableClock(this);
  }

  async advance(byMs: Millis): Promise<void> {
    const target = this.#nowMs + byMs;
    await settle();
    for (let timer = this.#take(target); timer !== null; timer = this.#take(target)) {
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      timer.fire?.();
      await settle();
      this.#fired += 1;
      if (this.#fired % YIELD_EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#nowMs = target;
  }

  /** Advances until the predicate holds; false when it did not within `limitMs`. */
  async until(holds: () => boolean, limitMs: Millis, stepMs: Millis = 5): Promise<boolean> {
    const end = this.#nowMs + limitMs;
    while (this.#nowMs < end) {
      if (holds()) return true;
      await this.advance(stepMs);
    }
    return holds();
  }

  #add(delayMs: Millis, fire: () => void): Timer {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, fire };
    this.#order += 1;
    const heap = this.#timers;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(timer, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = timer;
    return timer;
  }

  /** The next timer that is due by then and was not withdrawn. */
  #take(target: Millis): Timer | null {
    for (let first = this.#timers[0]; first !== undefined; first = this.#timers[0]) {
      if (first.fire !== null && first.atMs > target) return null;
      this.#removeFirst();
      if (first.fire !== null) return first;
    }
    return null;
  }

  #removeFirst(): void {
    const heap = this.#timers;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const toRight = right !== undefined && isBefore(right, left);
      const child = toRight ? right : left;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = 2 * at + (toRight ? 2 : 1);
    }
    heap[at] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn += 1) await null;
}
