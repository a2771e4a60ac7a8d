/**
 * Small messages between nodes beside Raft and heartbeats: the owner's lease, and commands on their
 * way to the leader. Each is idempotent; the mesh sends every copy over all interconnects.
 */
import type { Command } from '../cluster/command.ts';
import type { Epoch, GroupId, Millis, NodeId } from '../lib/ids.ts';

export type ControlMessage = { readonly from: NodeId; readonly to: NodeId } & (
  | {
      readonly kind: 'lease-request';
      readonly group: GroupId;
      readonly epoch: Epoch;
      readonly requestId: number;
    }
  /** The leader had a quorum round after the request came; the owner adds L to *its own* ask time. */
  | {
      readonly kind: 'lease-grant';
      readonly group: GroupId;
      readonly epoch: Epoch;
      readonly requestId: number;
    }
  | {
      readonly kind: 'lease-refused';
      readonly group: GroupId;
      readonly epoch: Epoch;
      readonly requestId: number;
      readonly code: string;
      readonly newestEpoch: Epoch;
    }
  | {
      readonly kind: 'propose';
      readonly requestId: number;
      readonly incarnation: number;
      readonly command: Command;
    }
  | {
      readonly kind: 'propose-refused';
      readonly requestId: number;
      readonly incarnation: number;
      readonly code: string;
      /** Why, in the words of who refused; earlier releases say nothing. */
      readonly detail?: string | undefined;
    }
  /** ReadIndex for a node that does not lead. */
  | { readonly kind: 'read'; readonly requestId: number; readonly incarnation: number }
  | {
      readonly kind: 'read-reply';
      readonly requestId: number;
      readonly incarnation: number;
      /** null: refused, this node does not lead. */
      readonly index: number | null;
      readonly beganMs: Millis;
    }
);
