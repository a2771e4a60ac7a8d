/**
 * The log in memory: a snapshot, the entries that are still held, and how much of them has already
 * been handed to the disk.
 *
 * Some entries below the snapshot stay in memory, so that a follower which is only a little behind, or
 * has just been sent the snapshot before, gets entries and not the whole state machine; after a
 * restart they are gone, which costs nothing but that.
 *
 * Knows nothing of terms other than those of its entries, nor of what is committed or durable.
 *
 * Reference: Raft §5.3, §7.
 */
import { assert, known } from '../lib/assert.ts';
import type { Entry, Persist, Restored, SnapshotMeta } from './types.ts';

export type Snapshot = { readonly meta: SnapshotMeta; readonly state: Uint8Array };

/** Entries below an own snapshot that stay in memory for followers that lag a little. */
const RETAINED_ENTRIES = 256;
/** What an entry costs apart from its data, so that empty ones are bounded too. */
const ENTRY_OVERHEAD_BYTES = 64;

const NO_ENTRIES: readonly Entry[] = [];

export function entryBytes(entry: Entry): number {
  return ENTRY_OVERHEAD_BYTES + (entry.kind === 'command' ? entry.data.byteLength : 0);
}

export class RaftLog {
  #snapshot: Snapshot | null;
  /** The place just before the first held entry, whose term is still known. */
  #base: { readonly index: number; readonly term: number };
  /** Contiguous, from base.index + 1. */
  #entries: Entry[];
  /** The first entry that no persist has carried yet. */
  #unwritten: number;

  constructor(restored: Pick<Restored, 'snapshot' | 'entries'>) {
    this.#snapshot = restored.snapshot;
    const meta = restored.snapshot?.meta;
    this.#base = { index: meta?.index ?? 0, term: meta?.term ?? 0 };
    this.#entries = [];
    this.#unwritten = this.#base.index + 1;
    for (const entry of restored.entries) this.append(entry);
    this.#unwritten = this.lastIndex + 1;
  }

  /** A log that goes its own way from here; see fork.ts. */
  fork(): RaftLog {
    const twin = new RaftLog({ snapshot: this.#snapshot, entries: [] });
    twin.#base = this.#base;
    twin.#entries = [...this.#entries];
    twin.#unwritten = this.#unwritten;
    return twin;
  }

  /** All that decides how it goes on, as plain data. */
  image(): object {
    const [snapshot, base, unwritten] = [this.#snapshot, this.#base, this.#unwritten];
    return { snapshot, base, entries: this.#entries, unwritten };
  }

  get snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  get firstIndex(): number {
    return this.#base.index + 1;
  }

  get lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#base.term;
  }

  /** The term of the entry at `index`, or null where the log does not reach or was compacted. */
  termAt(index: number): number | null {
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.#base.index - 1]?.term ?? null;
  }

  entryAt(index: number): Entry | null {
    return this.#entries[index - this.#base.index - 1] ?? null;
  }

  /** Raft §5.4.1: the later last term wins; with equal terms the longer log. */
  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    if (lastTerm !== this.lastTerm) return lastTerm > this.lastTerm;
    return lastIndex >= this.lastIndex;
  }

  /**
   * The last place up to `index` whose term is at most `term`: where a log that ends there with that
   * term can agree with this one at best. One question skips a whole term that diverged. An answer
   * before the log means that no entry which is still held can help.
   */
  lastPlaceAtMost(index: number, term: number): number {
    let place = Math.min(index, this.lastIndex);
    while (place >= this.#base.index && known(this.termAt(place), 'held entry') > term) place -= 1;
    return place;
  }

  append(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1, `log has a hole before ${entry.index}`);
    assert(entry.term >= this.lastTerm, `term goes back at ${entry.index}`);
    this.#entries.push(entry);
  }

  /** Drops the entry at `index` and everything after it. */
  truncate(index: number): void {
    assert(index > this.#base.index, `truncation at ${index} reaches below the log`);
    this.#entries.length = index - this.#base.index - 1;
    this.#unwritten = Math.min(this.#unwritten, index);
  }

  /** The entries from `from` to `to`, both included. */
  slice(from: number, to: number): readonly Entry[] {
    if (to < from) return NO_ENTRIES;
    return this.#entries.slice(from - this.#base.index - 1, to - this.#base.index);
  }

  /** What the entries from `from` to `to` take, both included. */
  bytesOf(from: number, to: number): number {
    let bytes = 0;
    for (let index = from; index <= to; index += 1) {
      bytes += entryBytes(known(this.entryAt(index), 'entry of the log'));
    }
    return bytes;
  }

  /** As many entries from `from` on as fit into `maxBytes`, but at least one. */
  sliceBytes(from: number, maxBytes: number): readonly Entry[] {
    let bytes = 0;
    let to = from;
    for (; to <= this.lastIndex; to += 1) {
      bytes += entryBytes(known(this.entryAt(to), 'entry of the log'));
      if (bytes > maxBytes && to > from) break;
    }
    return this.slice(from, to - 1);
  }

  /** What the disk has not been given yet; each entry is taken once, unless truncation replaced it. */
  takeUnwritten(): Persist['entries'] {
    const entries = this.slice(this.#unwritten, this.lastIndex);
    this.#unwritten = this.lastIndex + 1;
    return entries;
  }

  /**
   * The state machine was saved at `meta`: what lies well before it may go, except entries from
   * `neededFrom` on. Of what stays below the snapshot there are at most `maxBytes`.
   */
  compact(snapshot: Snapshot, neededFrom: number, maxBytes: number): void {
    const { index, term } = snapshot.meta;
    assert(this.termAt(index) === term, `the snapshot at ${index} is of another log`);
    this.#snapshot = snapshot;
    const lowest = Math.max(this.#base.index, Math.min(index - RETAINED_ENTRIES, neededFrom - 1));
    let base = index;
    for (let bytes = 0; base > lowest; base -= 1) {
      bytes += entryBytes(known(this.entryAt(base), 'entry of the log'));
      if (bytes > maxBytes) break;
    }
    const baseTerm = known(this.termAt(base), 'base of a compacted log');
    this.#entries.splice(0, base - this.#base.index);
    this.#base = { index: base, term: baseTerm };
  }

  /** A leader's snapshot takes the place of everything. */
  replace(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#base = { index: snapshot.meta.index, term: snapshot.meta.term };
    this.#entries = [];
    this.#unwritten = snapshot.meta.index + 1;
  }
}
