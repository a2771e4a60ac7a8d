/** The public face of the storage module. */
export { LevelLogStore, type LevelLogStoreOptions } from './level-log-store.ts';
export { appended, compacted, MemoryDisk, MemoryLogStore } from './memory-log-store.ts';
