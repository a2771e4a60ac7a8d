/**
 * The log store in `level`: entries, term, vote and snapshot under sorted keys, each write one synced
 * batch. Either all of a batch is there after a power loss or nothing of it.
 *
 *   owner            cluster, node and format; never changes
 *   hard-state       term, vote, commit index
 *   bounds           first and last index, so that lost entries are noticed
 *   snapshot/meta    what the state machine was saved at, and its bytes
 *   snapshot/state
 *   entry/<16 hex digits>
 *
 * Data is refused, not repaired: a node that started on half of its log could vote against what it
 * had promised. After a failed write every later one is refused too, since nobody knows what a failed
 * fsync left behind (and the log must not have a hole).
 *
 * Reference: Raft §5.1, figure 2 ("Persistent state").
 */
import { HoldfastError } from '../lib/error.ts';
import type { NodeId } from '../lib/ids.ts';
import type { LogStore } from '../raft/log-store.ts';
import type { Entry, Persist, Restored, SnapshotMeta } from '../raft/types.ts';
import {
  checkDataFormats,
  DATA_FORMATS,
  type DataFormats,
  raiseDataFormats,
} from './data-format.ts';
import { DurableLengthNote, NOTE_EVERY_MS } from './durable-length.ts';
import { type Database, openDatabase, syncPath } from './open-database.ts';
import { seal, sealBytes, unseal, unsealBytes } from './record.ts';
import {
  type Bounds,
  boundsShape,
  entryShape,
  hardStateShape,
  type Owner,
  ownerShape,
  snapshotMetaShape,
} from './shapes.ts';

const OWNER = 'owner';
const HARD_STATE = 'hard-state';
const BOUNDS = 'bounds';
const SNAPSHOT_META = 'snapshot/meta';
const SNAPSHOT_STATE = 'snapshot/state';
const ENTRY = 'entry/';
/** The next character after the slash: the end of all entry keys. */
const ENTRY_END = 'entry0';

type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

export type LevelLogStoreOptions = {
  readonly directory: string;
  readonly clusterId: string;
  readonly node: NodeId;
  /** Missing: those of this release. Others only in tests, in place of another release. */
  readonly formats?: DataFormats;
};

export class LevelLogStore implements LogStore {
  readonly #database: Database;
  readonly #directory: string;
  readonly #durable: DurableLengthNote;
  /** As of the newest write, ended or not. */
  #bounds: Bounds = { first: 1, last: 0 };
  #failure: unknown = null;
  /** What the next batch will hold; it is written when the present one has ended. */
  #gathered: Operation[] = [];
  #next: Promise<void> | null = null;
  #present: Promise<void> = Promise.resolve();
  /** Batches were synced and are not noted yet. */
  #noteTimer: NodeJS.Timeout | null = null;

  private constructor(database: Database, directory: string) {
    this.#database = database;
    this.#directory = directory;
    this.#durable = new DurableLengthNote(directory);
  }

