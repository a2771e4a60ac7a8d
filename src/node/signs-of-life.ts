/**
 * Tells the service manager that the event loop turns, and in one line what this node is and does. A
 * sign of life comes out of the loop itself, like every other event: a daemon that hangs, or whose loop
 * was stopped, falls silent, is ended by the supervisor, and its guardian takes down what it served.
 *
 * It judges nothing: a node without a majority lives.
 */
import type { Clock } from '../lib/clock.ts';
import { WITHDRAWN } from '../lib/clock.ts';
import type { Millis } from '../lib/ids.ts';
import type { Supervisor } from '../system/sd-notify.ts';

export type SignsOfLifeOptions = {
  /** null: nobody listens, and nothing is done. */
  readonly supervisor: Pick<Supervisor, 'watchdogMs' | 'tell'> | null;
  readonly clock: Clock;
  /** Runs it as an event of the driver. */
  readonly inLoop: (run: () => void) => void;
  readonly summary: () => string;
};

/** A word is lost now and then, or a loop is late: half of the time would be too close. */
const SIGNS_PER_WATCHDOG = 3;
const LONGEST_WAIT_MS: Millis = 2_000;

export class SignsOfLife {
  readonly #options: SignsOfLifeOptions;
  readonly #end = new AbortController();
  #said = '';

  constructor(options: SignsOfLifeOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#live();
  }

  stop(): void {
    this.#end.abort(WITHDRAWN);
  }

  /** The daemon is up; before this the manager does not watch. */
  ready(): void {
    this.#said = this.#options.summary();
    this.#options.supervisor?.tell({ READY: 1, STATUS: this.#said });
  }

  /** It may take its time now: groups are stopped in order, and signs of life go on meanwhile. */
  stopping(): void {
    this.#options.supervisor?.tell({ STOPPING: 1 });
  }

  async #live(): Promise<void> {
    const { supervisor, clock, inLoop } = this.#options;
    if (supervisor === null) return;
    const everyMs = Math.min(
      LONGEST_WAIT_MS,
      (supervisor.watchdogMs ?? Infinity) / SIGNS_PER_WATCHDOG,
    );
    while (!this.#end.signal.aborted) {
      inLoop(() => this.#tell(supervisor));
      // Being stopped ends the wait; that is no failure.
      await clock.after(everyMs, this.#end.signal).catch(() => undefined);
    }
  }

  #tell(supervisor: Pick<Supervisor, 'watchdogMs' | 'tell'>): void {
    if (supervisor.watchdogMs !== null) supervisor.tell({ WATCHDOG: 1 });
    const summary = this.#options.summary();
    if (summary === this.#said) return;
    this.#said = summary;
    supervisor.tell({ STATUS: summary });
  }
}
