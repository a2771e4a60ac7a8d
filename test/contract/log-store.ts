/**
 * What every log store has to keep: one suite, run on each adapter. The adapter gives a medium that
 * can be opened again and again, as after a restart.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LogStore } from '../../src/raft/log-store.ts';
import type { Configuration, Entry, HardState } from '../../src/raft/types.ts';
import { batch, command } from '../storage/entries.ts';

export type LogStoreMedium = {
  /** A store on what the medium holds; the one before was closed or is cut off. */
  open(): Promise<LogStore>;
  dispose(): Promise<void>;
};

const CONFIGURATION: Configuration = { voters: ['a', 'b', 'c'], outgoing: [], learners: ['d'] };
const BLANK: HardState = { term: 0, votedFor: null, commitIndex: 0 };

export function logStoreContract(
  adapter: string,
  createMedium: () => Promise<LogStoreMedium>,
): void {
  describe(`log store contract: ${adapter}`, () => {
    let medium: LogStoreMedium;
    let store: LogStore;

    beforeEach(async () => {
      medium = await createMedium();
      store = await medium.open();
    });

    afterEach(async () => {
      await store.close();
      await medium.dispose();
    });

    async function restart(): Promise<void> {
      await store.close();
      store = await medium.open();
    }

    test('a store that was never written answers term 0 and no entries', async () => {
      expect(await store.load()).toEqual({ hardState: BLANK, snapshot: null, entries: [] });
      await restart();
      expect(await store.load()).toEqual({ hardState: BLANK, snapshot: null, entries: [] });
    });

    test('term, vote and entries of one batch are there after a restart', async () => {
      const hardState: HardState = { term: 3, votedFor: 'b', commitIndex: 1 };
      const entries: readonly Entry[] = [
        { index: 1, term: 1, kind: 'no-op' },
        command(2, 3),
        { index: 3, term: 3, kind: 'configuration', configuration: CONFIGURATION },
      ];
      await store.append(batch(1, { hardState, entries }));
      await restart();
      expect(await store.load()).toEqual({ hardState, snapshot: null, entries });
    });

    test('a batch without hard state leaves the stored one alone', async () => {
      const hardState: HardState = { term: 1, votedFor: 'a', commitIndex: 0 };
      await store.append(batch(1, { hardState }));
      await store.append(batch(2, { entries: [command(1, 1)] }));
      await restart();
      expect((await store.load()).hardState).toEqual(hardState);
    });

    test('entries replace everything from the index of the first one on', async () => {
      const hardState: HardState = { term: 2, votedFor: null, commitIndex: 0 };
      const old = [1, 2, 3, 4, 5].map((index) => command(index, 1));
      await store.append(batch(1, { hardState, entries: old }));
      await store.append(batch(2, { entries: [command(3, 2, 'new')] }));
      await restart();
      const { entries } = await store.load();
      expect(entries).toEqual([command(1, 1), command(2, 1), command(3, 2, 'new')]);
    });

    test('compaction drops the log up to the snapshot and keeps what follows', async () => {
      const hardState: HardState = { term: 1, votedFor: 'a', commitIndex: 3 };
      const entries = [1, 2, 3, 4, 5].map((index) => command(index, 1));
      await store.append(batch(1, { hardState, entries }));
      const meta = { index: 3, term: 1, configuration: CONFIGURATION };
      await store.compact(meta, Uint8Array.of(1, 2, 3));
      await store.append(batch(2, { entries: [command(6, 1)] }));
      await restart();
      const restored = await store.load();
      expect(restored.snapshot).toEqual({ meta, state: Uint8Array.of(1, 2, 3) });
      expect(restored.entries.map(({ index }) => index)).toEqual([4, 5, 6]);
      expect(restored.hardState).toEqual(hardState);
    });

    test('an older compaction than the stored snapshot changes nothing', async () => {
      const hardState: HardState = { term: 1, votedFor: 'a', commitIndex: 3 };
      const entries = [1, 2, 3, 4].map((index) => command(index, 1));
      await store.append(batch(1, { hardState, entries }));
      const meta = { index: 3, term: 1, configuration: CONFIGURATION };
      await store.compact(meta, Uint8Array.of(3));
      await store.compact({ ...meta, index: 2 }, Uint8Array.of(2));
      await restart();
      const restored = await store.load();
      expect(restored.snapshot?.meta.index).toBe(3);
      expect(restored.snapshot?.state).toEqual(Uint8Array.of(3));
      expect(restored.entries).toEqual([command(4, 1)]);
    });

    test('a snapshot from the leader replaces the whole log', async () => {
      const hardState: HardState = { term: 5, votedFor: null, commitIndex: 9 };
      await store.append(
        batch(1, { hardState: { ...hardState, term: 1 }, entries: [command(1, 1), command(2, 1)] }),
      );
      const snapshot = {
        meta: { index: 9, term: 4, configuration: CONFIGURATION },
        state: new Uint8Array(200_000).fill(7),
      };
      await store.append(batch(2, { hardState, snapshot }));
      await store.append(batch(3, { entries: [command(10, 5)] }));
      await restart();
      expect(await store.load()).toEqual({ hardState, snapshot, entries: [command(10, 5)] });
    });

    test('writes that are started together end in their order', async () => {
      const order: number[] = [];
      await Promise.all(
        [1, 2, 3, 4, 5].map(async (index) => {
          await store.append(
            batch(index, {
              hardState: { term: index, votedFor: null, commitIndex: 0 },
              entries: [command(index, index)],
            }),
          );
          order.push(index);
        }),
      );
      expect(order).toEqual([1, 2, 3, 4, 5]);
      await restart();
      const restored = await store.load();
      expect(restored.hardState.term).toBe(5);
      expect(restored.entries).toHaveLength(5);
    });

    test('a log of a thousand entries keeps its order', async () => {
      const hardState: HardState = { term: 1, votedFor: 'a', commitIndex: 0 };
      const entries = Array.from({ length: 1000 }, (_, i) => command(i + 1, 1));
      await store.append(batch(1, { hardState, entries }));
      await restart();
      expect((await store.load()).entries).toEqual(entries);
    });
  });
}
