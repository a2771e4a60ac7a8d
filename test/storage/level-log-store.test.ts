/** What the level adapter must notice: other owners, locks, damage. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Level } from 'level';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { HardState } from '../../src/raft/types.ts';
import { readDurableLength } from '../../src/storage/durable-length.ts';
import { LevelLogStore } from '../../src/storage/level-log-store.ts';
import { batch, command } from './entries.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-level-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (path = directory, clusterId = 'alpha', node = 'a'): Promise<LevelLogStore> =>
  LevelLogStore.open({ directory: path, clusterId, node });

const WITNESS = 'DURABLE';
const HARD_STATE: HardState = { term: 7, votedFor: 'b', commitIndex: 3 };

/**
 * Twenty synced batches, one entry each. Answers the witness as it was before the last of them: it is
 * what a power loss in that batch leaves.
 */
async function fill(): Promise<Buffer> {
  const store = await open();
  let witness: Buffer = Buffer.alloc(0);
  for (let index = 1; index <= 20; index += 1) {
    if (index === 20) witness = await readFile(join(directory, WITNESS));
    const entries = [command(index, 7, `entry ${index} ${'x'.repeat(200)}`)];
    await store.append(
      batch(index, { hardState: { ...HARD_STATE, commitIndex: index - 1 }, entries }),
    );
  }
  await store.close();
  return witness;
}

async function fileEnding(suffix: string): Promise<string> {
  const name = (await readdir(directory)).find((file) => file.endsWith(suffix));
  if (name === undefined) throw new Error(`no ${suffix} in ${directory}`);
  return join(directory, name);
}

async function flip(path: string, place: (size: number) => number): Promise<void> {
  const bytes = await readFile(path);
  const at = place(bytes.byteLength);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  await writeFile(path, bytes);
}

