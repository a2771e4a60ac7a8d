/** What the rest of the node (operator view, metrics) may hear of the driver. */
import type { ClusterState } from '../cluster/state.ts';
import type { GroupId, NodeId } from '../lib/ids.ts';
import type { Configuration } from '../raft/types.ts';

export type DriverNews =
  | { readonly kind: 'applied'; readonly before: ClusterState; readonly after: ClusterState }
  | { readonly kind: 'leadership'; readonly leader: NodeId | null; readonly term: number }
  /** Another one is in force, committed or not. */
  | { readonly kind: 'configuration'; readonly configuration: Configuration }
  | {
      readonly kind: 'link';
      readonly node: NodeId;
      readonly over: string;
      readonly state: 'alive' | 'suspect' | 'dead';
    }
  | {
      readonly kind: 'local';
      readonly group: GroupId;
      readonly epoch: number;
      readonly state: string;
      readonly detail: string;
    };
