/**
 * What a machine says when something happens to it, and how fast: the first words of its daemon's
 * log about the end of its group, after the blow.
 */
import { LogTail } from './campaign/log-tail.ts';
import { until } from './kernel/index.ts';
import type { Machine } from './lab.ts';
import type { Report } from './scenario.ts';

const LIMIT_MS = 60_000;
const ENDS = /^group \S+ is (killing|stopping) here$/;
const OVER = /^(group \S+ is down here|this machine resets itself)$/;

/** How an ownership ended there: everything is down, or the machine ends itself because it cannot be. */
export type End = { readonly how: 'down' | 'reset'; readonly why: string };
type Said = { readonly event: string; readonly detail: string };

export class Words {
  readonly #tail: LogTail;
  readonly #report: Report;
  readonly #guest: Machine;
  readonly #from = performance.now();
  readonly #said: Said[] = [];

  /** Listens from now on. */
  constructor(guest: Machine, report: Report) {
    this.#tail = new LogTail(guest);
    this.#guest = guest;
    this.#report = report;
  }

  /** Why it lets go of its group, in its own words. @throws LabError NOT_REACHED */
  async letsGo(): Promise<string> {
    return (await this.#first(ENDS, 'says why it lets go', 'saidAfterMs')).detail;
  }

  /** @throws LabError NOT_REACHED */
  async isOver(): Promise<End> {
    const { event, detail } = await this.#first(OVER, 'says how it ended', 'overAfterMs');
    return { how: event.startsWith('group') ? 'down' : 'reset', why: detail };
  }

  /** Whether it has said so until now. */
  hasLetGo(): boolean {
    return this.#heard().some(({ event }) => ENDS.test(event));
  }

  async #first(pattern: RegExp, what: string, measure: string): Promise<Said> {
    const said = await until(() => this.#heard().find(({ event }) => pattern.test(event)), {
      what: `${this.#guest.name} ${what}`,
      limitMs: LIMIT_MS,
      intervalMs: 2,
    });
    this.#report.measure(measure, performance.now() - this.#from);
    return said;
  }

  #heard(): readonly Said[] {
    for (const { event, facts } of this.#tail.read()) {
      this.#said.push({ event, detail: String(facts['detail'] ?? facts['cause'] ?? '') });
    }
    return this.#said;
  }
}