  /**
   * Opens the store of this node, or creates it where the directory is empty.
   *
   * @throws HoldfastError DATA_DIRECTORY_LOCKED, DATA_DIRECTORY_UNUSABLE, DATABASE_CORRUPT,
   *   DATA_OF_ANOTHER_CLUSTER, DATA_OF_ANOTHER_NODE or DATA_FORMAT_UNKNOWN. Nothing was changed then.
   */
  static async open(options: LevelLogStoreOptions): Promise<LevelLogStore> {
    const { directory, formats = DATA_FORMATS } = options;
    const found = await checkDataFormats(directory, formats);
    const { database, isNew } = await openDatabase(directory);
    const store = new LevelLogStore(database, directory);
    try {
      await store.#identify({ ...options, formats }, isNew ? null : found);
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  }

  async load(): Promise<Restored> {
    const stored = await this.#read(HARD_STATE);
    const hardState =
      stored === null
        ? { term: 0, votedFor: null, commitIndex: 0 }
        : unseal(HARD_STATE, stored, hardStateShape);
    const snapshot = await this.#readSnapshot();
    const entries = await this.#readEntries();
    const before = snapshot?.meta.index ?? 0;
    if (this.#bounds.first !== before + 1) {
      throw this.#corrupt(`the log begins at ${this.#bounds.first}, after snapshot ${before}`);
    }
    if (hardState.term < (entries.at(-1)?.term ?? snapshot?.meta.term ?? 0)) {
      throw this.#corrupt('the log is of a later term than the stored term');
    }
    return { hardState, snapshot, entries };
  }

  async append(batch: Persist): Promise<void> {
    const { entries, hardState, snapshot } = batch;
    const operations: Operation[] = [];
    let { first, last } = this.#bounds;
    if (hardState !== null) operations.push(put(HARD_STATE, seal(HARD_STATE, hardState)));
    if (snapshot !== null) {
      operations.push(...snapshotRecords(snapshot.meta, snapshot.state), ...drop(first, last));
      first = snapshot.meta.index + 1;
      last = snapshot.meta.index;
    }
    const from = entries[0]?.index ?? last + 1;
    if (from < first || from > last + 1) {
      throw new HoldfastError('INTERNAL', { detail: `entry ${from} does not follow ${last}` });
    }
    operations.push(...drop(from + entries.length, last), ...entries.map(entryRecord));
    if (entries.length > 0) last = from + entries.length - 1;
    await this.#write(operations, { first, last });
  }

  async compact(meta: SnapshotMeta, state: Uint8Array): Promise<void> {
    const { first, last } = this.#bounds;
    // Meanwhile a snapshot of the leader's, written earlier, may have gone further.
    if (meta.index < first) return;
    const operations = [
      ...snapshotRecords(meta, state),
      ...drop(first, Math.min(meta.index, last)),
    ];
    await this.#write(operations, { first: meta.index + 1, last: Math.max(meta.index, last) });
  }

  /** Waits for writes that are under way. */
  async close(): Promise<void> {
    await this.#present;
    if (this.#noteTimer !== null) await this.#note();
    await this.#durable.close();
    await this.#database.close();
  }

  /** Calls that come while a batch is being synced share the next one, in their order. */
  async #write(operations: readonly Operation[], bounds: Bounds): Promise<void> {
    if (this.#failure !== null) throw this.#failed(this.#failure);
    this.#bounds = bounds;
    for (const operation of operations) this.#gathered.push(operation);
    this.#gathered.push(put(BOUNDS, seal(BOUNDS, bounds)));
    if (this.#next === null) {
      this.#next = this.#present.then(() => this.#flush());
      // Whoever waits for the batch hears of its failure; the chain only has to go on.
      this.#present = this.#next.then(
        () => this.#noteSoon(),
        () => undefined,
      );
    }
    await this.#next;
  }

  /** At once, or when the last note is old enough; always between two batches. */
  #noteSoon(): Promise<void> | undefined {
    if (this.#durable.isDue) return this.#note();
    this.#noteTimer ??= setTimeout(() => {
      this.#present = this.#present.then(() => this.#note());
    }, NOTE_EVERY_MS);
    return undefined;
  }

  async #note(): Promise<void> {
    if (this.#noteTimer !== null) clearTimeout(this.#noteTimer);
    this.#noteTimer = null;
    // What a failed sync left behind is not durable.
    if (this.#failure === null) await this.#durable.write();
  }

  async #flush(): Promise<void> {
    const operations = this.#gathered;
    this.#gathered = [];
    this.#next = null;
    if (this.#failure !== null) throw this.#failed(this.#failure);
    try {
      await this.#database.batch(operations, { sync: true });
    } catch (error) {
      this.#failure = error;
      throw this.#failed(error);
    }
  }

  /** `found`: what the directory said of itself; null where there was no database. */
  async #identify(
    { clusterId, node, formats }: Required<LevelLogStoreOptions>,
    found: DataFormats | null,
  ): Promise<void> {
    const stored = await this.#read(OWNER);
    const bounds = await this.#read(BOUNDS);
    if (stored === null) {
      // A crash may have come between the creation of the database and its first batch.
      if (bounds !== null) throw this.#corrupt('nobody owns this data');
      await raiseDataFormats(this.#directory, null, formats);
      await this.#own({ format: formats.store, clusterId, node });
      if (found === null) await syncPath(this.#directory);
      return;
    }
    const owner = unseal(OWNER, stored, ownerShape);
    const context = { directory: this.#directory, ...owner };
    if (owner.format > formats.store) throw new HoldfastError('DATA_FORMAT_UNKNOWN', context);
    if (owner.clusterId !== clusterId) throw new HoldfastError('DATA_OF_ANOTHER_CLUSTER', context);
    if (owner.node !== node) throw new HoldfastError('DATA_OF_ANOTHER_NODE', context);
    if (bounds === null) throw this.#corrupt('the bounds of the log are missing');
    this.#bounds = unseal(BOUNDS, bounds, boundsShape);
    await raiseDataFormats(this.#directory, found, formats);
    if (owner.format < formats.store) await this.#own({ ...owner, format: formats.store });
  }

  async #own(owner: Owner): Promise<void> {
    await this.#write([put(OWNER, seal(OWNER, owner))], this.#bounds);
  }

  async #readSnapshot(): Promise<Restored['snapshot']> {
    const meta = await this.#read(SNAPSHOT_META);
    const state = await this.#read(SNAPSHOT_STATE);
    if (meta === null && state === null) return null;
    if (meta === null || state === null) throw this.#corrupt('half of the snapshot is missing');
    return {
      meta: unseal(SNAPSHOT_META, meta, snapshotMetaShape),
      state: unsealBytes(SNAPSHOT_STATE, state),
    };
  }

  async #readEntries(): Promise<readonly Entry[]> {
    const { first, last } = this.#bounds;
    const entries: Entry[] = [];
    let term = 0;
    for await (const [key, record] of this.#database.iterator({ gte: ENTRY, lt: ENTRY_END })) {
      const entry = unseal(key, record, entryShape);
      const index = first + entries.length;
      if (key !== entryKey(index) || entry.index !== index || entry.term < term) {
        throw this.#corrupt(`found ${key} where entry ${index} belongs`);
      }
      term = entry.term;
      entries.push(entry);
    }
    if (first + entries.length - 1 !== last) {
      throw this.#corrupt(`${entries.length} entries instead of ${first} to ${last}`);
    }
    return entries;
  }

  /** The bytes under `key`, or null. A read that fails is damage: the file is ours and is open. */
  async #read(key: string): Promise<Uint8Array | null> {
    try {
      const value: Uint8Array | undefined = await this.#database.get(key);
      return value ?? null;
    } catch (cause) {
      throw new HoldfastError('DATABASE_CORRUPT', { directory: this.#directory, key }, { cause });
    }
  }

  #corrupt(detail: string): HoldfastError {
    return new HoldfastError('DATABASE_CORRUPT', { directory: this.#directory, detail });
  }

  #failed(cause: unknown): HoldfastError {
    return new HoldfastError(
      'LOG_WRITE_FAILED',
      { directory: this.#directory, detail: String(cause) },
      { cause },
    );
  }
}

function put(key: string, value: Uint8Array): Operation {
  return { type: 'put', key, value };
}

function entryKey(index: number): string {
  return `${ENTRY}${index.toString(16).padStart(16, '0')}`;
}

function entryRecord(entry: Entry): Operation {
  const key = entryKey(entry.index);
  return put(key, seal(key, entry));
}

function snapshotRecords(meta: SnapshotMeta, state: Uint8Array): readonly Operation[] {
  return [
    put(SNAPSHOT_META, seal(SNAPSHOT_META, meta)),
    put(SNAPSHOT_STATE, sealBytes(SNAPSHOT_STATE, state)),
  ];
}

function drop(from: number, to: number): readonly Operation[] {
  const length = Math.max(0, to - from + 1);
  return Array.from({ length }, (_, i) => ({ type: 'del', key: entryKey(from + i) }));
}
