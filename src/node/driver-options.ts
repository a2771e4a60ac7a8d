/** What the driver is given. */
import type { NodeConfig } from '../config/types.ts';
import type { Restored } from '../raft/types.ts';
import type { DriverNews } from './driver-news.ts';
import type { World } from './world.ts';

export type DriverOptions = {
  readonly config: NodeConfig;
  readonly world: World;
  readonly incarnation: number;
  readonly restored: Restored;
  /** Entries between two snapshots, see `Replica`. */
  readonly compactEvery?: number;
  readonly news: (news: DriverNews) => void;
  /** The driver met a state that should not exist, or its log: the process must end. */
  readonly crash: (error: unknown) => void;
};
