/**
 * Feeds the machine's watchdog while the guardian keeps its promise: nothing is owned, or every
 * lease is held, or what ran out is down. Otherwise it stops, and the machine is reset.
 *
 * Purpose: the last resort. A process that cannot be killed, an address that cannot be blocked, a
 * guardian that hangs: no program of this machine helps against them. The feeder is a timer of the
 * guardian's own loop, so a guardian that does not run does not feed.
 *
 * It does not reset anything itself and takes nothing back: when what resisted gives way before the
 * time is over, it feeds again. Reference: DESIGN §7; sanlock's watchdog use.
 */
import type { Clock } from '../lib/clock.ts';
import type { Watchdog } from '../system/watchdog.ts';

export type FeederOptions = {
  readonly watchdog: Watchdog;
  readonly clock: Clock;
  /** In words why the machine must not go on; null when all is well. */
  readonly trouble: () => string | null;
  readonly log: (line: string) => void;
};

/** So that one late turn of the loop is no reset. */
const TURNS_OF_A_TIMEOUT = 5;

export class Feeder {
  readonly #options: FeederOptions;
  #told: string | null = null;

  constructor(options: FeederOptions) {
    this.#options = options;
  }

  /** Until the signal aborts; then nobody feeds any more, and who ends it disarms or does not. */
  async run(signal: AbortSignal): Promise<void> {
    const { watchdog, clock } = this.#options;
    while (!signal.aborted) {
      this.#turn();
      const delayMs = watchdog.timeoutMs / TURNS_OF_A_TIMEOUT;
      await clock.after(delayMs, signal).catch(() => {}); // it ends
    }
  }

  #turn(): void {
    const { watchdog, trouble, log } = this.#options;
    const why = trouble();
    if (why === null) watchdog.feed();
    if (why === this.#told) return;
    this.#told = why;
    const inTime = `in ${watchdog.timeoutMs / 1000} s`;
    log(why === null ? 'the watchdog is fed again' : `the machine is reset ${inTime}: ${why}`);
  }
}
