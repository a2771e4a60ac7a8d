/**
 * Time that stands still until somebody moves it. Actions run in the order of their time, and of
 * their scheduling where the time is the same: one sequence of calls, one history.
 */
import { assert } from '../lib/assert.ts';
import type { Clock } from '../lib/clock.ts';
import type { Millis } from '../lib/ids.ts';

/** What the network in memory needs of time; a simulation brings its own. */
export type Scheduler = {
  now(): Millis;
  schedule(delayMs: Millis, action: () => void): void;
};

type Scheduled = { readonly dueMs: Millis; readonly order: number; readonly action: () => void };

/** Actions in one `advance`; more is a loop that schedules itself without delay. */
const MAX_ACTIONS = 1_000_000;

export class VirtualTime implements Scheduler, Clock {
  #nowMs: Millis = 0;
  #order = 0;
  readonly #queue: Scheduled[] = [];

  now(): Millis {
    return this.#nowMs;
  }

  schedule(delayMs: Millis, action: () => void): void {
    const entry = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, action };
    this.#order += 1;
    let at = this.#queue.length;
    while (at > 0 && this.#isAfter(at - 1, entry.dueMs)) at -= 1;
    this.#queue.splice(at, 0, entry);
  }

  after(delayMs: Millis, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.schedule(delayMs, resolve);
    });
  }

  /** Runs everything that is due within `durationMs`, what it schedules included. */
  advance(durationMs: Millis): void {
    const untilMs = this.#nowMs + durationMs;
    for (let ran = 0; this.#isDue(untilMs); ran += 1) {
      assert(ran < MAX_ACTIONS, 'virtual time does not get on');
      const next = this.#queue.shift();
      this.#nowMs = next?.dueMs ?? this.#nowMs;
      next?.action();
    }
    this.#nowMs = untilMs;
  }

  #isDue(untilMs: Millis): boolean {
    const first = this.#queue[0];
    return first !== undefined && first.dueMs <= untilMs;
  }

  #isAfter(index: number, dueMs: Millis): boolean {
    const entry = this.#queue[index];
    return entry !== undefined && entry.dueMs > dueMs;
  }
}
