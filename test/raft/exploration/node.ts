/**
 * One node of the explored world: the real core, what its disk holds, and the writes under way. A
 * node is a value; run.ts takes a fork of it through one action.
 *
 * Time is frozen. An action that is about time moves the clock of its node just as far as needed.
 */
import type { Millis, NodeId } from '../../../src/lib/ids.ts';
import type { RaftCore } from '../../../src/raft/core.ts';
import { quorumValue } from '../../../src/raft/quorum.ts';
import type {
  ChangeTarget,
  Configuration,
  Entry,
  Persist,
  RaftMessage,
  RaftOptions,
  Restored,
  SnapshotMeta,
} from '../../../src/raft/types.ts';
import { type Chains, EMPTY } from './chain.ts';
import type { Sabotage } from './sabotage.ts';

/** Deadlines may come in any order, so the ranks are equal and nothing is left to chance. */
export const TIMES = {
  heartbeatMs: 0,
  electionTimeoutMs: 1000,
  electionGapMs: 100,
  rank: 1,
  checkQuorumMs: 5000,
  clockDrift: 0,
} as const;

export type Write = {
  readonly persist: Persist | null;
  readonly compaction: { readonly meta: SnapshotMeta; readonly state: Uint8Array } | null;
  readonly messages: readonly RaftMessage[];
};

export type Node = {
  readonly id: NodeId;
  readonly core: RaftCore;
  readonly now: Millis;
  readonly deadlineMs: Millis;
  readonly disk: Restored;
  readonly writes: readonly Write[];
  /** What the state machine has taken in, as a log. */
  readonly applied: number;
};

export type Action =
  | { readonly kind: 'deliver'; readonly messages: readonly RaftMessage[] }
  /** A follower or candidate has waited long enough. */
  | { readonly kind: 'timeout' }
  | { readonly kind: 'heartbeat' }
  /** The leader has heard no quorum for too long. */
  | { readonly kind: 'quorum-lost' }
  /** So long since the leader, or the quorum, was heard that other candidates are listened to. */
  | { readonly kind: 'silence' }
  | { readonly kind: 'disk-stalled' }
  | { readonly kind: 'forget-leader' }
  | { readonly kind: 'transfer'; readonly to: NodeId }
  | { readonly kind: 'transfer-expires' }
  /** The oldest write reaches the disk. */
  | { readonly kind: 'write' }
  /** Power off and on: writes under way are lost. (A write that got through is a `write` before.) */
  | { readonly kind: 'crash' }
  | { readonly kind: 'compact' }
  | { readonly kind: 'propose'; readonly number: number }
  | { readonly kind: 'change'; readonly number: number }
  | { readonly kind: 'read'; readonly number: number };

/** What the world has to hear of, beside the messages. */
export type Note =
  | { readonly kind: 'elected'; readonly term: number; readonly chain: number }
  | { readonly kind: 'voted'; readonly term: number; readonly candidate: NodeId }
  /** A leader calls the log up to here committed; `counted` is the configuration before the step. */
  | { readonly kind: 'committed'; readonly chain: number; readonly counted: Configuration }
  | { readonly kind: 'applied'; readonly chain: number; readonly inTerm: number }
  | { readonly kind: 'confirmed'; readonly read: number; readonly index: number }
  | { readonly kind: 'refused'; readonly read: number }
  /** Which promises still bind depends on what the disks hold. */
  | { readonly kind: 'durable-term'; readonly term: number };

export type Violation = { readonly invariant: string; readonly story: string };

export type Moved = {
  readonly node: Node;
  readonly sent: readonly RaftMessage[];
  readonly notes: readonly Note[];
  readonly violations: readonly Violation[];
};

/** What all nodes of a world have in common. */
export type Setting = {
  readonly chains: Chains;
  readonly bootstrap: Configuration;
  readonly limits: Pick<
    RaftOptions,
    'maxInflightAppends' | 'maxAppendBytes' | 'maxUncommittedBytes' | 'snapshotChunkBytes'
  >;
  readonly targets: readonly ChangeTarget[];
  readonly instantDisk: boolean;
  readonly sabotage: Sabotage;
};

/** The log in memory, from the first entry on. */
export function memoryChain(chains: Chains, { core }: Pick<Node, 'core'>, disk: Restored): number {
  const { firstIndex, lastIndex } = core.status();
  // Entries below an own snapshot are kept until a restart, so a log that begins later begins there.
  let chain = firstIndex === 1 ? EMPTY : stateChain(snapshotOf(core, disk));
  for (let index = firstIndex; index <= lastIndex; index += 1) {
    chain = chains.extended(chain, core.entryAt(index) as Entry);
  }
  return chain;
}

export function diskChain(chains: Chains, { snapshot, entries }: Restored): number {
  let chain = snapshot === null ? EMPTY : stateChain(snapshot.state);
  for (const entry of entries) chain = chains.extended(chain, entry);
  return chain;
}

type LogImage = { readonly snapshot: { readonly state: Uint8Array } | null };

function snapshotOf(core: RaftCore, disk: Restored): Uint8Array {
  const { log } = core.image() as { readonly log: LogImage };
  const snapshot = log.snapshot ?? disk.snapshot;
  if (snapshot === null) throw new Error('a log that begins late without a snapshot');
  return snapshot.state;
}

/** The state machine's state is the log that made it; in bytes, so that it travels in chunks. */
export function stateOf(chain: number): Uint8Array {
  if (chain > 0xffff) throw new Error(`log ${chain} does not fit`);
  return new Uint8Array([chain >> 8, chain & 0xff]);
}

export function stateChain([high = 0, low = 0]: Uint8Array): number {
  return (high << 8) | low;
}

/** Whether another candidate would be turned away because a leader, or a quorum, was heard lately. */
export function isSticky({ core, now }: Node): boolean {
  const { configuration, followers, leader, role } = core.status();
  if (leader === null) return false;
  const { leaderContactMs } = core.image() as { readonly leaderContactMs: Millis };
  const contacts = new Map(followers.map(({ node, contactMs }) => [node, contactMs]));
  const heardMs =
    role === 'leader'
      ? quorumValue(configuration, (voter) => contacts.get(voter) ?? Number.POSITIVE_INFINITY)
      : leaderContactMs;
  return now < heardMs + TIMES.electionTimeoutMs;
}
