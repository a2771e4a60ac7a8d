/**
 * A log that keeps over a crash exactly what was synced before it; a sync takes one millisecond, or
 * as long as a test wants. It outlives daemons: each life opens it anew, and what an earlier life
 * still had under way is lost with it, or has reached the disk before.
 */
import type { Clock } from '../../src/lib/clock.ts';
import type { LogStore } from '../../src/raft/log-store.ts';
import type { Entry, HardState, Restored } from '../../src/raft/types.ts';

const SYNC_MS = 1;

export class DurableLog {
  syncMs = SYNC_MS;
  #hardState: HardState = { term: 0, votedFor: null, commitIndex: 0 };
  #entries: Entry[] = [];
  #snapshot: Restored['snapshot'] = null;
  /** Written by the life of the moment, not yet synced, oldest first. */
  #pending: (() => void)[] = [];

  restored(): Restored {
    return { hardState: this.#hardState, entries: [...this.#entries], snapshot: this.#snapshot };
  }

  /** `kept` writes of those under way reached the disk before the end; the rest never will. */
  end(kept: number): void {
    for (const write of this.#pending.splice(0).slice(0, kept)) write();
  }

  /** As after a crash before the commit index was written again: it is learned from the leader. */
  forgetCommitIndex(): void {
    this.#hardState = { ...this.#hardState, commitIndex: 0 };
  }

  /** A disk that lies: what it said was synced is gone. For controls. */
  forgetEntries(count: number): void {
    this.#entries = this.#entries.slice(0, -count);
    this.forgetCommitIndex();
  }

  get underWay(): number {
    return this.#pending.length;
  }

  /** The log as one life of a daemon sees it. */
  open(clock: Clock): LogStore {
    return {
      load: () => Promise.resolve(this.restored()),
      append: (batch) => this.#sync(clock, () => this.#append(batch)),
      compact: (meta, state) =>
        this.#sync(clock, () => {
          this.#snapshot = { meta, state };
          this.#entries = this.#entries.filter((entry) => entry.index > meta.index);
        }),
      close: () => Promise.resolve(),
    };
  }

  #append(batch: Parameters<LogStore['append']>[0]): void {
    if (batch.snapshot !== null) {
      this.#snapshot = batch.snapshot;
      this.#entries = [];
    }
    const first = batch.entries[0]?.index;
    if (first !== undefined) {
      this.#entries = [...this.#entries.filter((entry) => entry.index < first), ...batch.entries];
    }
    this.#hardState = batch.hardState ?? this.#hardState;
  }

  /** In order: a write is on the disk when those before it are, however long each took. */
  async #sync(clock: Clock, write: () => void): Promise<void> {
    let done = false;
    const once = (): void => {
      if (!done) write();
      done = true;
    };
    this.#pending.push(once);
    await clock.after(this.syncMs, new AbortController().signal);
    const at = this.#pending.indexOf(once);
    if (at >= 0) for (const earlier of this.#pending.splice(0, at + 1)) earlier();
  }
}
