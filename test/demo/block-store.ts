/**
 * The ledger's storage on the emulated disk: an append-only run of blocks, each holding whole records
 * (as `file-store.ts` encodes them). A block is written once and flushed before anybody is told; the
 * first empty block ends the ledger. A reservation conflict comes back as an error of `append`.
 */
import type { EmulatedDisk } from '../../src/fencing/devices/emulated/client.ts';
import { BLOCK_BYTES } from '../../src/fencing/devices/emulated/wire.ts';
import { decode, encode } from '../ledger/file-store.ts';
import type { LedgerRecord, RecordStore } from '../ledger/record-store.ts';

/** The first block belongs to whoever labels the disk; the probe of a path reads it. */
const FIRST_BLOCK = 1;

export class BlockStore implements RecordStore {
  readonly #disk: EmulatedDisk;
  readonly #timeoutMs: number;
  #next = FIRST_BLOCK;

  constructor(disk: EmulatedDisk, timeoutMs: number) {
    this.#disk = disk;
    this.#timeoutMs = timeoutMs;
  }

  async readAll(): Promise<readonly LedgerRecord[]> {
    const all: LedgerRecord[] = [];
    for (this.#next = FIRST_BLOCK; ; this.#next += 1) {
      const block = await this.#disk.readBlock(this.#next, this.#limit());
      const { records } = decode(block);
      if (records.length === 0) return all;
      all.push(...records);
    }
  }

  async append(records: readonly LedgerRecord[]): Promise<void> {
    for (const block of intoBlocks(records)) {
      await this.#disk.writeBlock(this.#next, block, this.#limit());
      this.#next += 1;
    }
    await this.#disk.flush(this.#limit());
  }

  async close(): Promise<void> {
    this.#disk.close();
  }

  #limit(): AbortSignal {
    return AbortSignal.timeout(this.#timeoutMs);
  }
}

/** Whole records only; a record that is larger than a block is an error of its sender. */
export function intoBlocks(records: readonly LedgerRecord[]): readonly Buffer[] {
  const blocks: Buffer[] = [];
  let parts: Buffer[] = [];
  let bytes = 0;
  for (const record of records) {
    const encoded = encode(record);
    if (encoded.length > BLOCK_BYTES) throw new Error(`a record of ${encoded.length} bytes`);
    if (bytes + encoded.length > BLOCK_BYTES) {
      blocks.push(Buffer.concat(parts));
      parts = [];
      bytes = 0;
    }
    parts.push(encoded);
    bytes += encoded.length;
  }
  if (parts.length > 0) blocks.push(Buffer.concat(parts));
  return blocks;
}
