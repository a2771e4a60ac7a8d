/**
 * The daemon's words to its guardian and back: newline-delimited JSON over a pipe. Times are
 * CLOCK_MONOTONIC of this host, which both processes share.
 */
import type { Epoch, GroupId, Millis } from '../lib/ids.ts';
import type { Teardown } from '../system/teardown.ts';

export type ToGuardian =
  /**
   * New teardown list and/or a new deadline for (group, epoch). When `downByMs` passes, or the pipe
   * closes, everything in `teardown` is undone, in order. `filter` names the addresses whose packet
   * filter elements are refreshed to live until `serveUntilMs`.
   */
  | {
      readonly kind: 'arm';
      readonly requestId: number;
      readonly group: GroupId;
      readonly epoch: Epoch;
      readonly serveUntilMs: Millis;
      readonly downByMs: Millis;
      readonly addresses: readonly string[];
      readonly teardown: readonly Teardown[];
      /** Published after the teardown as proof for the leader (DESIGN §7). */
      readonly secret: string;
      /** `host:port` (UDP) of the other members, on every interconnect. */
      readonly publishTo: readonly string[];
    }
  | {
      readonly kind: 'disarm';
      readonly requestId: number;
      readonly group: GroupId;
      readonly epoch: Epoch;
    };

export type FromGuardian =
  | { readonly kind: 'ready'; readonly pid: number }
  /** No acknowledgement, no renewal: the daemon counts a lease only when it is acknowledged. */
  | { readonly kind: 'armed'; readonly requestId: number }
  | { readonly kind: 'disarmed'; readonly requestId: number }
  /** Not armed, and why: the epoch is older than what it holds or has torn down, or the filter failed. */
  | { readonly kind: 'refused'; readonly requestId: number; readonly reason: string }
  | {
      readonly kind: 'torn-down';
      readonly group: GroupId;
      readonly epoch: Epoch;
      readonly failures: readonly string[];
    };

/** The datagram (JSON) that a guardian sends to the members after a teardown. */
export type GuardianEvidence = {
  readonly kind: 'torn-down';
  readonly clusterId: string;
  readonly group: GroupId;
  readonly epoch: Epoch;
  readonly secret: string;
};
