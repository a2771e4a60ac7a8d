/** The public face of the consensus core. */
export { type ChangeFault, settled, towards } from './change.ts';
export { isVoter, membersOf, votersOf } from './configuration.ts';
export { RaftCore } from './core.ts';
export { ClusterChecker, checkStep, type Violation } from './invariants.ts';
export type { LogStore } from './log-store.ts';
export { quorumValue, tally, type VoteResult } from './quorum.ts';
export type {
  ChangeTarget,
  Configuration,
  Entry,
  FollowerStatus,
  GatheredEvent,
  HardState,
  Persist,
  RaftEvent,
  RaftMessage,
  RaftOptions,
  RaftStatus,
  Ready,
  Restored,
  Role,
  SnapshotMeta,
  TransferEnded,
} from './types.ts';
