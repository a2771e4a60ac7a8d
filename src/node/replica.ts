/**
 * The state machine's place in this node: applies committed entries to the cluster state, in order,
 * each exactly once, and decides when the log may be cut.
 *
 * An entry that cannot be read is no operating failure: the same bytes lie on every node, so going
 * on would mean to guess. The process stops with CORRUPT_ENTRY.
 */
import { type Applied, apply } from '../cluster/apply.ts';
import {
  type Corrupt,
  decodeEnvelope,
  decodeState,
  encodeState,
  isNewerEntry,
} from '../cluster/codec.ts';
import type { CommandEnvelope } from '../cluster/command.ts';
import { type ClusterState, emptyState } from '../cluster/state.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Entry, Restored, SnapshotMeta } from '../raft/types.ts';

export type ReplicaHooks = {
  /** Entries between two snapshots; missing: as many as suit a cluster of this kind. */
  readonly compactEvery?: number;
  readonly applied: (envelope: CommandEnvelope, outcome: Applied, before: ClusterState) => void;
};

/** Entries between two snapshots: membership and ownership change seldom, the log stays small. */
const COMPACT_EVERY = 2_000;

export class Replica {
  readonly #hooks: ReplicaHooks;
  #state: ClusterState = emptyState;
  #appliedIndex = 0;
  #appliedTerm = 0;
  #snapshotIndex = 0;

  constructor(hooks: ReplicaHooks) {
    this.#hooks = hooks;
  }

  get state(): ClusterState {
    return this.#state;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  get appliedTerm(): number {
    return this.#appliedTerm;
  }

  restore(meta: SnapshotMeta, bytes: Uint8Array): void {
    const decoded = decodeState(bytes);
    if (!decoded.ok) throw unreadable(decoded.error, meta.index);
    this.#state = decoded.value;
    this.#appliedIndex = meta.index;
    this.#appliedTerm = meta.term;
    this.#snapshotIndex = meta.index;
  }

  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#appliedIndex = entry.index;
      this.#appliedTerm = entry.term;
      if (entry.kind !== 'command') continue;
      const decoded = decodeEnvelope(entry.data);
      if (!decoded.ok) throw unreadable(decoded.error, entry.index);
      const before = this.#state;
      const { state, outcome } = apply(before, entry.index, decoded.value.command);
      this.#state = state;
      this.#hooks.applied(decoded.value, outcome, before);
    }
  }

  /** What to save now, or null while the log is short. `metaAt` knows the configuration of then. */
  snapshot(
    metaAt: (index: number) => SnapshotMeta,
  ): { meta: SnapshotMeta; state: Uint8Array } | null {
    if (this.#appliedIndex - this.#snapshotIndex < (this.#hooks.compactEvery ?? COMPACT_EVERY))
      return null;
    this.#snapshotIndex = this.#appliedIndex;
    return { meta: metaAt(this.#appliedIndex), state: encodeState(this.#state) };
  }
}

/**
 * Before a daemon starts on what it finds: entries of a newer release that are not yet applied would
 * stop it later, in the middle of its work.
 *
 * @throws HoldfastError DATA_FORMAT_UNKNOWN
 */
export function checkFormats({ entries }: Restored): void {
  const newer = entries.find((entry) => entry.kind === 'command' && isNewerEntry(entry.data));
  if (newer === undefined) return;
  throw new HoldfastError('DATA_FORMAT_UNKNOWN', { index: newer.index, detail: 'a log entry' });
}

function unreadable({ code, detail }: Corrupt, index: number): HoldfastError {
  return new HoldfastError(code, { index, detail });
}
