/** What nodes tell each other all the time: that they live, whom they hear, and what they could carry. */
import type { Epoch, GroupId, Interconnect, Millis, NodeId } from '../lib/ids.ts';

export type LinkState = 'alive' | 'suspect' | 'dead';

/** Whether a node could take a group now: disk reached and verified, nothing of it held (DESIGN §8). */
export type Fitness = {
  readonly group: GroupId;
  readonly fit: boolean;
  /** Why not; null when fit. */
  readonly code: string | null;
  /** How long ago this was verified, on the sender's clock. */
  readonly ageMs: Millis;
};

/** What a node does for a group: the local truth beside the committed one. */
export type LocalGroup = {
  readonly group: GroupId;
  readonly epoch: Epoch;
  readonly state: 'stopped' | 'starting' | 'serving' | 'frozen' | 'stopping' | 'failed';
};

export type Heartbeat = {
  readonly from: NodeId;
  /** Random at every start of a daemon: tells two lives of a node apart. */
  readonly incarnation: number;
  readonly sequence: number;
  /** The sender's monotonic clock: a peer's clock that ran ahead shows that we were paused (§7). */
  readonly sentMs: Millis;
  readonly hears: readonly { readonly node: NodeId; readonly interconnect: Interconnect }[];
  /** How late the sender's own loop ran lately: a late node accuses nobody. */
  readonly lateMs: Millis;
  readonly fitness: readonly Fitness[];
  readonly groups: readonly LocalGroup[];
  /** The highest feature level that the sender knows (`cluster/level.ts`); older releases say none. */
  readonly level?: number | undefined;
};
