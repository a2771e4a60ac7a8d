/** Reads `times:` over the figures of the profile, and holds the result against DESIGN §7. */
import type { z } from 'zod';
import { timesSchema } from './schema.ts';
import { readPart } from './shape.ts';
import type { Source } from './source.ts';
import { checkTimes, defaultAssumptions, defaultTimes } from './times.ts';
import type { Assumptions, Profile, Times } from './types.ts';

/** How the figures are called in a file. */
export const TIMES_KEYS = {
  heartbeatMs: 'heartbeat',
  detectionMs: 'detection',
  electionTimeoutMs: 'election-timeout',
  electionGapMs: 'election-gap',
  checkQuorumMs: 'check-quorum',
  leaseMs: 'lease',
  leaseRenewMs: 'lease-renew',
  teardownMs: 'teardown',
  quorumLossGraceMs: 'quorum-loss-grace',
  defendIntervalMs: 'defend-interval',
  fitnessIntervalMs: 'fitness-interval',
  clockDrift: 'clock-drift',
} as const satisfies Readonly<Record<keyof Times, string>>;

export type TimesContext = {
  readonly profile: Profile;
  readonly voters: number;
  /** The figures are those of a running cluster: that it has grown since is no fault of this file. */
  readonly invited: boolean;
};

/** null when the figures could not be read, or contradict each other. */
export function readTimes(
  source: Source,
  raw: unknown,
  { profile, voters, invited }: TimesContext,
): Times | null {
  const read = raw === undefined ? {} : readPart(source, ['times'], raw, timesSchema);
  if (read === null) return null;
  const times = overlay(defaultTimes(profile, voters), read);
  const assumed = assumptionsOf(profile, read);
  const problems = checkTimes(times, invited ? 1 : voters, assumed);
  for (const { figure, detail } of problems) {
    source.error('TIMES_INCONSISTENT', ['times', TIMES_KEYS[figure]], detail);
  }
  if (problems.length > 0) return null;
  for (const { figure, detail } of checkTimes(times, voters, assumed)) {
    source.warn(['times', TIMES_KEYS[figure]], detail);
  }
  return times;
}

type Read = z.output<typeof timesSchema>;

function overlay(times: Times, read: Read): Times {
  const figures = Object.keys(TIMES_KEYS) as readonly (keyof Times)[];
  const own = figures.map((figure) => [figure, read[TIMES_KEYS[figure]] ?? times[figure]]);
  return { ...times, ...Object.fromEntries(own) };
}

function assumptionsOf(profile: Profile, { assume }: Read): Assumptions {
  const assumed = defaultAssumptions(profile);
  return {
    latenessMs: assume?.lateness ?? assumed.latenessMs,
    roundTripMs: assume?.['round-trip'] ?? assumed.roundTripMs,
    syncMs: assume?.sync ?? assumed.syncMs,
  };
}
