/** Figures of many runs. */

/** The value below which a share of all lies; nearest rank. */
export function quantile(all: readonly number[], share: number): number {
  const sorted = all.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

export type Spread = {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
};

/** Rounded to tenths. */
export function spread(all: readonly number[]): Spread {
  const at = (share: number): number => Math.round(quantile(all, share) * 10) / 10;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
