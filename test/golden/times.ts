/**
 * The times of the stories. A story has moments in it, and stays what it is when a profile is tuned;
 * so these are its own. They keep the rules of `config/times.ts`.
 */
import type { Times } from '../../src/config/types.ts';

export const STORY_TIMES: Times = {
  heartbeatMs: 50,
  detectionMs: 200,
  electionTimeoutMs: 200,
  electionGapMs: 15,
  checkQuorumMs: 250,
  leaseMs: 360,
  leaseRenewMs: 50,
  teardownMs: 50,
  quorumLossGraceMs: 2_000,
  defendIntervalMs: 500,
  fitnessIntervalMs: 1_000,
  clockDrift: 0.001,
};