async function refusal(attempt: () => Promise<unknown>): Promise<string> {
  try {
    await attempt();
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
  return 'nothing was refused';
}

async function openAndLoad(): Promise<void> {
  const store = await open();
  try {
    await store.load();
  } finally {
    await store.close();
  }
}

test('data of another cluster is refused and left as it was', async () => {
  await fill();
  expect(await refusal(() => open(directory, 'beta'))).toBe('DATA_OF_ANOTHER_CLUSTER');
  const store = await open();
  expect((await store.load()).entries).toHaveLength(20);
  await store.close();
});

test('data of another node is refused', async () => {
  await fill();
  expect(await refusal(() => open(directory, 'alpha', 'b'))).toBe('DATA_OF_ANOTHER_NODE');
});

test('a data directory that is in use is refused', async () => {
  const store = await open();
  expect(await refusal(() => open())).toBe('DATA_DIRECTORY_LOCKED');
  await store.close();
});

test('a path that is a file is refused', async () => {
  const path = join(directory, 'file');
  await writeFile(path, 'x');
  expect(await refusal(() => open(path))).toBe('DATA_DIRECTORY_UNUSABLE');
});

test('one flipped byte amid the synced batches is noticed, and nothing is changed', async () => {
  await fill();
  const log = await fileEnding('.log');
  await flip(log, (size) => Math.floor(size / 2));
  const before = await readFile(log);
  expect(await refusal(openAndLoad)).toBe('DATABASE_CORRUPT');
  expect(await readFile(log)).toEqual(before);
});

test('control: without the check LevelDB forgets synced batches silently', async () => {
  await fill();
  await flip(await fileEnding('.log'), (size) => Math.floor(size / 2));
  const database = new Level(directory);
  const keys = await database.keys({ gte: 'entry/', lt: 'entry0' }).all();
  await database.close();
  expect(keys.length).toBeLessThan(20);
});

test('a batch that was torn by a power loss is dropped as a whole', async () => {
  await writeFile(join(directory, WITNESS), await fill());
  const log = await fileEnding('.log');
  const { byteLength } = await readFile(log);
  await truncate(log, byteLength - 30);
  const store = await open();
  const { entries, hardState } = await store.load();
  await store.close();
  expect(entries).toHaveLength(19);
  expect(hardState.commitIndex).toBe(18);
});

test('a torn end that reads as zeros is dropped as a whole', async () => {
  await writeFile(join(directory, WITNESS), await fill());
  const log = await fileEnding('.log');
  const bytes = await readFile(log);
  await writeFile(log, bytes.fill(0, bytes.byteLength - 30));
  const store = await open();
  expect((await store.load()).entries).toHaveLength(19);
  await store.close();
});

describe('a log that lost what was synced', () => {
  const LOSSES: readonly (readonly [string, (log: string) => Promise<void>])[] = [
    ['was emptied', (log) => truncate(log, 0)],
    ['was cut short between two batches', (log) => cutAfterFirstRecord(log)],
    ['was cut short in its last batch', async (log) => truncate(log, (await stat(log)).size - 1)],
    ['is garbage', async (log) => writeFile(log, Buffer.alloc((await stat(log)).size, 0x5a))],
    ['is gone', (log) => rm(log)],
  ];

  test.each(LOSSES)('%s: it is refused, and nothing is changed', async (_name, lose) => {
    await fill();
    const log = await fileEnding('.log');
    await lose(log);
    const before = (await readdir(directory)).toSorted();
    expect(await refusal(openAndLoad)).toBe('DATABASE_CORRUPT');
    expect((await readdir(directory)).toSorted()).toEqual(before);
  });

  test.each(LOSSES)('control: %s, and without the witness nobody notices', async (_name, lose) => {
    await fill();
    await lose(await fileEnding('.log'));
    await rm(join(directory, WITNESS));
    expect(await refusal(openAndLoad)).toBe('nothing was refused');
  });

  test('the witness follows LevelDB to its next log', async () => {
    const store = await open();
    const first = basename(await fileEnding('.log'));
    let index = 0;
    while ((await readdir(directory)).includes(first)) {
      index += 1;
      const entries = [command(index, 7, 'x'.repeat(500_000))];
      await store.append(batch(index, { hardState: HARD_STATE, entries }));
    }
    await store.append(batch(index, { hardState: HARD_STATE, entries: [] }));
    await store.close();
    const log = await fileEnding('.log');
    const { size } = await stat(log);
    expect(await readDurableLength(directory)).toEqual({ file: basename(log), bytes: size });
    await truncate(log, size - 1);
    expect(await refusal(openAndLoad)).toBe('DATABASE_CORRUPT');
  });

  test('a witness of a log that was replaced meanwhile says nothing', async () => {
    const before = await fill();
    // Opening replays the log into a table, and begins the next one.
    await (await open()).close();
    await writeFile(join(directory, WITNESS), before);
    await openAndLoad();
  });
});

async function cutAfterFirstRecord(log: string): Promise<void> {
  const bytes = await readFile(log);
  await truncate(log, 7 + bytes.readUInt16LE(4));
}

test('damage in a table is noticed by the checksum of the record', async () => {
  await fill();
  // Opening replays the log into a table.
  await (await open()).close();
  const table = await fileEnding('.ldb');
  const bytes = await readFile(table);
  await flip(table, () => bytes.indexOf('entry 7 ') + 20);
  expect(await refusal(openAndLoad)).toBe('DATABASE_CORRUPT');
});

test('a record whose content was exchanged is noticed', async () => {
  await fill();
  const database = new Level<string, Uint8Array>(directory, { valueEncoding: 'view' });
  const other = await database.get('entry/0000000000000003');
  await database.put('entry/0000000000000004', other);
  await database.close();
  expect(await refusal(openAndLoad)).toBe('DATABASE_CORRUPT');
});

for (const key of ['entry/0000000000000004', 'entry/0000000000000014', 'bounds', 'owner']) {
  test(`a lost record is noticed: ${key}`, async () => {
    await fill();
    const database = new Level(directory);
    await database.del(key);
    await database.close();
    expect(await refusal(openAndLoad)).toBe('DATABASE_CORRUPT');
  });
}

test('a lost term is noticed by the terms of the entries', async () => {
  await fill();
  const database = new Level(directory);
  await database.del('hard-state');
  await database.close();
  expect(await refusal(openAndLoad)).toBe('DATABASE_CORRUPT');
});

test('a missing CURRENT is not taken for an empty directory', async () => {
  await fill();
  await rm(join(directory, 'CURRENT'));
  expect(await refusal(openAndLoad)).toBe('DATABASE_CORRUPT');
});

test('a garbled CURRENT is reported as corrupt', async () => {
  await fill();
  await writeFile(join(directory, 'CURRENT'), 'MANIFEST-999999\n');
  expect(await refusal(openAndLoad)).toBe('DATABASE_CORRUPT');
});

test('data of a later format is refused', async () => {
  await fill();
  const { seal } = await import('../../src/storage/record.ts');
  const database = new Level<string, Uint8Array>(directory, { valueEncoding: 'view' });
  await database.put('owner', seal('owner', { format: 2, clusterId: 'alpha', node: 'a' }));
  await database.close();
  expect(await refusal(() => open())).toBe('DATA_FORMAT_UNKNOWN');
});

test('after a failed write nothing more is accepted', async () => {
  const store = await open();
  await store.close();
  expect(await refusal(() => store.append(batch(1, { entries: [command(1, 1)] })))).toBe(
    'LOG_WRITE_FAILED',
  );
  expect(await refusal(() => store.append(batch(2, { entries: [command(1, 1)] })))).toBe(
    'LOG_WRITE_FAILED',
  );
});

test('group commit: batches that come while one is being synced share the next sync', async () => {
  const store = await open();
  const synced = vi.spyOn(Level.prototype, 'batch');
  try {
    const writes = Array.from({ length: 100 }, (_, i) =>
      store.append(batch(i + 1, { entries: [command(i + 1, 1)] })),
    );
    await Promise.all(writes);
    // The first one leaves alone at the earliest; all others queue behind it.
    expect(synced.mock.calls.length).toBeLessThanOrEqual(2);
    const calls: readonly (readonly unknown[])[] = synced.mock.calls;
    for (const [, options] of calls) expect(options).toEqual({ sync: true });
    await store.append(batch(101, { hardState: HARD_STATE, entries: [command(101, 1)] }));
    expect((await store.load()).entries).toHaveLength(101);
  } finally {
    synced.mockRestore();
    await store.close();
  }
});

test('an entry that leaves a hole is a bug and is not written', async () => {
  const store = await open();
  expect(await refusal(() => store.append(batch(1, { entries: [command(5, 1)] })))).toBe(
    'INTERNAL',
  );
  await store.close();
});

test('a process killed amid its writes leaves whole batches, and all that it was told were durable', async () => {
  const child = spawn(process.execPath, [
    fileURLToPath(new URL('./writer.ts', import.meta.url)),
    directory,
  ]);
  const told = await killAmid(child, 30);
  const copy = join(directory, 'copy');
  await mkdir(copy);
  for (const file of await readdir(directory)) {
    if (file !== 'copy') await cp(join(directory, file), join(copy, file));
  }
  const store = await open(copy);
  const { entries, hardState } = await store.load();
  await store.close();
  expect(entries.length).toBeGreaterThanOrEqual(told);
  // The writer stores the index as the term of the same batch.
  expect(hardState.term).toBe(entries.length);
});

/** Kills the writer once it has said that so many batches are durable; answers how many it said. */
async function killAmid(child: ChildProcess, batches: number): Promise<number> {
  let told = 0;
  child.stdout?.on('data', (data: Buffer) => {
    told += data.toString().split('\n').length - 1;
    if (told >= batches) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return told;
}
