/**
 * What a machine says when something happens to it, and how fast: the first words of its daemon's
 * log about the end of its group, after the blow.
 */
import { firstLine, LogTail } from './campaign/log-tail.ts';
import type { Machine } from './lab.ts';
import type { Report } from './scenario.ts';

const LIMIT_MS = 60_000;
const ENDS = /^group \S+ is (killing|stopping) here$/;

export class Words {
  readonly #tail: LogTail;
  readonly #report: Report;
  readonly #guest: Machine;
  readonly #from = performance.now();

  /** Listens from now on. */
  constructor(guest: Machine, report: Report) {
    this.#tail = new LogTail(guest);
    this.#guest = guest;
    this.#report = report;
  }

  /** Why it lets go of its group, in its own words. @throws LabError NOT_REACHED */
  async letsGo(): Promise<string> {
    const what = `${this.#guest.name} says why it lets go`;
    const { line } = await firstLine(
      [this.#tail],
      (_, { event }) => ENDS.test(event),
      what,
      LIMIT_MS,
    );
    this.#report.measure('saidAfterMs', performance.now() - this.#from);
    return String(line.facts['detail'] ?? '');
  }

  /** Whether it has said so until now. */
  hasLetGo(): boolean {
    return this.#tail.read().some(({ event }) => ENDS.test(event));
  }
}
