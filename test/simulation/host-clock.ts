/**
 * The clock of one machine: it began somewhere else than the others', it runs a little faster or
 * slower than they do (within the drift that a configuration allows). And the same clock as a process
 * sees it that gets too little of its machine: what it waits for comes late. So nothing that compares
 * the clocks of two nodes, or believes that a timer fires in time, gets through a simulation.
 */
import type { Clock } from '../../src/lib/clock.ts';
import type { Millis } from '../../src/lib/ids.ts';
import type { Random } from '../../src/lib/random.ts';
import type { Effects } from './effects.ts';
import type { VirtualClock } from './virtual-clock.ts';

export type HostClockOptions = {
  readonly world: VirtualClock;
  /** Its milliseconds in one of the world's. */
  readonly rate: number;
  readonly offsetMs: Millis;
};

export class HostClock implements Clock {
  readonly #options: HostClockOptions;

  constructor(options: HostClockOptions) {
    this.#options = options;
  }

  now(): Millis {
    const { world, rate, offsetMs } = this.#options;
    return offsetMs + world.now() * rate;
  }

  /** A moment of this clock on the world's. */
  toWorld(atMs: Millis): Millis {
    const { rate, offsetMs } = this.#options;
    return (atMs - offsetMs) / rate;
  }

  after(delayMs: Millis, signal: AbortSignal): Promise<void> {
    return this.#options.world.after(Math.max(0, delayMs) / this.#options.rate, signal);
  }

  schedule(delayMs: Millis, action: () => void): void {
    this.#options.world.schedule(Math.max(0, delayMs) / this.#options.rate, action);
  }
}

/** Timers fire up to `slowMs` too late. */
export class SlowClock implements Clock {
  slowMs: Millis = 0;
  readonly #machine: Clock;
  readonly #random: Random;
  readonly #effects: Effects;

  constructor(machine: Clock, random: Random, effects: Effects) {
    this.#machine = machine;
    this.#random = random;
    this.#effects = effects;
  }

  now(): Millis {
    return this.#machine.now();
  }

  after(delayMs: Millis, signal: AbortSignal): Promise<void> {
    if (this.slowMs === 0) return this.#machine.after(delayMs, signal);
    this.#effects.count('timer-late');
    const lateMs = this.#random.below(this.slowMs);
    return this.#machine.after(delayMs + lateMs, signal);
  }
}
