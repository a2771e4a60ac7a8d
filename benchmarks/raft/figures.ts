/** What is reported of many measurements: quantiles (nearest rank), in milliseconds. */

export type Latency = {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
};

export type Rate = {
  readonly perSecond: number;
  readonly outstanding: number;
  readonly latencyMs: Latency;
};

/** What one load measured. `seconds` without the warm-up, `latenciesMs` of what ended in them. */
export type Measured = {
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  readonly failed: number;
};

export function latency(valuesMs: readonly number[]): Latency {
  const sorted = valuesMs.toSorted((one, two) => one - two);
  const at = (share: number): number => {
    const rank = Math.max(0, Math.ceil(share * sorted.length) - 1);
    return rounded(sorted[rank] ?? 0);
  };
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** All rounds as one: their measurements together, and the middle one of their rates. */
export function rate(outstanding: number, rounds: readonly Measured[]): Rate {
  const rates = rounds.map(({ latenciesMs, seconds }) => latenciesMs.length / seconds);
  return {
    perSecond: Math.round(median(rates)),
    outstanding,
    latencyMs: latency(rounds.flatMap(({ latenciesMs }) => latenciesMs)),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, two) => one - two);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
