/**
 * The trace: every event that the driver was told, one JSON object a line, so that a run can be
 * looked at, or fed back, afterwards. Values survive the way there and back (`parseTraceLine`).
 *
 * It is bounded three ways: what waits for the disk, the size of a file, and the number of files.
 * What does not fit into the queue is dropped and counted in the trace itself, since a slow disk
 * must not slow the cluster. It is not durable: after a power loss its end may be missing.
 */
import { mkdir, open, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { HoldfastError } from '../lib/error.ts';
import { preserve, revive } from './plain-data.ts';

export type TraceOptions = {
  readonly path: string;
  /** A file that has grown past this is renamed to `path.1`, `path.1` to `path.2` … */
  readonly maxFileBytes?: number;
  /** How many of them are kept, the current one included. */
  readonly maxFiles?: number;
  readonly maxWaitingBytes?: number;
};

export type Trace = {
  /** Never throws and never waits. */
  record(event: object): void;
  /** Resolves when what has been recorded so far is handed to the kernel. */
  flush(): Promise<void>;
  close(): Promise<void>;
};

const MAX_FILE_BYTES = 64 << 20;
const MAX_FILES = 4;
const MAX_WAITING_BYTES = 4 << 20;

/** @throws {HoldfastError} LOG_UNWRITABLE when the file cannot be opened. */
export async function openTrace(options: TraceOptions): Promise<Trace> {
  const trace = new TraceFile(options);
  await trace.open();
  return trace;
}

/** One line of a trace, with bytes and reservation keys as they were. */
export function parseTraceLine(line: string): unknown {
  return JSON.parse(line, revive);
}

class TraceFile implements Trace {
  readonly #options: Required<TraceOptions>;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #fileBytes = 0;
  #writing: Promise<void> | null = null;
  #file: Awaited<ReturnType<typeof open>> | null = null;

  constructor(options: TraceOptions) {
    this.#options = {
      path: options.path,
      maxFileBytes: options.maxFileBytes ?? MAX_FILE_BYTES,
      maxFiles: options.maxFiles ?? MAX_FILES,
      maxWaitingBytes: options.maxWaitingBytes ?? MAX_WAITING_BYTES,
    };
  }

  async open(): Promise<void> {
    const { path } = this.#options;
    try {
      await createDirectory(dirname(path));
      this.#file = await open(path, 'a', 0o640);
      this.#fileBytes = (await stat(path)).size;
    } catch (error) {
      throw new HoldfastError('LOG_UNWRITABLE', { file: path }, { cause: error });
    }
  }

  record(event: object): void {
    if (this.#file === null) return;
    const line = `${encode(event)}\n`;
    if (this.#waitingBytes + line.length > this.#options.maxWaitingBytes) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#writing ??= this.#drain();
  }

  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  async close(): Promise<void> {
    await this.flush();
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  /** Ends when nothing waits. A write that fails loses its lines; they are counted like others. */
  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      const lost = this.#lost;
      this.#waiting = [];
      this.#waitingBytes = 0;
      this.#lost = 0;
      const note = lost === 0 ? '' : `${JSON.stringify({ kind: 'trace-lost', lines: lost })}\n`;
      const text = note + lines.join('');
      try {
        await this.#file?.appendFile(text);
        this.#fileBytes += Buffer.byteLength(text);
        if (this.#fileBytes >= this.#options.maxFileBytes) await this.#rotate();
      } catch {
        // A full disk costs the trace and nothing else; the note tells how much is missing.
        this.#lost += lost + lines.length;
      }
    }
    this.#writing = null;
  }

  async #rotate(): Promise<void> {
    const { path, maxFiles } = this.#options;
    for (let age = maxFiles - 1; age >= 1; age -= 1) {
      const from = age === 1 ? path : `${path}.${age - 1}`;
      await rename(from, `${path}.${age}`).catch(() => {
        // Younger generations are missing until there have been so many rotations.
      });
    }
    const full = this.#file;
    this.#file = await open(path, maxFiles === 1 ? 'w' : 'a', 0o640);
    this.#fileBytes = 0;
    await full?.close();
  }
}

/** One level only: a recursive mkdir of Node 24 never returns below /proc, and hides misspellings. */
async function createDirectory(path: string): Promise<void> {
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

function encode(event: object): string {
  try {
    return JSON.stringify(event, preserve);
  } catch (error) {
    return JSON.stringify({ kind: 'trace-unprintable', detail: String(error) });
  }
}
