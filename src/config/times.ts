/**
 * How patient a cluster is: two ready profiles, and the inequalities that hold them together.
 *
 * The fear behind it: a lease that is shorter than an election lets healthy owners fall silent each
 * time a leader crashes; a detector faster than its own scheduling accuses the living. So no set of
 * times is used before `checkTimes` has compared each figure with those that it depends on
 * (DESIGN §7). The figures it cannot know (scheduling, network, disk) are stated as assumptions.
 * It does not measure them: a daemon that finds worse says so in its log.
 */
import type { Millis } from '../lib/ids.ts';
import type { Assumptions, Profile, Times } from './types.ts';

/** What a profile assumes where `times: assume:` says nothing. */
export const ASSUMED: Readonly<Record<Profile, Assumptions>> = {
  fast: { latenessMs: 50, roundTripMs: 1, syncMs: 5 },
  safe: { latenessMs: 400, roundTripMs: 10, syncMs: 40 },
};

const DEFAULTS: Readonly<Record<Profile, Times>> = {
  fast: {
    heartbeatMs: 30,
    detectionMs: 140,
    electionTimeoutMs: 140,
    electionGapMs: 12,
    checkQuorumMs: 180,
    leaseMs: 260,
    leaseRenewMs: 30,
    teardownMs: 40,
    quorumLossGraceMs: 2_000,
    defendIntervalMs: 500,
    fitnessIntervalMs: 1_000,
    clockDrift: 0.001,
  },
  safe: {
    heartbeatMs: 200,
    detectionMs: 1_000,
    electionTimeoutMs: 1_000,
    electionGapMs: 100,
    checkQuorumMs: 1_250,
    leaseMs: 2_100,
    leaseRenewMs: 200,
    teardownMs: 400,
    quorumLossGraceMs: 5_000,
    defendIntervalMs: 2_000,
    fitnessIntervalMs: 2_000,
    clockDrift: 0.001,
  },
};

/** Leases are rounded up to this, so that figures in files and logs stay easy to read. */
const LEASE_STEP_MS = 10;
const MAX_CLOCK_DRIFT = 0.05;
/** Longer than this is a slip of the unit, and overflows the timers of the runtime. */
const MAX_TIME_MS = 3_600_000;

export function defaultAssumptions(profile: Profile): Assumptions {
  return ASSUMED[profile];
}

/** The profile's times. With more than three voters an election may take longer, and so the lease. */
export function defaultTimes(profile: Profile, voters = 3): Times {
  const times = DEFAULTS[profile];
  const least = leastLease(times, voters, ASSUMED[profile]);
  const leaseMs = Math.max(times.leaseMs, Math.ceil(least / LEASE_STEP_MS) * LEASE_STEP_MS);
  return { ...times, leaseMs };
}

export type TimesProblem = {
  /** The figure to change first. */
  readonly figure: keyof Times;
  /** The inequality in the words of the design, then with the numbers of this case. */
  readonly detail: string;
};

type Rule = {
  readonly figure: keyof Times;
  readonly holds: boolean;
  readonly rule: string;
  readonly numbers: string;
};

/**
 * Every inequality that does not hold. Figures that are no positive finite numbers are reported
 * alone, since nothing can be reckoned with them.
 */
export function checkTimes(
  times: Times,
  voters: number,
  assumptions: Assumptions,
): readonly TimesProblem[] {
  const unusable = unusableFigures(times);
  if (unusable.length > 0) return unusable;
  return rulesOf(times, voters, assumptions)
    .filter((rule) => !rule.holds)
    .map(({ figure, rule, numbers }) => ({ figure, detail: `${rule}: ${numbers}` }));
}

function unusableFigures(times: Times): readonly TimesProblem[] {
  const figures = Object.entries(times) as readonly (readonly [keyof Times, number])[];
  return figures.flatMap(([figure, value]): readonly TimesProblem[] => {
    if (figure === 'clockDrift') {
      if (value >= 0 && value <= MAX_CLOCK_DRIFT) return [];
      return [{ figure, detail: `clock drift lies between 0 and ${MAX_CLOCK_DRIFT}: ${value}` }];
    }
    if (value > 0 && value <= MAX_TIME_MS) return [];
    return [{ figure, detail: `lies above 0 and at most ${MAX_TIME_MS} ms: ${value} ms` }];
  });
}

/** E: how long an election may take once the leader is suspected. */
function electionMs(times: Times, voters: number, assumed: Assumptions): Millis {
  const spread = Math.max(0, voters - 1) * times.electionGapMs;
  return spread + 3 * (assumed.roundTripMs + assumed.syncMs);
}

/** R + D + E + commit + 2·RTT + W, where suspicion of the leader is the election timeout. */
function leastLease(times: Times, voters: number, assumed: Assumptions): Millis {
  const commitMs = assumed.roundTripMs + assumed.syncMs;
  const suspicionMs = Math.max(times.detectionMs, times.electionTimeoutMs);
  const election = electionMs(times, voters, assumed);
  const trips = 2 * assumed.roundTripMs;
  return times.leaseRenewMs + suspicionMs + election + commitMs + trips + times.teardownMs;
}

function rulesOf(times: Times, voters: number, assumed: Assumptions): readonly Rule[] {
  const { heartbeatMs, detectionMs, electionTimeoutMs, electionGapMs } = times;
  const { checkQuorumMs, leaseMs, leaseRenewMs, teardownMs } = times;
  const { latenessMs, roundTripMs, syncMs } = assumed;
  const leastDetection = 3 * heartbeatMs + latenessMs;
  const leastGap = 2 * (roundTripMs + syncMs);
  const election = electionMs(times, voters, assumed);
  const least = leastLease(times, voters, assumed);
  const suspicionMs = Math.max(detectionMs, electionTimeoutMs);
  return [
    {
      figure: 'detectionMs',
      holds: detectionMs >= leastDetection,
      rule: 'detection >= 3 * heartbeat + lateness',
      numbers: `${detectionMs} < 3 * ${heartbeatMs} + ${latenessMs} = ${leastDetection} ms`,
    },
    {
      figure: 'electionTimeoutMs',
      holds: electionTimeoutMs >= detectionMs,
      rule: 'election-timeout >= detection',
      numbers: `${electionTimeoutMs} < ${detectionMs} ms`,
    },
    {
      figure: 'electionGapMs',
      holds: electionGapMs >= leastGap,
      rule: 'election-gap >= 2 * (round-trip + sync)',
      numbers: `${electionGapMs} < 2 * (${roundTripMs} + ${syncMs}) = ${leastGap} ms`,
    },
    {
      figure: 'checkQuorumMs',
      holds: checkQuorumMs >= detectionMs,
      rule: 'check-quorum >= detection',
      numbers: `${checkQuorumMs} < ${detectionMs} ms`,
    },
    {
      figure: 'checkQuorumMs',
      holds: checkQuorumMs <= leaseMs,
      rule: 'check-quorum <= lease',
      numbers: `${checkQuorumMs} > ${leaseMs} ms`,
    },
    {
      figure: 'leaseMs',
      holds: leaseMs >= least,
      rule: 'lease >= lease-renew + suspicion + election + commit + 2 * round-trip + teardown',
      numbers:
        `${leaseMs} < ${leaseRenewMs} + ${suspicionMs} + ${election} + ${roundTripMs + syncMs}` +
        ` + ${2 * roundTripMs} + ${teardownMs} = ${least} ms, with ${voters} voters`,
    },
  ];
}
