/**
 * Mechanisms that can be switched off, so that a checker must report the harm. The first ones are
 * production's own switches, the others are made here, around production code.
 */
import { type Sabotage as OfProduction, SABOTAGES } from '../../src/config/types.ts';

export const SIMULATED = [
  /** Synced writes of the log are gone after a power loss. */
  'log-forgets',
  /** Whoever holds a mount may register, and is called fit. */
  'idle-proof',
  /** The owner never looks after its keys. */
  'defence',
  /** Guardians are not told of addresses, and nothing shuts them. */
  'forget-address',
  /** Keys are registered over whatever key was there. */
  'register-and-ignore',
  /** A takeover takes keys away and aborts nothing. */
  'abort',
  /** Owners believe in leases that are longer than those that leaders reckon with. */
  'long-lease',
] as const;

export type Sabotage = OfProduction | (typeof SIMULATED)[number];

export const ALL_SABOTAGES: readonly Sabotage[] = [...SABOTAGES, ...SIMULATED];

export function ofProduction(all: ReadonlySet<Sabotage>): readonly OfProduction[] {
  return SABOTAGES.filter((one) => all.has(one));
}
