/**
 * The clock of something that can be stopped: a machine, or a process on it. Its time runs on, as a
 * guest's and a stopped process's does; what comes due meanwhile happens when it goes on, in order.
 * A process stands still with its machine.
 */
import type { Clock } from '../../src/lib/clock.ts';
import type { Millis } from '../../src/lib/ids.ts';

export class FreezableClock implements Clock {
  readonly #inner: Clock;
  readonly #machine: FreezableClock | null;
  #frozen = false;
  #ended = false;
  #waiting: (() => void)[] = [];

  constructor(inner: Clock, machine: FreezableClock | null = null) {
    this.#inner = inner;
    this.#machine = machine;
  }

  /** A process on this machine. */
  process(): FreezableClock {
    return new FreezableClock(this, this);
  }

  /** For those who speak of a host's clock as of a part of it. */
  get clock(): Clock {
    return this;
  }

  get frozen(): boolean {
    return this.#frozen || this.#machine?.frozen === true;
  }

  /** It itself, whatever its machine does. */
  get stands(): boolean {
    return this.#frozen;
  }

  now(): Millis {
    return this.#inner.now();
  }

  async after(delayMs: Millis, signal: AbortSignal): Promise<void> {
    await this.#inner.after(delayMs, signal);
    if (this.#frozen || this.#ended) await new Promise<void>((resolve) => this.run(resolve));
    if (signal.aborted) throw signal.reason;
  }

  /** Runs the work now, or when this goes on; never when this has ended. */
  run(work: () => void): void {
    if (this.#ended) return;
    if (this.#frozen) this.#waiting.push(() => this.run(work));
    else if (this.#machine === null) work();
    else this.#machine.run(work);
  }

  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Power loss, kill -9: nothing of it ever happens any more. */
  end(): void {
    this.#ended = true;
    this.#waiting = [];
  }
}
