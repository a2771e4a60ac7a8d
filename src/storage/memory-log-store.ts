/**
 * A log store in memory, for simulations and for nodes that may forget: a `MemoryDisk` stands for the
 * medium and outlives its stores, as a disk outlives processes.
 *
 * `sync` decides when a write reaches the medium (or that it never does). A power loss is `cut()`:
 * what has not reached the medium by then is gone, whole batch by whole batch, and the store that
 * wrote it never answers.
 *
 * Not for production: nothing outlives the process.
 */
import { assert } from '../lib/assert.ts';
import { HoldfastError } from '../lib/error.ts';
import type { LogStore } from '../raft/log-store.ts';
import type { Persist, Restored, SnapshotMeta } from '../raft/types.ts';

const EMPTY: Restored = {
  hardState: { term: 0, votedFor: null, commitIndex: 0 },
  snapshot: null,
  entries: [],
};

/** The medium. Copies nothing: what is stored is never changed by anyone. */
export class MemoryDisk {
  #content: Restored = EMPTY;
  #life = 0;

  get content(): Restored {
    return this.#content;
  }

  /** Grows with each power loss; a store of an earlier life writes nothing any more. */
  get life(): number {
    return this.#life;
  }

  cut(): void {
    this.#life += 1;
  }

  write(content: Restored): void {
    this.#content = content;
  }
}

export class MemoryLogStore implements LogStore {
  readonly #disk: MemoryDisk;
  readonly #sync: () => Promise<void>;
  readonly #life: number;
  #writes: Promise<void> = Promise.resolve();
  #failed = false;

  /** `sync` is called once for each write, in order; a rejection is a disk that failed. */
  constructor(disk: MemoryDisk, sync: () => Promise<void> = () => Promise.resolve()) {
    this.#disk = disk;
    this.#sync = sync;
    this.#life = disk.life;
  }

  load(): Promise<Restored> {
    return Promise.resolve(this.#disk.content);
  }

  append(batch: Persist): Promise<void> {
    return this.#write((content) => appended(content, batch));
  }

  compact(meta: SnapshotMeta, state: Uint8Array): Promise<void> {
    return this.#write((content) => compacted(content, meta, state));
  }

  close(): Promise<void> {
    return this.#writes;
  }

  #write(change: (content: Restored) => Restored): Promise<void> {
    const written = this.#writes.then(async () => {
      if (this.#failed) throw new HoldfastError('LOG_WRITE_FAILED');
      try {
        await this.#sync();
      } catch (cause) {
        this.#failed = true;
        throw new HoldfastError('LOG_WRITE_FAILED', {}, { cause });
      }
      // The power is off: nobody is there to be answered.
      if (this.#disk.life !== this.#life) await new Promise<never>(() => undefined);
      this.#disk.write(change(this.#disk.content));
    });
    // Whoever waits for the write hears of its failure; the chain only has to go on.
    this.#writes = written.catch(() => undefined);
    return written;
  }
}

/** The content after one batch. */
export function appended(content: Restored, batch: Persist): Restored {
  const hardState = batch.hardState ?? content.hardState;
  const snapshot = batch.snapshot ?? content.snapshot;
  const kept = batch.snapshot === null ? content.entries : [];
  const from = batch.entries[0]?.index;
  if (from === undefined) return { hardState, snapshot, entries: kept };
  const before = (snapshot?.meta.index ?? 0) + 1;
  assert(from >= before && from <= before + kept.length, `entry ${from} leaves a hole`);
  return { hardState, snapshot, entries: [...kept.slice(0, from - before), ...batch.entries] };
}

/** The content after the log up to `meta` went into a snapshot. */
export function compacted(content: Restored, meta: SnapshotMeta, state: Uint8Array): Restored {
  const { hardState, snapshot, entries } = content;
  if (meta.index <= (snapshot?.meta.index ?? 0)) return content;
  return {
    hardState,
    snapshot: { meta, state },
    entries: entries.filter((entry) => entry.index > meta.index),
  };
}
