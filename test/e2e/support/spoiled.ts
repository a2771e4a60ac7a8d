/** Data and configurations of a node, sound first and then made wrong in one place. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { LevelLogStore } from '../../../src/storage/level-log-store.ts';
import type { EmbeddedCluster } from '../../demo/embedded-cluster.ts';

const TERM = 3;
const LIVES = 2;
const BATCHES = 10;

export const SOUND = { term: TERM, votedFor: 'node2', entries: LIVES * BATCHES } as const;

/** The directory of the node's database. */
export function logOf(place: EmbeddedCluster, node = 'node1'): string {
  return join(place.config.dataOf(node), 'log');
}

/** Term, vote and entries of two lives of a daemon: LevelDB then has a table and a log. */
export async function writeSoundLog(
  place: EmbeddedCluster,
  owner: { readonly clusterId?: string; readonly node?: string } = {},
): Promise<void> {
  const directory = logOf(place);
  rmSync(directory, { recursive: true, force: true });
  for (let life = 0; life < LIVES; life += 1) {
    const store = await openLog(place, owner);
    for (let i = 1; i <= BATCHES; i += 1) {
      await store.append({
        hardState: { term: TERM, votedFor: SOUND.votedFor, commitIndex: 0 },
        entries: [{ kind: 'no-op', index: life * BATCHES + i, term: TERM }],
        snapshot: null,
        mark: life * BATCHES + i,
      });
    }
    await store.close();
  }
}

/** What the database remembers, read by its rightful owner. */
export async function rememberedBy(
  place: EmbeddedCluster,
  owner: { readonly clusterId?: string; readonly node?: string } = {},
): Promise<{ readonly term: number; readonly votedFor: string | null; readonly entries: number }> {
  const store = await openLog(place, owner);
  const { hardState, entries } = await store.load();
  await store.close();
  return { term: hardState.term, votedFor: hardState.votedFor, entries: entries.length };
}

async function openLog(
  place: EmbeddedCluster,
  { clusterId = place.config.clusterId, node = 'node1' },
): Promise<LevelLogStore> {
  return await LevelLogStore.open({ directory: logOf(place), clusterId, node });
}

/** The newest file of the database with this beginning or ending. */
export function newest(place: EmbeddedCluster, part: string): string {
  const found = readdirSync(logOf(place))
    .filter((name) => name.startsWith(part) || name.endsWith(part))
    .toSorted()
    .at(-1);
  if (found === undefined) throw new Error(`the database has no ${part}`);
  return join(logOf(place), found);
}

/** A copy of the configuration in which `value` stands at `path`; undefined takes the key away. */
export function changed(
  place: EmbeddedCluster,
  ...changes: readonly (readonly [path: readonly (string | number)[], value: unknown])[]
): string {
  const document = parseDocument(readFileSync(place.config.path, 'utf8'));
  for (const [path, value] of changes) {
    if (value === undefined) document.deleteIn(path);
    else document.setIn(path, value);
  }
  const copy = join(place.directory, 'changed.yaml');
  writeFileSync(copy, document.toString());
  return copy;
}
