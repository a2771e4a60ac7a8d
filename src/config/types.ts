/** What a daemon is told at its start: this node, its cluster, and how patient everyone is. */
import type { GroupDefinition, Member } from '../cluster/definition.ts';
import type { Interconnect, Millis, NodeId } from '../lib/ids.ts';

/**
 * All times of one cluster, checked against each other when a configuration is read (DESIGN §7).
 * H heartbeatMs, D detectionMs, L leaseMs, R leaseRenewMs, W teardownMs.
 */
export type Times = {
  readonly heartbeatMs: Millis;
  readonly detectionMs: Millis;
  readonly electionTimeoutMs: Millis;
  readonly electionGapMs: Millis;
  readonly checkQuorumMs: Millis;
  readonly leaseMs: Millis;
  readonly leaseRenewMs: Millis;
  /** Budget for bringing addresses and application down. */
  readonly teardownMs: Millis;
  /** From soft to hard expiry. */
  readonly quorumLossGraceMs: Millis;
  /** How often the owner reads the keys of its disks. */
  readonly defendIntervalMs: Millis;
  /** How often a node checks whether it could take a group. */
  readonly fitnessIntervalMs: Millis;
  /** ρ: two clocks of the cluster never drift apart faster than this. */
  readonly clockDrift: number;
};

export type NodeConfig = {
  readonly clusterId: string;
  readonly node: NodeId;
  readonly dataDirectory: string;
  readonly socketPath: string;
  readonly profile: 'fast' | 'safe';
  readonly times: Times;
  readonly interconnects: readonly Interconnect[];
  /** The bootstrap list: counts only until a membership is committed. */
  readonly members: readonly Member[];
  /** Defined by the first leader when the cluster does not know them yet. */
  readonly groups: readonly GroupDefinition[];
  /** Test only: mechanisms switched off so that a checker must report the harm. */
  readonly sabotage: readonly Sabotage[];
};

export const SABOTAGES = ['fence', 'lease', 'guardian', 'fsync', 'epoch'] as const;
export type Sabotage = (typeof SABOTAGES)[number];
