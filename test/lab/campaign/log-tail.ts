/** The log of a daemon as it grows, on the host: what was said after this was made. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../kernel/index.ts';
import type { Machine } from '../lab.ts';

export type LogLine = { readonly event: string; readonly facts: Readonly<Record<string, unknown>> };

export class LogTail {
  readonly guest: Machine;
  readonly #path: string;
  #offset: number;
  #rest = '';

  constructor(guest: Machine) {
    this.guest = guest;
    this.#path = join(guest.share, 'daemon.log');
    this.#offset = existsSync(this.#path) ? statSync(this.#path).size : 0;
  }

  /** The lines since the last call. */
  read(): readonly LogLine[] {
    if (!existsSync(this.#path)) return [];
    const length = statSync(this.#path).size - this.#offset;
    if (length <= 0) return [];
    const file = openSync(this.#path, 'r');
    const buffer = Buffer.alloc(length);
    const got = readSync(file, buffer, 0, length, this.#offset);
    closeSync(file);
    this.#offset += got;
    const lines = (this.#rest + buffer.toString('utf8', 0, got)).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.flatMap(parse);
  }
}

/** The first line that `holds` on any of these machines. */
export async function firstLine(
  tails: readonly LogTail[],
  holds: (guest: Machine, line: LogLine) => boolean,
  what: string,
  limitMs: number,
): Promise<{ readonly guest: Machine; readonly line: LogLine }> {
  return await until(
    () => {
      for (const tail of tails) {
        const line = tail.read().find((one) => holds(tail.guest, one));
        if (line !== undefined) return { guest: tail.guest, line };
      }
      return undefined;
    },
    { what, limitMs, intervalMs: 2 },
  );
}

function parse(text: string): readonly LogLine[] {
  try {
    const { event, facts } = JSON.parse(text) as Partial<LogLine>;
    return typeof event === 'string' ? [{ event, facts: facts ?? {} }] : [];
  } catch {
    return []; // Not the log's: what a program said on its standard error.
  }
}
