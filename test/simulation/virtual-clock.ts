/**
 * Time that moves only when a test says so. Timers fire in the order of their times (then of their
 * making), and what they set in motion is played out before the next one fires, so one sequence of
 * calls has one history. Nothing here waits for the host: played out means that the queue of
 * microtasks has run empty, which is all that code without IO needs. Node runs `nextTick` exactly
 * then (nodejs.org, "The Node.js event loop": after the current operation and its microtasks).
 */
import type { Clock } from '../../src/lib/clock.ts';
import type { Millis } from '../../src/lib/ids.ts';
import { FreezableClock } from './freezable-clock.ts';

const ONCE = { once: true } as const;
/**
 * What is called then, from within a microtask, asks for the next tick: all microtasks that are queued,
 * and all that those queue, run first. `queueMicrotask` makes a resource for `async_hooks` each time.
 */
const QUEUED = Promise.resolve();

type Timer = { readonly atMs: Millis; readonly order: number; fire: (() => void) | null };

/** The host's own loop gets a turn so often: a test runner must hear from its worker. */
const YIELD_EVERY = 20_000;

export class VirtualClock implements Clock {
  #nowMs: Millis = 1_000;
  #order = 0;
  #fired = 0;
  #yieldedAt = 0;
  /** A binary heap: the next timer comes first. */
  readonly #timers: Timer[] = [];
  /** What comes due in one instant is one turn: a host that is interrupted once finds all of it. */
  readonly #together: boolean;

  constructor(options: { readonly together?: boolean } = {}) {
    this.#together = options.together ?? false;
  }

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
      signal.addEventListener('abort', aborted, ONCE);
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

  /** How many timers have fired so far. */
  get fired(): number {
    return this.#fired;
  }

  advance(byMs: Millis): Promise<void> {
    const target = this.#nowMs + byMs;
    return new Promise((resolve, reject) => {
      const playedOut = (): void => process.nextTick(turn);
      const turn = (): void => {
        try {
          let timer = this.#take(target);
          if (timer === null) {
            this.#nowMs = target;
            resolve();
            return;
          }
          const { atMs } = timer;
          for (; timer !== null; timer = this.#together ? this.#take(atMs) : null)
            this.#fire(timer);
        } catch (error) {
          reject(error);
          return;
        }
        if (this.#fired < this.#yieldedAt + YIELD_EVERY) QUEUED.then(playedOut);
        else {
          this.#yieldedAt = this.#fired;
          setImmediate(turn);
        }
      };
      QUEUED.then(playedOut);
    });
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

  #fire(timer: Timer): void {
    this.#nowMs = Math.max(this.#nowMs, timer.atMs);
    this.#fired += 1;
    const { fire } = timer;
    timer.fire = null;
    fire?.();
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
