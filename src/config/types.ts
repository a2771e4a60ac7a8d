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

/** `fast`: a LAN and real-time scheduling. `safe`: slow machines, guests, wide networks. */
export const PROFILES = ['fast', 'safe'] as const;
export type Profile = (typeof PROFILES)[number];

/** What the times are reckoned from: 99th percentiles that the operator vouches for (DESIGN §7). */
export type Assumptions = {
  /** How late a heartbeat is sent or noticed, since the daemon did not run. */
  readonly latenessMs: Millis;
  /** There and back between two members. */
  readonly roundTripMs: Millis;
  /** One synced write to the disk of the log. */
  readonly syncMs: Millis;
};

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export type LogConfig = {
  readonly level: (typeof LOG_LEVELS)[number];
  /** null: stderr. */
  readonly file: string | null;
  /** Where every event of the driver is written for replay; null: nowhere. */
  readonly trace: string | null;
};

/** Groups of the machine whose members may order, or only ask; null: not configured. */
export type OperatorsConfig = {
  readonly adminGroup: string | null;
  readonly readOnlyGroup: string | null;
};

export const SEVERITIES = ['info', 'warning', 'critical'] as const;

/** Who is told of what happens. */
export type NotificationConfig = {
  /** What matters less is not told. */
  readonly least: (typeof SEVERITIES)[number];
  readonly target:
    | { readonly kind: 'webhook'; readonly url: string; readonly tokenFile: string | null }
    | { readonly kind: 'command'; readonly argv: readonly string[] }
    | { readonly kind: 'syslog' };
};

export type NodeConfig = {
  readonly clusterId: string;
  readonly node: NodeId;
  readonly dataDirectory: string;
  readonly socketPath: string;
  readonly profile: Profile;
  readonly times: Times;
  readonly interconnects: readonly Interconnect[];
  /** The bootstrap list: counts only until a membership is committed. */
  readonly members: readonly Member[];
  /** This node joined later: the list says where the cluster is, and nobody votes because of it. */
  readonly invited?: boolean;
  /** Defined by the first leader when the cluster does not know them yet. */
  readonly groups: readonly GroupDefinition[];
  /** Test only: mechanisms switched off so that a checker must report the harm. */
  readonly sabotage: readonly Sabotage[];
  /** Fed by the guardian as long as it keeps its promise, else the machine is reset. */
  readonly watchdog?: { readonly device: string; readonly timeoutMs: Millis } | undefined;
  /** Missing: level `info` to stderr, no trace. */
  readonly log?: LogConfig;
  /** Missing: whoever may open the socket may do everything. */
  readonly operators?: OperatorsConfig;
  /** Missing: nobody is told. */
  readonly notifications?: readonly NotificationConfig[];
};

export const SABOTAGES = ['fence', 'lease', 'guardian', 'fsync', 'epoch'] as const;
export type Sabotage = (typeof SABOTAGES)[number];
