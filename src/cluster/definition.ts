/**
 * What an operator defines: members, failover groups and their resources. Definitions live here,
 * below everything that reads them; `config/` parses files *into* them.
 */
import type { GroupId, Interconnect, Millis, NodeId } from '../lib/ids.ts';
import type { GroupPolicy } from './policy.ts';

export type Parameter = string | number | boolean | readonly string[];

export type ResourceDefinition = {
  readonly name: string;
  /** Agent: `disk`, `filesystem`, `floating-ip`, `virtual-mac`, `application`. */
  readonly type: string;
  /** Names of resources of the same group that must be started before this one. Acyclic. */
  readonly needs: readonly string[];
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly startTimeoutMs: Millis;
  readonly stopTimeoutMs: Millis;
  readonly monitorIntervalMs: Millis;
  readonly monitorTimeoutMs: Millis;
};

export type GroupDefinition = {
  readonly group: GroupId;
  readonly resources: readonly ResourceDefinition[];
  /** Most wanted first; members that are not listed come after, in the order of their numbers. */
  readonly preferred: readonly NodeId[];
  /** Missing: `DEFAULT_POLICY`. */
  readonly policy?: GroupPolicy;
};

export type Member = {
  readonly node: NodeId;
  /** 1 … 65535, never reused: the node part of a reservation key (DESIGN §8). */
  readonly number: number;
  /** libp2p peer id: the only thing that lets a peer in (P7). */
  readonly peerId: string;
  /** `host:port` for each interconnect. */
  readonly addresses: Readonly<Record<Interconnect, string>>;
};
