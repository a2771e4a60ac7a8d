/**
 * The ledger's port to storage. What it must give is one sentence: when `append` resolved, the
 * records are still there after the power failed. Adapters: a file in a directory
 * (`file-store.ts`); a block device may follow.
 */

export type LedgerRecord = {
  /** Who asked for it, and that client's own counter: the two together name a record. */
  readonly client: string;
  readonly seq: number;
  readonly payload: string;
  /** The owner that accepted it, for the story of a failure. */
  readonly node: string;
  readonly epoch: number;
};

export interface RecordStore {
  /** Every record that is durable, in the order of appending. Called once, before any append. */
  readAll(): Promise<readonly LedgerRecord[]>;
  /** Resolves when all of them are durable; rejects when that is not certain. One call at a time. */
  append(records: readonly LedgerRecord[]): Promise<void>;
  close(): Promise<void>;
}

export const recordKey = (record: Pick<LedgerRecord, 'client' | 'seq'>): string =>
  `${record.client}\u0000${record.seq}`;
