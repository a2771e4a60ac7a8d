/**
 * Opens a LevelDB database that must not have forgotten anything.
 *
 * LevelDB itself prefers an empty database to an error: it drops what follows a damaged record of its
 * log, does without a log that is missing, and begins anew where its file CURRENT is. All this is
 * checked before it may touch the directory, so that nothing was changed when the answer is no.
 */
import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Level } from 'level';
import { HoldfastError } from '../lib/error.ts';
import { readDurableLength } from './durable-length.ts';
import { findDamage } from './write-ahead-log.ts';

export type Database = Level<string, Uint8Array>;

/**
 * The database in `directory`, created where there is none (`isNew`).
 *
 * @throws HoldfastError DATA_DIRECTORY_LOCKED, DATA_DIRECTORY_UNUSABLE or DATABASE_CORRUPT.
 */
export async function openDatabase(
  directory: string,
): Promise<{ readonly database: Database; readonly isNew: boolean }> {
  const isNew = await inspect(directory);
  const database: Database = new Level(directory, { valueEncoding: 'view', compression: false });
  try {
    await database.open();
  } catch (error) {
    throw openingFailed(error, directory);
  }
  return { database, isNew };
}

/** Looks at the files before LevelDB may change them. Answers whether there is no database yet. */
async function inspect(directory: string): Promise<boolean> {
  let files: readonly string[];
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    files = await readdir(directory);
    const durable = await readDurableLength(directory);
    for (const file of files.filter((name) => name.endsWith('.log'))) {
      const bytes = await readFile(join(directory, file));
      const damage = findDamage(bytes, durable?.file === file ? durable.bytes : 0);
      if (damage !== null)
        throw new HoldfastError('DATABASE_CORRUPT', { directory, file, ...damage });
    }
    // LevelDB takes a log away only when the next one is there.
    if (durable !== null && !files.some((name) => name.endsWith('.log'))) {
      throw new HoldfastError('DATABASE_CORRUPT', {
        directory,
        detail: `${durable.file} is missing`,
      });
    }
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    const detail = String(cause);
    throw new HoldfastError('DATA_DIRECTORY_UNUSABLE', { directory, detail }, { cause });
  }
  if (files.includes('CURRENT')) return false;
  // LevelDB would begin anew beside what is left of the old database.
  const left = files.find((name) => name.endsWith('.ldb') || name.endsWith('.log'));
  if (left === undefined) return true;
  throw new HoldfastError('DATABASE_CORRUPT', { directory, detail: 'CURRENT is missing' });
}

function openingFailed(error: unknown, directory: string): HoldfastError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  const detail = cause instanceof Error ? cause.message : String(cause);
  const context = { directory, detail };
  if (code === 'LEVEL_LOCKED')
    return new HoldfastError('DATA_DIRECTORY_LOCKED', context, { cause });
  // The directory and CURRENT were there a moment ago, so what is missing now is part of the database.
  const corrupt = code === 'LEVEL_CORRUPTION' || /no such file|corrupt/i.test(detail);
  const problem = corrupt ? 'DATABASE_CORRUPT' : 'DATA_DIRECTORY_UNUSABLE';
  return new HoldfastError(problem, context, { cause });
}

/** A new directory survives a power loss only when its parent is synced too. */
export async function syncPath(directory: string): Promise<void> {
  for (const path of [directory, dirname(directory)]) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
