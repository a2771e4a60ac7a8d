/**
 * How often a property is tried: few times in CI, fifty times as often with HOLDFAST_LONG=1. fast-check
 * prints seed and path of a failure; HOLDFAST_SEED sets the seed.
 */
import { vi } from 'vitest';

const LONG = process.env['HOLDFAST_LONG'] === '1';
const LONG_FACTOR = 50;

export type Runs = { readonly numRuns: number; readonly seed?: number };

export function runs(inCi: number): Runs {
  const seed = process.env['HOLDFAST_SEED'];
  const numRuns = LONG ? inCi * LONG_FACTOR : inCi;
  return seed === undefined ? { numRuns } : { numRuns, seed: Number(seed) };
}

// Whoever counts runs by this file has the time for them.
vi.setConfig({ testTimeout: LONG ? 3_600_000 : 60_000 });
