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

/** What is left of a wait is never nothing. */
const LEAST_MS: Millis = 0.01;

export class HostClock implements Clock {
  readonly #options: HostClockOptions;
  #offsetMs: Millis;
  #stoodMs: Millis | null = null;
  /** How often it went on after it had stood still: timers of before are late. */
  #pauses = 0;

  constructor(options: HostClockOptions) {
    this.#options = options;
    this.#offsetMs = options.offsetMs;
  }

  now(): Millis {
    return this.#stoodMs ?? this.#running;
  }

  get #running(): Millis {
    const { world, rate } = this.#options;
    return this.#offsetMs + world.now() * rate;
  }

  get stands(): boolean {
    return this.#stoodMs !== null;
  }

  /** As the clock of a guest does whose hypervisor hides the pause. */
  stand(): void {
    if (this.#stoodMs !== null) return;
    this.#stoodMs = this.#running;
    this.#pauses += 1;
  }

  goOn(): void {
    if (this.#stoodMs === null) return;
    this.#offsetMs -= this.#running - this.#stoodMs;
    this.#stoodMs = null;
  }

  async after(delayMs: Millis, signal: AbortSignal): Promise<void> {
    const untilMs = this.now() + delayMs;
    const pauses = this.#pauses;
    await this.#options.world.after(Math.max(0, delayMs) / this.#options.rate, signal);
    if (pauses === this.#pauses) return;
    while (this.now() < untilMs) await this.#options.world.after(this.#leftMs(untilMs), signal);
  }

  schedule(delayMs: Millis, action: () => void): void {
    const untilMs = this.now() + delayMs;
    const pauses = this.#pauses;
    this.#options.world.schedule(Math.max(0, delayMs) / this.#options.rate, () => {
      if (pauses === this.#pauses || this.now() >= untilMs) action();
      else this.schedule(this.#leftMs(untilMs), action);
    });
  }

  #leftMs(untilMs: Millis): Millis {
    return Math.max(LEAST_MS, (untilMs - this.now()) / this.#options.rate);
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
