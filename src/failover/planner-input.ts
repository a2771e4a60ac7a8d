/**
 * What the planner is told: the committed state, what the leader sees, what it has granted, and how
 * patient the cluster is. A value; one plan needs nothing else.
 */
import type { GroupDefinition, Member } from '../cluster/definition.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { GroupId, Millis, NodeId } from '../lib/ids.ts';
import type { View } from '../membership/view.ts';
import type { GroupAge, GroupAgesAt } from './group-ages.ts';
import type { LeaseLedger } from './lease-ledger.ts';
import type { NodeAgesAt } from './node-ages.ts';

/** The times of DESIGN §7 that placement depends on. */
export type PlannerTimes = {
  readonly heartbeatMs: Millis;
  readonly detectionMs: Millis;
  readonly fitnessIntervalMs: Millis;
  /** Budget for bringing what is visible down; missing: as short as can be. */
  readonly teardownMs?: Millis;
};

export type PlannerInput = {
  readonly state: ClusterState;
  readonly self: NodeId;
  readonly incarnation: number;
  readonly now: Millis;
  /** With this node in it (`withSelf`): a leader must not forget itself when it places a group. */
  readonly view: View;
  readonly ledger: Pick<LeaseLedger, 'remainderMs'>;
  readonly leaderSinceMs: Millis;
  /** Until an entry of this term is applied, the state may lack what earlier leaders committed. */
  readonly appliedOwnTerm: boolean;
  readonly clusterId: string;
  readonly bootstrapMembers: readonly Member[];
  readonly bootstrapGroups: readonly GroupDefinition[];
  /** Keys of proposals that are neither applied nor refused yet. */
  readonly inFlight: ReadonlySet<string>;
  readonly times: PlannerTimes;
  /** How long the election took that made this node leader; null: unknown. */
  readonly electionMs: Millis | null;
  /** From `GroupAges`. */
  readonly ages: GroupAgesAt;
  /** From `NodeAges`; missing: nothing was lost. */
  readonly nodeAges?: NodeAgesAt;
  /** Wall clock, milliseconds since 1970, for what operators say in times of the day; null: unknown. */
  readonly wallMs?: Millis | null;
};

/** After this many detection times a leader stops waiting for nodes that it has never heard. */
export const BOOT_GRACE_DETECTIONS = 10;

/** A node checks its fitness each interval, and one check may take five of them. */
const FITNESS_INTERVALS = 6;

export function maxFitnessAgeMs({ times }: { readonly times: PlannerTimes }): Millis {
  return FITNESS_INTERVALS * times.fitnessIntervalMs + times.detectionMs;
}

/** What a living node does not say for so long, it does not do. */
export function toAppearMs({ times }: PlannerInput): Millis {
  return 2 * times.detectionMs + times.heartbeatMs;
}

const UNOBSERVED = { idleSinceMs: null, lostSinceMs: null, failuresSinceMs: [] } as const;

/** A group that was not observed yet has changed just now. */
export function ageOf({ ages, now }: PlannerInput, group: GroupId): GroupAge {
  return (Object.hasOwn(ages, group) ? ages[group] : null) ?? { changedMs: now, ...UNOBSERVED };
}
