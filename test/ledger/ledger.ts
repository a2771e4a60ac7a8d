/**
 * The ledger itself, without sockets: an append is answered when its record is durable, and not
 * before. Records that arrive while the disk is busy go down together (group commit). The same
 * record asked for twice is stored once: a client that lost the answer asks again.
 *
 * After a failed append nothing is certain any more, so every later request fails too; the server
 * then ends.
 */

import { type LedgerRecord, type RecordStore, recordKey } from './record-store.ts';

type Waiting = { readonly record: LedgerRecord; readonly settled: PromiseWithResolvers<void> };

export class Ledger {
  readonly #store: RecordStore;
  readonly #records: LedgerRecord[] = [];
  readonly #known = new Map<string, LedgerRecord>();
  readonly #inFlight = new Map<string, Waiting>();
  #queue: Waiting[] = [];
  #writing = false;
  #failure: Error | undefined;

  constructor(store: RecordStore) {
    this.#store = store;
  }

  async start(): Promise<void> {
    for (const record of await this.#store.readAll()) this.#remember(record);
  }

  get count(): number {
    return this.#records.length;
  }

  /** Durable records only. */
  page(
    from: number,
    limit: number,
  ): { readonly records: readonly LedgerRecord[]; readonly next: number | null } {
    const records = this.#records.slice(from, from + limit);
    const next = from + records.length;
    return { records, next: next < this.#records.length ? next : null };
  }

  /** The record already stored or on its way under this name, if there is one. */
  find(record: Pick<LedgerRecord, 'client' | 'seq'>): LedgerRecord | undefined {
    const key = recordKey(record);
    return this.#known.get(key) ?? this.#inFlight.get(key)?.record;
  }

  /** Resolves when the record is durable; rejects when that will never be certain. */
  append(record: LedgerRecord): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const key = recordKey(record);
    if (this.#known.has(key)) return Promise.resolve();
    const same = this.#inFlight.get(key);
    if (same !== undefined) return same.settled.promise;
    const waiting: Waiting = { record, settled: Promise.withResolvers() };
    this.#inFlight.set(key, waiting);
    this.#queue.push(waiting);
    if (!this.#writing) void this.#write();
    return waiting.settled.promise;
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#queue.length > 0 && this.#failure === undefined) {
      const batch = this.#queue;
      this.#queue = [];
      try {
        await this.#store.append(batch.map((waiting) => waiting.record));
        for (const { record, settled } of batch) {
          this.#inFlight.delete(recordKey(record));
          this.#remember(record);
          settled.resolve();
        }
      } catch (error) {
        this.#failure = error instanceof Error ? error : new Error(String(error));
        for (const { settled } of [...batch, ...this.#queue]) settled.reject(this.#failure);
        this.#queue = [];
      }
    }
    this.#writing = false;
  }

  #remember(record: LedgerRecord): void {
    this.#records.push(record);
    this.#known.set(recordKey(record), record);
  }
}
