/**
 * Everything that can happen to a daemon, as data. The driver is told these one at a time, in one
 * queue; the trace writes them down, and replay is feeding them back.
 */

import type { ActionEnd, ActionVerb } from '../failover/run-types.ts';
import type { FromGuardian, GuardianEvidence } from '../guardian/messages.ts';
import type { Epoch, GroupId, Interconnect, Millis, NodeId } from '../lib/ids.ts';
import type { MeshEvent } from '../mesh/mesh.ts';
import type { SnapshotMeta } from '../raft/types.ts';
import type { Verified } from './fitness.ts';

export type NodeEvent =
  | { readonly kind: 'mesh'; readonly event: MeshEvent }
  | { readonly kind: 'durable'; readonly mark: number }
  | { readonly kind: 'log-failed'; readonly detail: string }
  | { readonly kind: 'compacted'; readonly meta: SnapshotMeta; readonly state: Uint8Array }
  | {
      readonly kind: 'probe-done';
      readonly node: NodeId;
      readonly over: Interconnect;
      readonly result: 'connected' | 'refused' | 'silent';
    }
  | {
      readonly kind: 'action-done';
      readonly group: GroupId;
      readonly epoch: Epoch;
      readonly resource: string;
      readonly verb: ActionVerb;
      readonly end: ActionEnd;
    }
  | {
      readonly kind: 'broken';
      readonly group: GroupId;
      readonly epoch: Epoch;
      readonly resource: string;
      readonly code: string;
      readonly detail: string;
    }
  | { readonly kind: 'fitness'; readonly fitness: readonly Verified[] }
  | { readonly kind: 'guardian'; readonly message: FromGuardian }
  | { readonly kind: 'guardian-exit' }
  | { readonly kind: 'evidence'; readonly evidence: GuardianEvidence }
  /** A request of the local operator or of the life cycle: runs inside the loop, answers by itself. */
  | { readonly kind: 'request'; readonly name: string; readonly run: () => void }
  | { readonly kind: 'woke-late'; readonly byMs: Millis };
