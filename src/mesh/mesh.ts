/**
 * Port: how nodes reach each other. Nothing is promised about delivery: frames may be lost, late or
 * double; whoever receives them looks at term, epoch and sequence.
 */
import type { Member } from '../cluster/definition.ts';
import type { ControlMessage } from '../failover/control.ts';
import type { Interconnect, NodeId } from '../lib/ids.ts';
import type { Heartbeat } from '../membership/heartbeat.ts';
import type { RaftMessage } from '../raft/types.ts';

/** No members, and yet not turned away without a word. Peer ids. */
export type Guests = {
  /** Keys of invitations: they may ask to join, and nothing else. */
  readonly invited: readonly string[];
  /** Keys of members that were removed: they are told so, and not listened to. */
  readonly removed: readonly string[];
};

export type MeshEvent =
  | { readonly kind: 'raft'; readonly message: RaftMessage }
  | { readonly kind: 'control'; readonly message: ControlMessage }
  | { readonly kind: 'heartbeat'; readonly over: Interconnect; readonly heartbeat: Heartbeat }
  /**
   * `refused`: the host answered and nobody listens there any more (proof that the process is gone,
   * provided that it holds for every interconnect).
   */
  | {
      readonly kind: 'link';
      readonly node: NodeId;
      readonly over: Interconnect;
      readonly state: 'open' | 'closed' | 'refused';
    }
  /** A frame that made no sense, or a stranger at the door: for the log, with its code. */
  | {
      readonly kind: 'refusal';
      readonly code: string;
      readonly detail: string;
    };

export type Mesh = {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Every live interconnect carries a copy; relayed by one hop when none is live. Never throws. */
  sendRaft(message: RaftMessage): void;
  sendControl(message: ControlMessage): void;
  sendHeartbeat(to: NodeId, over: Interconnect, heartbeat: Heartbeat): void;
  /** The failure detector's word: abort the connection and dial again. */
  reset(node: NodeId, over: Interconnect): void;
  /** A plain TCP connect to the member's address: is there a process behind it? */
  probe(
    node: NodeId,
    over: Interconnect,
    signal: AbortSignal,
  ): Promise<'connected' | 'refused' | 'silent'>;
  /** The committed membership; before there is one, the bootstrap list. Others are cut off. */
  admit(members: readonly Member[], guests?: Guests): void;
  events(handler: (event: MeshEvent) => void): void;
};
