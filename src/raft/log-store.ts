/**
 * Port: where the core's log, term and vote survive a power loss. `append` is one atomic batch and
 * resolves only after it is on the medium (Raft §5.1: "updated on stable storage before responding").
 */
import type { Persist, Restored, SnapshotMeta } from './types.ts';

export type LogStore = {
  /** Reads everything; a store that was never written answers term 0 and no entries. */
  load(): Promise<Restored>;
  append(batch: Persist): Promise<void>;
  /** Saves the state machine up to `meta` and drops the log up to it, in one atomic batch. */
  compact(meta: SnapshotMeta, state: Uint8Array): Promise<void>;
  close(): Promise<void>;
};
