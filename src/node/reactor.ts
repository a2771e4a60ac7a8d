/**
 * The one event loop of a daemon: a queue of events and one timer for the earliest deadline.
 *
 * The fear: a machine that was paused, or a loop that was starved, wakes with a timer long due and
 * with the news of the meantime still unread in its sockets. Deciding on the timer first is how
 * healthy leaders get deposed and how old owners answer. So a late timer first says that it was late
 * (leases expire at once on that word), then lets the sockets drain, and only then fires.
 *
 * It knows nothing of what the events mean.
 */
import { type Clock, WITHDRAWN } from '../lib/clock.ts';
import type { Millis } from '../lib/ids.ts';
import type { NodeEvent } from './node-event.ts';

export type ReactorOptions = {
  readonly clock: Clock;
  readonly handle: (event: NodeEvent, now: Millis) => void;
  /** Called once when all that had come was handled: what was collected leaves now. */
  readonly settle: (now: Millis) => void;
  /** Does what is due; called when the earliest deadline has come. */
  readonly due: (now: Millis) => void;
  readonly nextDeadlineMs: () => Millis;
  /** A timer that fires later than this was starved or paused. */
  readonly lateMs: Millis;
  /** Rounds of the host's event loop that a late timer leaves to the sockets. */
  readonly drainRounds: number;
  readonly crash: (error: unknown) => void;
};

const LONGEST_WAIT_MS = 1_000;
/** A microtask for much less than `queueMicrotask`, which makes a resource for `async_hooks`. */
const SOON = Promise.resolve();

export class Reactor {
  readonly #options: ReactorOptions;
  readonly #queue: NodeEvent[] = [];
  #scheduled = false;
  #stopped = true;
  #timer: AbortController | null = null;
  #timerAtMs: Millis = Infinity;
  /** The timer whose lateness was told. */
  #lateTimer: AbortController | null = null;
  #turnBeganMs: Millis = 0;

  constructor(options: ReactorOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopped = false;
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.abort(WITHDRAWN);
    this.#queue.length = 0;
  }

  post(event: NodeEvent): void {
    if (this.#stopped) return;
    this.#queue.push(event);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    SOON.then(this.#takeTurn);
  }

  readonly #takeTurn = (): void => {
    this.#scheduled = false;
    if (!this.#stopped) this.#guarded(() => this.#turn());
  };

  #turn(): void {
    const { clock, handle, settle } = this.#options;
    this.#tellLateness();
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      handle(event, clock.now());
      if (this.#stopped) return;
    }
    settle(clock.now());
    if (this.#stopped) return;
    this.#arm();
  }

  /** Once for each timer, before anything else: mail may reach a thawed process before its timers do. */
  #tellLateness(): boolean {
    const { clock, lateMs, handle, settle } = this.#options;
    const byMs = clock.now() - this.#timerAtMs;
    if (this.#timer === null || byMs <= lateMs) return false;
    if (this.#lateTimer === this.#timer) return true;
    this.#lateTimer = this.#timer;
    handle({ kind: 'woke-late', byMs }, clock.now());
    settle(clock.now());
    return true;
  }

  /**
   * Waits for the earliest deadline; an earlier one replaces the wait, a later one needs nothing. What
   * was due before this turn ("at once" is written as 0) is no lateness: the loop was running.
   */
  #arm(): void {
    const { clock } = this.#options;
    const now = clock.now();
    const earliestMs = Math.max(this.#options.nextDeadlineMs(), this.#turnBeganMs);
    const at = Math.min(earliestMs, now + LONGEST_WAIT_MS);
    if (this.#timer !== null && this.#timerAtMs <= at) return;
    this.#timer?.abort(WITHDRAWN);
    const timer = new AbortController();
    this.#timer = timer;
    this.#timerAtMs = at;
    clock.after(Math.max(0, at - now), timer.signal).then(
      () => this.#fire(timer),
      () => undefined, // aborted: an earlier deadline took its place
    );
  }

  async #fire(timer: AbortController): Promise<void> {
    const { clock, drainRounds } = this.#options;
    if (this.#timer !== timer || this.#stopped) return;
    let late = false;
    this.#guarded(() => {
      late = this.#tellLateness();
    });
    if (late) {
      for (let round = 0; round < drainRounds; round += 1) {
        await clock.after(0, new AbortController().signal);
      }
    }
    if (this.#timer !== timer || this.#stopped) return;
    this.#timer = null;
    this.#guarded(() => {
      this.#turnQueueFirst();
      this.#options.due(clock.now());
      this.#turn();
    });
  }

  #turnQueueFirst(): void {
    const { clock, handle } = this.#options;
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      handle(event, clock.now());
    }
  }

  #guarded(work: () => void): void {
    this.#turnBeganMs = this.#options.clock.now();
    try {
      work();
    } catch (error) {
      this.#stopped = true;
      this.#options.crash(error);
    }
  }
}
