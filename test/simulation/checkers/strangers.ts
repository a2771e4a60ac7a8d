/** Nothing is stolen from a stranger: a key that is not of this cluster stays where it is. */
import type { Report } from './report.ts';

export class StrangerChecker {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  /** After each command that changed something, while a stranger is on the disk. */
  judge(disk: string, nexus: string, command: string, isThere: boolean): void {
    if (isThere) return;
    this.#report('nothing stolen from a stranger', nexus, `${command} took its key off ${disk}`);
  }
}
