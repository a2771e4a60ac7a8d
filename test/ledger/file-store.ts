/**
 * Records in one file, a line each: checksum, space, JSON. A line counts when it is whole, ends in
 * a newline and its checksum fits; the first that does not, and all after it, is the torn end of a
 * write that nobody was told about, and is cut off. (Were it more than that, the client's memory
 * would show it: `verify.ts`.)
 *
 * What was read at the start is made durable before it is served: after a crash of the process
 * alone, the page cache can hold lines that never reached the disk.
 */

import { closeSync, fsyncSync, openSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { LedgerRecord, RecordStore } from './record-store.ts';

export type FileStoreOptions = {
  readonly directory: string;
  /** The negative control: `append` resolves at once and the write comes this much later. */
  readonly lateWriteMs?: number;
  /** Told how much of a torn end was cut off. */
  readonly onTorn?: (bytes: number) => void;
};

export class FileStore implements RecordStore {
  readonly #options: FileStoreOptions;
  #file: FileHandle | undefined;
  #late: Buffer[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FileStoreOptions) {
    this.#options = options;
  }

  async readAll(): Promise<readonly LedgerRecord[]> {
    const { directory, onTorn } = this.#options;
    this.#file = await open(join(directory, 'ledger'), 'a+');
    const bytes = await this.#file.readFile();
    const { records, goodBytes } = decode(bytes);
    if (goodBytes < bytes.length) {
      onTorn?.(bytes.length - goodBytes);
      await this.#file.truncate(goodBytes);
    }
    await this.#file.sync();
    syncDirectory(directory);
    return records;
  }

  async append(records: readonly LedgerRecord[]): Promise<void> {
    const bytes = Buffer.concat(records.map(encode));
    if (this.#options.lateWriteMs !== undefined) {
      this.#late.push(bytes);
      this.#timer ??= setTimeout(() => this.#writeLate(), this.#options.lateWriteMs);
      return;
    }
    await this.#write(bytes);
    await this.#open().datasync(); // Enough: the size of a file that grew is part of its data.
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#file?.close();
    this.#file = undefined;
  }

  /** A short write is not an error of the system call, and half a record is not a record. */
  async #write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      at += (await this.#open().write(bytes, at)).bytesWritten;
    }
  }

  #writeLate(): void {
    const bytes = Buffer.concat(this.#late);
    this.#late = [];
    this.#timer = undefined;
    this.#write(bytes).catch(() => {}); // Sabotage: nobody is told.
  }

  #open(): FileHandle {
    if (this.#file === undefined) throw new Error('LEDGER_NOT_OPEN: readAll comes first');
    return this.#file;
  }
}

export function encode(record: LedgerRecord): Buffer {
  const json = JSON.stringify(record);
  return Buffer.from(`${crc32(json).toString(16).padStart(8, '0')} ${json}\n`);
}

/** The whole records from the start on, and how many bytes they take. */
export function decode(bytes: Buffer): {
  readonly records: readonly LedgerRecord[];
  readonly goodBytes: number;
} {
  const records: LedgerRecord[] = [];
  let at = 0;
  for (;;) {
    const end = bytes.indexOf(10, at);
    if (end < 0) break;
    const line = bytes.toString('utf8', at, end);
    const json = line.slice(9);
    if (line.slice(0, 9) !== `${crc32(json).toString(16).padStart(8, '0')} `) break;
    records.push(JSON.parse(json) as LedgerRecord);
    at = end + 1;
  }
  return { records, goodBytes: at };
}

/** The file's name must survive as well: that is the directory's content. */
function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
