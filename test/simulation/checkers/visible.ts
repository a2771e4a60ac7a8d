/**
 * P4: an address is answered by one host, and an application runs on one. A machine that was frozen
 * is excused for 50 ms after it runs again, for its applications; its addresses are behind a packet
 * filter that runs out by itself, and are not excused. Where its clock stood still meanwhile the filter
 * has not run out either: excused for 50 ms, and where nobody on it can find out, for a lease more.
 */
import type { Millis } from '../../../src/lib/ids.ts';
import type { Report } from './report.ts';

/** P4: so long may a frozen machine that runs again show what it had. */
export const AFTER_THAW_MS: Millis = 50;

export type Shown = { readonly host: string; readonly isExcused: boolean };

export class VisibleChecker {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  address(address: string, answering: readonly Shown[]): void {
    const there = answering.filter(({ isExcused }) => !isExcused);
    if (there.length < 2) return;
    const hosts = there.map(({ host }) => host).join(' and ');
    this.#report('one answer', hosts, `both answer for ${address}`);
  }

  application(application: string, running: readonly Shown[]): void {
    const there = running.filter(({ isExcused }) => !isExcused);
    if (there.length < 2) return;
    const hosts = there.map(({ host }) => host).join(' and ');
    this.#report('one application', hosts, `${application} runs on both`);
  }
}
