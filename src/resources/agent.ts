/**
 * Port: a resource agent. All actions are idempotent and have deadlines (the signal); answers are
 * OCF exit statuses (OCF Resource Agent API 1.1 §"exit status codes").
 */
import type { Reason } from '../cluster/command.ts';
import type { ResourceDefinition } from '../cluster/definition.ts';
import type { Epoch, GroupId, Millis, NodeId } from '../lib/ids.ts';
import type { Teardown } from '../system/teardown.ts';

export type ActionContext = {
  readonly group: GroupId;
  readonly node: NodeId;
  readonly nodeNumber: number;
  readonly clusterId: string;
  readonly epoch: Epoch;
  readonly reason: Reason;
  readonly previousOwner: NodeId | null;
  /** Whether the epoch before this one stopped everything in order; null or absent: nobody knows. */
  readonly clean?: boolean | null;
  /** The other resources of the group: a file system finds its disk here. */
  readonly resources: readonly ResourceDefinition[];
  /** Disk agent: every earlier epoch's takeover of this disk was verified and committed (§8 step 5). */
  readonly predecessorFenced: boolean;
  /** Epoch of that takeover; undefined where nobody knows it any more. */
  readonly predecessor?: Epoch | undefined;
  /** Highest epoch the cluster has ever committed: a newer key on the disk is STATE_ROLLED_BACK. */
  readonly lastEpoch: Epoch;
  readonly signal: AbortSignal;
};

/** 0 ok, 1 generic, 2 args, 3 unimplemented, 4 permission, 5 not installed, 6 not configured, 7 not running. */
export type OcfStatus = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 190 | 191;

export type Outcome = {
  readonly status: OcfStatus;
  /** A code of lib/problems.ts when status ≠ 0 and ≠ 7. */
  readonly code: string | null;
  readonly detail: string;
  /** Application only: monotonic time at which its process ran, before it answered. */
  readonly spawnedMs?: Millis;
};

export const OK: Outcome = { status: 0, code: null, detail: '' };
export const NOT_RUNNING: Outcome = { status: 7, code: null, detail: 'not running' };

export type ResourceAgent = {
  /** Everything that can be known without starting; nothing is changed. */
  validateAll(definition: ResourceDefinition, context: ActionContext): Promise<Outcome>;
  /**
   * Could this node take the resource now, and does it hold nothing of it (DESIGN §8)? Run at all
   * times on nodes that do not own the group; `code` says why not.
   */
  fitness(definition: ResourceDefinition, context: ActionContext): Promise<Outcome>;
  /** Nothing visible outside: device made but down, journal read ahead. Needs no lease. */
  prepare(definition: ResourceDefinition, context: ActionContext): Promise<Outcome>;
  start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome>;
  stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome>;
  /** As fast and as hard as possible; used when the lease is lost or a stop failed. */
  kill(definition: ResourceDefinition, context: ActionContext): Promise<Outcome>;
  /** Soft expiry: invisible outside and standing still, yet undone at once by `resume`. */
  suspend(definition: ResourceDefinition, context: ActionContext): Promise<Outcome>;
  resume(definition: ResourceDefinition, context: ActionContext): Promise<Outcome>;
  monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome>;
  /** Tells of a change at once (a process exit, a lost key) until the context's signal aborts. */
  watch(
    definition: ResourceDefinition,
    context: ActionContext,
    changed: (outcome: Outcome) => void,
  ): void;
  /** What the guardian must undo when the daemon cannot: plain data, in the order to do it. */
  teardown(definition: ResourceDefinition, context: ActionContext): readonly Teardown[];
};

/** When an action of a type may begin: `address` and `application` wait for the old lease (§7). */
export type ResourceClass = 'disk' | 'mount' | 'address' | 'application';

export const RESOURCE_CLASSES: Readonly<Record<string, ResourceClass>> = {
  disk: 'disk',
  filesystem: 'mount',
  // It begins at once, while the old lease runs out.
  'power-fence': 'mount',
  'virtual-mac': 'address',
  'floating-ip': 'address',
  'emulated-address': 'address',
  route: 'address',
  application: 'application',
  systemd: 'application',
  ocf: 'application',
  'nfs-export': 'application',
  module: 'application',
};
