/** What many histories add up to. */
import type { Outcome } from './run.ts';

export class Totals {
  seeds = 0;
  violations = 0;
  simulatedMs = 0;
  #events = 0;
  #failovers = 0;
  #servedFailovers = 0;
  #assignments = 0;
  #acknowledged = 0;
  /** Of scripts, and what they did to single messages and commands. */
  readonly #faults = new Map<string, number>();
  readonly #effects = new Map<string, number>();
  readonly #beganMs = performance.now();
  readonly #beganCpu = process.cpuUsage();

  add(outcome: Outcome): void {
    this.seeds += 1;
    this.violations += outcome.violations.length;
    this.simulatedMs += outcome.simulatedMs;
    this.#events += outcome.events;
    this.#failovers += outcome.failovers;
    this.#servedFailovers += outcome.servedFailovers;
    this.#assignments += outcome.assignments;
    this.#acknowledged += outcome.acknowledged;
    add(this.#faults, outcome.faults);
    add(this.#effects, outcome.effects);
  }

  progress(): string {
    const faults = sum(this.#faults) + sum(this.#effects);
    const hours = (this.simulatedMs / 3_600_000).toFixed(2);
    const { perSecond } = this.#speed();
    return (
      `${this.seeds} histories, ${hours} h simulated at ${perSecond} times life, ` +
      `${faults} faults, ${this.#failovers} failovers, ${this.violations} violations`
    );
  }

  /** The last line. */
  json(): string {
    return JSON.stringify(this.sums());
  }

  /** Times in seconds, `cpuSeconds` of this process alone. */
  sums() {
    const { wallSeconds, cpuSeconds, perSecond, eventsPerSecond } = this.#speed();
    const failoversPerCpuSecond = round(this.#failovers / Math.max(0.001, cpuSeconds));
    return {
      seeds: this.seeds,
      violations: this.violations,
      simulatedSeconds: Math.round(this.simulatedMs / 1_000),
      wallSeconds,
      cpuSeconds,
      simulatedPerCpuSecond: perSecond,
      eventsPerCpuSecond: eventsPerSecond,
      events: this.#events,
      faults: sorted(this.#faults),
      effects: sorted(this.#effects),
      faultsInAll: sum(this.#faults) + sum(this.#effects),
      failovers: this.#failovers,
      servedFailovers: this.#servedFailovers,
      failoversPerCpuSecond,
      assignments: this.#assignments,
      acknowledged: this.#acknowledged,
    };
  }

  #speed() {
    const wallSeconds = round((performance.now() - this.#beganMs) / 1_000);
    const { user, system } = process.cpuUsage(this.#beganCpu);
    const cpuSeconds = round((user + system) / 1e6);
    const per = (amount: number): number => Math.round(amount / Math.max(0.001, cpuSeconds));
    return {
      wallSeconds,
      cpuSeconds,
      perSecond: per(this.simulatedMs / 1_000),
      eventsPerSecond: per(this.#events),
    };
  }
}

function round(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}

function add(counts: Map<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) {
    counts.set(name, (counts.get(name) ?? 0) + count);
  }
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

function sorted(counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}
