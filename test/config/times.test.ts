import { describe, expect, it } from 'vitest';
import { checkTimes, defaultAssumptions, defaultTimes } from '../../src/config/times.ts';
import { PROFILES, type Times } from '../../src/config/types.ts';
import { parseDuration } from '../../src/config/values.ts';

const fast = defaultTimes('fast');
const check = (change: Partial<Times>, voters = 3) =>
  checkTimes({ ...fast, ...change }, voters, defaultAssumptions('fast'));

describe('defaultTimes', () => {
  it('each profile keeps the rules for any number of voters', () => {
    for (const profile of PROFILES) {
      for (const voters of [1, 2, 3, 5, 7, 9]) {
        const times = defaultTimes(profile, voters);
        expect(checkTimes(times, voters, defaultAssumptions(profile))).toEqual([]);
      }
    }
  });

  it('the fast profile is the one of the design', () => {
    expect(fast).toMatchObject({ heartbeatMs: 30, detectionMs: 140, leaseMs: 260 });
  });

  it('with more voters an election may take longer, and the lease grows with it', () => {
    expect(defaultTimes('fast', 5).leaseMs).toBeGreaterThan(fast.leaseMs);
  });
});

describe('checkTimes', () => {
  it.each([
    [{ detectionMs: 139 }, 'detectionMs', '139 < 3 * 30 + 50 = 140 ms'],
    [{ electionTimeoutMs: 139 }, 'electionTimeoutMs', '139 < 140 ms'],
    [{ electionGapMs: 11 }, 'electionGapMs', '11 < 2 * (1 + 5) = 12 ms'],
    [{ checkQuorumMs: 139 }, 'checkQuorumMs', '139 < 140 ms'],
    [{ checkQuorumMs: 261 }, 'checkQuorumMs', '261 > 260 ms'],
    [{ leaseMs: 259 }, 'leaseMs', '259 < 30 + 140 + 42 + 6 + 2 + 40 = 260 ms, with 3 voters'],
  ] as const)('%j is refused with its numbers', (change, figure, numbers) => {
    const problems = check(change);
    expect(problems.map((problem) => problem.figure)).toEqual([figure]);
    expect(problems[0]?.detail).toContain(numbers);
  });

  it('the figures at the bounds are accepted', () => {
    expect(check({ leaseMs: 260, electionGapMs: 12, checkQuorumMs: 140 })).toEqual([]);
  });

  it('a lease that is enough for three voters is not enough for nine', () => {
    expect(check({}, 9).map((problem) => problem.figure)).toEqual(['leaseMs']);
  });

  it('every inequality that does not hold is told', () => {
    const problems = check({ heartbeatMs: 500, electionGapMs: 1, checkQuorumMs: 1 });
    expect(problems.map((problem) => problem.figure)).toEqual([
      'detectionMs',
      'electionGapMs',
      'checkQuorumMs',
    ]);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('a heartbeat of %d ms', (heartbeatMs) => {
    expect(check({ heartbeatMs })).toMatchObject([{ figure: 'heartbeatMs' }]);
  });

  it.each([-0.1, 0.5, Number.NaN])('a clock drift of %d', (clockDrift) => {
    expect(check({ clockDrift })).toMatchObject([{ figure: 'clockDrift' }]);
  });
});

describe('parseDuration', () => {
  it.each([
    ['200ms', 200],
    ['2s', 2_000],
    ['1.5s', 1_500],
    ['2min', 120_000],
    ['1h', 3_600_000],
    [' 10 ms ', 10],
    [75, 75],
  ])('%j is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '200', '2 seconds', '-1s', '0ms', 0, -5, Number.NaN, '1e3ms', null, true, '999h'])(
    '%j is no duration',
    (text) => {
      expect(parseDuration(text)).toBeNull();
    },
  );
});
