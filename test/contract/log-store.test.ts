import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LevelLogStore } from '../../src/storage/level-log-store.ts';
import { MemoryDisk, MemoryLogStore } from '../../src/storage/memory-log-store.ts';
import { logStoreContract } from './log-store.ts';

logStoreContract('level', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-log-'));
  return {
    open: () => LevelLogStore.open({ directory, clusterId: 'test', node: 'a' }),
    dispose: () => rm(directory, { recursive: true }),
  };
});

logStoreContract('memory', () => {
  const disk = new MemoryDisk();
  return Promise.resolve({
    open: () => Promise.resolve(new MemoryLogStore(disk)),
    dispose: () => Promise.resolve(),
  });
});
