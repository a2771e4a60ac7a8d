/** A node that had a log must not begin with an empty one: Raft §5.1. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { noteFirstStart, refuseForgottenLog } from '../../src/storage/first-start.ts';
import { LevelLogStore } from '../../src/storage/level-log-store.ts';

let data = '';
let log = '';

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'holdfast-first-start-'));
  log = join(data, 'log');
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

/** What the daemon does, in its order. */
async function start(): Promise<void> {
  await refuseForgottenLog(data, log);
  const store = await LevelLogStore.open({ directory: log, clusterId: 'lab', node: 'a' });
  await noteFirstStart(data);
  await store.close();
}

test('a first start finds nothing, and later ones find the log', async () => {
  await start();
  await start();
  await start();
});

test('a log that was deleted, or that is not mounted, is not begun anew', async () => {
  await start();
  rmSync(log, { recursive: true });
  await expect(start()).rejects.toMatchObject({ code: 'DATABASE_CORRUPT' });
  await expect(start()).rejects.toMatchObject({ code: 'DATABASE_CORRUPT' });
});

test('power that fails before the mark is written costs nothing: no promise was made', async () => {
  const store = await LevelLogStore.open({ directory: log, clusterId: 'lab', node: 'a' });
  await store.close();
  rmSync(log, { recursive: true });
  await start();
});

test('a data directory that is emptied as a whole is that of a new node', async () => {
  await start();
  rmSync(data, { recursive: true });
  await start();
});
