/**
 * In which formats the data of this directory are written, in a file beside LevelDB's own.
 *
 * The fear: an older release that meets newer data would read it wrongly, or refuse it halfway, after
 * LevelDB has already moved its files about. So the formats stand in plain sight and are compared
 * before anything is opened: what cannot be read is not touched. A newer release reads older data; it
 * notes its own formats before it writes the first of them, and from then on there is no way back.
 *
 * The layout of the store has a number, and so have the log entries and snapshots that the state
 * machine encodes (`cluster/codec.ts`). Where the file is missing, everything is of format 1.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { FORMATS } from '../cluster/codec.ts';
import { HoldfastError } from '../lib/error.ts';
import { conform, fields, integer, type Shape } from '../lib/shape.ts';
import { syncPath } from './open-database.ts';

export type DataFormats = {
  /** Keys and records of the store itself. */
  readonly store: number;
  readonly entry: number;
  readonly state: number;
};

/** What this release writes, and the newest that it reads. */
export const DATA_FORMATS: DataFormats = { store: 1, ...FORMATS };

const FIRST: DataFormats = { store: 1, entry: 1, state: 1 };
const NAME = 'FORMAT';
const number = integer(1, 65_535);
const shape: Shape<DataFormats> = fields<DataFormats>({
  store: number,
  entry: number,
  state: number,
});

/**
 * The formats of what lies in `directory`. Reads one file, changes nothing.
 * @throws HoldfastError DATA_FORMAT_UNKNOWN where one is newer than in `reads`; DATABASE_CORRUPT
 */
export async function checkDataFormats(
  directory: string,
  reads: DataFormats,
): Promise<DataFormats> {
  const found = await readFormats(directory);
  const newer = KINDS.filter((kind) => found[kind] > reads[kind]);
  if (newer.length === 0) return found;
  const detail = newer.map((kind) => `${kind} ${found[kind]}, this release reads ${reads[kind]}`);
  throw new HoldfastError('DATA_FORMAT_UNKNOWN', { directory, detail: detail.join('; ') });
}

const KINDS = ['store', 'entry', 'state'] as const;

/**
 * Notes what will be written from now on, if that is newer than what was `found`. Synced.
 * @throws HoldfastError DATA_DIRECTORY_UNUSABLE
 */
export async function raiseDataFormats(
  directory: string,
  found: DataFormats | null,
  written: DataFormats,
): Promise<void> {
  if (found !== null && KINDS.every((kind) => found[kind] >= written[kind])) return;
  try {
    await replaceNote(directory, `${JSON.stringify(written)}\n`);
  } catch (cause) {
    const detail = String(cause);
    throw new HoldfastError('DATA_DIRECTORY_UNUSABLE', { directory, detail }, { cause });
  }
}

async function replaceNote(directory: string, text: string): Promise<void> {
  const draft = join(directory, `${NAME}.new`);
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, join(directory, NAME));
  await syncPath(directory);
}

async function readFormats(directory: string): Promise<DataFormats> {
  const path = join(directory, NAME);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return FIRST;
    const detail = String(cause);
    throw new HoldfastError('DATA_DIRECTORY_UNUSABLE', { directory, detail }, { cause });
  }
  const formats = parsed(text);
  if (formats !== null) return formats;
  throw new HoldfastError('DATABASE_CORRUPT', { directory, file: NAME, detail: 'no formats' });
}

function parsed(text: string): DataFormats | null {
  try {
    const result = conform(shape, JSON.parse(text), NAME);
    return result.ok ? result.value : null;
  } catch {
    // No JSON: the caller says so.
    return null;
  }
}
