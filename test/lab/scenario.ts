/**
 * What a scenario is, and the report that it writes. A scenario tells a story with one laboratory
 * and checks sentences; a check that does not hold does not end it, since what comes after is part
 * of the story. An exception does.
 */

import type { LabOptions } from './kernel/index.ts';
import type { Lab } from './lab.ts';

export type Check = { readonly what: string; readonly ok: boolean; readonly detail?: string };
export type ScenarioReport = {
  readonly ok: boolean;
  readonly checks: readonly Check[];
  /** Durations and counts worth keeping; the name ends in its unit. */
  readonly measures: Readonly<Record<string, number>>;
  /** What the last line of `--json` says besides, of a scenario that repeats itself. */
  readonly summary?: Readonly<Record<string, unknown>>;
};
export type ScenarioContext = {
  readonly lab: Lab;
  readonly options: Required<Pick<LabOptions, 'nodes' | 'luns'>>;
  readonly report: Report;
  /** What is to be broken on purpose; the scenario must then fail. */
  readonly sabotage: string | undefined;
  /** One of the scenario's `faults`; undefined: all in turn. */
  readonly fault?: string | undefined;
  /** More than 1 only for a scenario that repeats itself. */
  readonly runs: number;
};
export type Scenario = {
  readonly name: string;
  readonly about: string;
  readonly lab?: LabOptions;
  readonly sabotages?: readonly string[];
  readonly faults?: readonly string[];
  /** It does `--runs` itself, in one laboratory; any other gets a fresh one for each run. */
  readonly repeatsItself?: boolean;
  run(context: ScenarioContext): Promise<ScenarioReport>;
};

export class Report {
  readonly checks: Check[] = [];
  readonly measures: Record<string, number> = {};
  readonly #say: (line: string) => void;
  readonly #began: number = performance.now();

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  say(text: string): void {
    this.#say(`${((performance.now() - this.#began) / 1000).toFixed(1).padStart(6)} s  ${text}`);
  }

  check(what: string, ok: boolean, detail?: string): boolean {
    this.checks.push({ what, ok, ...(detail === undefined ? {} : { detail }) });
    this.say(`${ok ? 'ok  ' : 'FAIL'}  ${what}${detail === undefined ? '' : ` (${detail})`}`);
    return ok;
  }

  measure(name: string, value: number): void {
    this.measures[name] = Math.round(value * 10) / 10;
    this.say(`${name} ${this.measures[name]}`);
  }

  /** Runs it and keeps how long it took, under `<name>Ms`. */
  async time<T>(name: string, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const value = await work();
    this.measure(`${name}Ms`, performance.now() - began);
    return value;
  }

  done(): ScenarioReport {
    const ok = this.checks.length > 0 && this.checks.every((check) => check.ok);
    return { ok, checks: this.checks, measures: this.measures };
  }
}
