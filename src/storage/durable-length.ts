/**
 * A witness beside LevelDB's log: how much of it has been synced.
 *
 * The fear: a log that was cut short, emptied, or overwritten as a whole looks exactly like one whose
 * end was torn by a power loss, and LevelDB starts on it without a word: a member would have forgotten
 * its vote. So the length is noted when a batch has been synced, and before the next one begins: what
 * was noted was durable, and must be there and sound at the next start.
 *
 * The note itself is not synced, and not made for every batch when one follows upon the other, which
 * keeps it cheap: it costs the process more than the batch itself. After a power loss, or a kill within
 * `NOTE_EVERY_MS` of a batch, it may be an older one, or none, and then proves less. It never claims too
 * much.
 */
import { type FileHandle, open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Millis } from '../lib/ids.ts';
import { monotonicClock } from '../system/clock.ts';

export type DurableLength = { readonly file: string; readonly bytes: number };

const NAME = 'DURABLE';
/** Always of one length and written in place, so that a note replaces the one before it. */
const NOTE_BYTES = 64;
const NOTE = /^(\d+\.log) (\d+) ([0-9a-f]{8}) *\n$/;

/** The last note that was written in this directory; null: none, or it cannot be read. */
export async function readDurableLength(directory: string): Promise<DurableLength | null> {
  const text = await readFile(join(directory, NAME), 'latin1').catch(() => '');
  const [, file, bytes, checksum] = NOTE.exec(text) ?? [];
  if (file === undefined || checksum !== checksumOf(`${file} ${bytes}`)) return null;
  return { file, bytes: Number(bytes) };
}

/** The log that LevelDB writes now: the one with the greatest number. */
export function newestLog(files: readonly string[]): string | null {
  const logs = files.filter((name) => /^\d+\.log$/.test(name));
  return logs.toSorted((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10))[0] ?? null;
}

/** What was synced is noted within this time. */
export const NOTE_EVERY_MS: Millis = 20;

export class DurableLengthNote {
  readonly #directory: string;
  #file: FileHandle | null = null;
  #last: DurableLength | null = null;
  #writtenMs: Millis = Number.NEGATIVE_INFINITY;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Whether the last note is old enough to be followed by another one. */
  get isDue(): boolean {
    return monotonicClock.now() >= this.#writtenMs + NOTE_EVERY_MS;
  }

  /** Call between two synced batches. Never rejects: a note is only a witness. */
  async write(): Promise<void> {
    this.#writtenMs = monotonicClock.now();
    try {
      this.#last = await this.#measure();
      const { file, bytes } = this.#last;
      const text = `${file} ${bytes} ${checksumOf(`${file} ${bytes}`)}`;
      this.#file ??= await open(join(this.#directory, NAME), 'w', 0o600);
      await this.#file.write(`${text.padEnd(NOTE_BYTES - 1)}\n`, 0);
    } catch {
      // The batch is durable all the same; the next start then knows less about it.
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
  }

  /** Every batch makes the log longer; one that did not grow was replaced by the next. */
  async #measure(): Promise<DurableLength> {
    const last = this.#last;
    if (last !== null) {
      const { size } = await stat(join(this.#directory, last.file)).catch(() => ({ size: 0 }));
      if (size > last.bytes) return { file: last.file, bytes: size };
    }
    const file = newestLog(await readdir(this.#directory)) ?? '';
    return { file, bytes: (await stat(join(this.#directory, file))).size };
  }
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
