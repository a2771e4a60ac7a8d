/** A log that keeps over a crash exactly what was synced before it; a sync takes one millisecond. */
import type { LogStore } from '../../src/raft/log-store.ts';
import type { Entry, HardState, Restored } from '../../src/raft/types.ts';
import type { VirtualClock } from '../simulation/virtual-clock.ts';

const SYNC_MS = 1;

export class DurableLog implements LogStore {
  readonly #clock: VirtualClock;
  #hardState: HardState = { term: 0, votedFor: null, commitIndex: 0 };
  #entries: Entry[] = [];
  #snapshot: Restored['snapshot'] = null;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  load(): Promise<Restored> {
    return Promise.resolve(this.restored());
  }

  restored(): Restored {
    return { hardState: this.#hardState, entries: [...this.#entries], snapshot: this.#snapshot };
  }

  async append(batch: Parameters<LogStore['append']>[0]): Promise<void> {
    await this.#sync();
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

  async compact(...[meta, state]: Parameters<LogStore['compact']>): Promise<void> {
    await this.#sync();
    this.#snapshot = { meta, state };
    this.#entries = this.#entries.filter((entry) => entry.index > meta.index);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #sync(): Promise<void> {
    return this.#clock.after(SYNC_MS, new AbortController().signal);
  }
}
