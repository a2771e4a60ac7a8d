/**
 * Releases that meet each other's data: the older one refuses what is newer and touches nothing, the
 * newer one reads what is older and goes on with it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeEnvelope, encodeState } from '../../src/cluster/codec.ts';
import { emptyState } from '../../src/cluster/state.ts';
import { encode } from '../../src/lib/codec.ts';
import { HoldfastError } from '../../src/lib/error.ts';
import { checkFormats, Replica } from '../../src/node/replica.ts';
import { DATA_FORMATS, type DataFormats } from '../../src/storage/data-format.ts';
import { LevelLogStore } from '../../src/storage/level-log-store.ts';
import { printOf } from '../e2e/support/directory-print.ts';
import { batch, command } from './entries.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-format-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (formats: DataFormats = DATA_FORMATS) =>
  LevelLogStore.open({ directory, clusterId: 'lab', node: 'a', formats });

/** A life of a release with these formats: it opens, writes one entry, and closes. */
async function live(index: number, formats?: DataFormats): Promise<void> {
  const store = await open(formats);
  const hardState = { term: 1, votedFor: null, commitIndex: 0 };
  await store.append(batch(index, { hardState, entries: [command(index, 1, `entry ${index}`)] }));
  await store.close();
}

const codeOf = async (work: () => Promise<unknown> | unknown): Promise<string> => {
  try {
    await work();
    return 'no refusal';
  } catch (error) {
    return error instanceof HoldfastError ? error.code : String(error);
  }
};

const note = (): unknown => JSON.parse(readFileSync(join(directory, 'FORMAT'), 'utf8'));
const next = (kind: keyof DataFormats): DataFormats => ({
  ...DATA_FORMATS,
  [kind]: DATA_FORMATS[kind] + 1,
});

describe('a directory', () => {
  test('says in which formats it is written', async () => {
    await live(1);
    expect(note()).toEqual(DATA_FORMATS);
  });

  test.each(['store', 'entry', 'state'] as const)(
    'of a newer %s is refused by an older release, and not a byte of it changes',
    async (kind) => {
      await live(1);
      await live(2, next(kind));
      const before = printOf(directory);
      expect(await codeOf(() => open())).toBe('DATA_FORMAT_UNKNOWN');
      expect(printOf(directory)).toEqual(before);
      await live(3, next(kind));
    },
  );

  test('of an older release is read by a newer one, which goes on with it', async () => {
    const old = { store: 1, entry: 1, state: 1 };
    await live(1, old);
    await live(2);
    expect(note()).toEqual(DATA_FORMATS);
    const store = await open();
    expect((await store.load()).entries.map(({ index }) => index)).toEqual([1, 2]);
    await store.close();
  });

  test('of the release that had no note yet is of the first formats', async () => {
    await live(1, { store: 1, entry: 1, state: 1 });
    rmSync(join(directory, 'FORMAT'));
    await live(2, { store: 1, entry: 1, state: 1 });
    await live(3);
    expect(note()).toEqual(DATA_FORMATS);
  });

  test('whose owner is of a newer format is refused, also without its note', async () => {
    await live(1, next('store'));
    rmSync(join(directory, 'FORMAT'));
    expect(await codeOf(() => open())).toBe('DATA_FORMAT_UNKNOWN');
  });

  test.each(['', '{}', 'no json', '{"store":0,"entry":1,"state":1}', '{"store":1}'])(
    'whose note says %j is damaged',
    async (text) => {
      await live(1);
      writeFileSync(join(directory, 'FORMAT'), text);
      expect(await codeOf(() => open())).toBe('DATABASE_CORRUPT');
    },
  );
});

describe('what a newer leader has sent', () => {
  const newer = encode([DATA_FORMATS.entry + 1, { said: 'in words that came later' }]);

  test('an entry stops an older daemon before it starts', () => {
    const entries = [{ kind: 'command', index: 7, term: 1, data: newer }] as const;
    const hardState = { term: 1, votedFor: null, commitIndex: 0 };
    expect(() => checkFormats({ hardState, snapshot: null, entries })).toThrow(
      /DATA_FORMAT_UNKNOWN.*index=7/,
    );
  });

  test('is no damage when it is applied, and says so', async () => {
    const replica = new Replica({ applied: () => undefined });
    const entry = { kind: 'command', index: 1, term: 1, data: newer } as const;
    expect(await codeOf(() => replica.apply([entry]))).toBe('DATA_FORMAT_UNKNOWN');
    const broken = { ...entry, data: encode([1, { said: 'nothing' }]) };
    expect(await codeOf(() => replica.apply([broken]))).toBe('CORRUPT_ENTRY');
  });

  test('a snapshot is no damage either', async () => {
    const replica = new Replica({ applied: () => undefined });
    const configuration = { voters: ['a'], outgoing: [], learners: [] };
    const meta = { index: 1, term: 1, configuration };
    const bytes = encode([DATA_FORMATS.state + 1, {}]);
    expect(await codeOf(() => replica.restore(meta, bytes))).toBe('DATA_FORMAT_UNKNOWN');
    expect(await codeOf(() => replica.restore(meta, encode([1, 7])))).toBe('CORRUPT_SNAPSHOT');
    expect(await codeOf(() => replica.restore(meta, encodeState(emptyState)))).toBe('no refusal');
  });

  test('what is no entry at all is damage', () => {
    expect(decodeEnvelope(encode('nothing'))).toMatchObject({ error: { code: 'CORRUPT_ENTRY' } });
  });
});
