/**
 * Time that moves only when a test says so. Timers fire in the order of their times (then of their
 * making), and everything that they set in motion is played out before the next one fires.
 */
import type { Clock } from '../../src/lib/clock.ts';
import type { Millis } from '../../src/lib/ids.ts';

type Timer = {
  readonly atMs: Millis;
  readonly order: number;
  readonly fire: () => void;
};

/** Rounds of the host's event loop after a timer: promises of promises settle in these. */
const SETTLE_ROUNDS = 2;

export class VirtualClock {
  #nowMs: Millis = 1_000;
  #order = 0;
  readonly #timers = new Set<Timer>();

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
        this.#timers.delete(timer);
        reject(signal.reason);
      };
      const timer: Timer = {
        atMs: this.#nowMs + Math.max(0, delayMs),
        order: this.#order++,
        fire: () => {
          signal.removeEventListener('abort', aborted);
          resolve();
        },
      };
      signal.addEventListener('abort', aborted, { once: true });
      this.#timers.add(timer);
    });
  }

  /** For the network in memory, which is told of time by calls and not by promises. */
  schedule(delayMs: Millis, action: () => void): void {
    const atMs = this.#nowMs + Math.max(0, delayMs);
    this.#timers.add({ atMs, order: this.#order++, fire: action });
  }

  /** A clock of one host: it stands still while the host is frozen. */
  host(): { readonly clock: Clock; freeze(): void; thaw(): void } {
    return hostClock(this);
  }

  async advance(byMs: Millis): Promise<void> {
    const target = this.#nowMs + byMs;
    await settle();
    for (let timer = this.#next(target); timer !== null; timer = this.#next(target)) {
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.atMs);
      timer.fire();
      await settle();
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

  #next(target: Millis): Timer | null {
    let best: Timer | null = null;
    for (const timer of this.#timers) {
      if (timer.atMs > target) continue;
      const earlier =
        best === null ||
        timer.atMs < best.atMs ||
        (timer.atMs === best.atMs && timer.order < best.order);
      if (earlier) best = timer;
    }
    return best;
  }
}

/** Timers of a frozen host that come due wait for the thaw; its clock runs on, as a guest's does. */
function hostClock(clock: VirtualClock): {
  readonly clock: Clock;
  freeze(): void;
  thaw(): void;
} {
  let frozen = false;
  let waiting: (() => void)[] = [];
  return {
    clock: {
      now: () => clock.now(),
      after: (delayMs, signal) =>
        clock.after(delayMs, signal).then(() =>
          frozen
            ? new Promise<void>((resolve) => {
                waiting.push(resolve);
              })
            : undefined,
        ),
    },
    freeze: () => {
      frozen = true;
    },
    thaw: () => {
      frozen = false;
      const due = waiting;
      waiting = [];
      for (const resume of due) resume();
    },
  };
}

async function settle(): Promise<void> {
  for (let round = 0; round < SETTLE_ROUNDS; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
