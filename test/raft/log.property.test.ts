/**
 * The log in memory against a model that never forgets: a list of every entry from the first one on.
 * Operations are drawn relative to what is there, so that each of them is lawful.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { entryBytes, RaftLog } from '../../src/raft/log.ts';
import type { Entry } from '../../src/raft/types.ts';
import { command, configuration } from './bench.ts';
import { runs } from './property-runs.ts';

type Operation =
  | {
      readonly kind: 'append';
      readonly count: number;
      readonly newer: number;
      readonly size: number;
    }
  | { readonly kind: 'overwrite'; readonly place: number }
  | {
      readonly kind: 'compact';
      readonly place: number;
      /** How many entries below the snapshot some follower still needs, and what they may cost. */
      readonly needed: number;
      readonly maxBytes: number;
    }
  | { readonly kind: 'replace'; readonly ahead: number; readonly newer: number }
  | { readonly kind: 'take' };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      // Now and then so many that a compaction drops some.
      count: fc.oneof(fc.nat(5), fc.nat(200)),
      newer: fc.nat(2),
      size: fc.nat(20),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('compact' as const),
      place: fc.nat(999),
      needed: fc.nat(400),
      maxBytes: fc.nat(40_000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('overwrite' as const), place: fc.nat(999) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('replace' as const),
      ahead: fc.integer({ min: 1, max: 9 }),
      newer: fc.nat(2),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('take' as const) }) },
);

/** Entries below `from` were never seen here: a snapshot took their place. */
class Model {
  readonly log = new RaftLog({ snapshot: null, entries: [] });
  /** By index; the term of a place that only a snapshot vouches for is known too. */
  readonly terms = new Map<number, number>([[0, 0]]);
  readonly entries = new Map<number, Entry>();
  lastIndex = 0;
  snapshotIndex = 0;
  /** What the takes have handed to a disk, put together as a disk would. */
  disk = new Map<number, Entry>();
  #serial = 0;

  get lastTerm(): number {
    return this.terms.get(this.lastIndex) ?? 0;
  }

  perform(one: Operation): void {
    switch (one.kind) {
      case 'append':
        for (let i = 0; i < one.count; i += 1) this.#append(i === 0 ? one.newer : 0, one.size);
        return;
      case 'overwrite':
        this.#overwrite(one.place);
        return;
      case 'compact':
        this.#compact(one);
        return;
      case 'replace':
        this.#replace(one);
        return;
      default:
        this.take();
    }
  }

  take(): void {
    const [first, ...rest] = this.log.takeUnwritten();
    if (first === undefined) return;
    for (const index of this.disk.keys()) if (index >= first.index) this.disk.delete(index);
    for (const entry of [first, ...rest]) this.disk.set(entry.index, entry);
  }

  #append(newer: number, size: number): void {
    this.#serial += 1;
    const [index, term] = [this.lastIndex + 1, Math.max(1, this.lastTerm + newer)];
    const entry = command(index, term, `${this.#serial}`.padEnd(size));
    this.log.append(entry);
    this.entries.set(index, entry);
    this.terms.set(index, term);
    this.lastIndex = index;
  }

  /** A follower truncates only for an entry that takes the place; never what a snapshot covers. */
  #overwrite(place: number): void {
    if (this.lastIndex === this.snapshotIndex) return;
    const from = this.snapshotIndex + 1 + (place % (this.lastIndex - this.snapshotIndex));
    this.log.truncate(from);
    for (let index = from; index <= this.lastIndex; index += 1) {
      this.entries.delete(index);
      this.terms.delete(index);
    }
    this.lastIndex = from - 1;
    this.#append(1, 1);
  }

  #compact({ place, needed, maxBytes }: Extract<Operation, { kind: 'compact' }>): void {
    if (this.lastIndex === this.snapshotIndex) return;
    const { firstIndex } = this.log;
    const index = this.snapshotIndex + 1 + (place % (this.lastIndex - this.snapshotIndex));
    const term = this.terms.get(index) ?? 0;
    const snapshot = { meta: { index, term, configuration: configuration() }, state: EMPTY };
    this.log.compact(snapshot, index + 1 - needed, maxBytes);
    this.snapshotIndex = index;
    const below = this.log.slice(this.log.firstIndex, index);
    const bytes = below.reduce((sum, entry) => sum + entryBytes(entry), 0);
    expect(bytes).toBeLessThanOrEqual(maxBytes);
    // What is needed and was there is dropped for its bytes only.
    const next = this.entries.get(this.log.firstIndex - 1);
    const wasNeeded = below.length < needed && this.log.firstIndex > firstIndex;
    if (wasNeeded && next !== undefined) {
      expect(bytes + entryBytes(next)).toBeGreaterThan(maxBytes);
    }
  }

  #replace({ ahead, newer }: { readonly ahead: number; readonly newer: number }): void {
    const [index, term] = [this.lastIndex + ahead, Math.max(1, this.lastTerm + newer)];
    this.log.replace({ meta: { index, term, configuration: configuration() }, state: EMPTY });
    this.entries.clear();
    this.terms.clear();
    this.disk.clear();
    this.terms.set(index, term);
    this.lastIndex = index;
    this.snapshotIndex = index;
  }
}

const EMPTY = new Uint8Array();

function everyStep(operations: readonly Operation[], check: (model: Model) => void): void {
  const model = new Model();
  for (const one of operations) {
    const before = model.log.firstIndex;
    model.perform(one);
    if (one.kind !== 'replace') expect(model.log.firstIndex).toBeGreaterThanOrEqual(before);
    check(model);
  }
}

const histories = fc.array(operation, { maxLength: 25 });

describe('the log', () => {
  test('knows every entry that it holds, the term just before, and nothing else', () => {
    fc.assert(
      fc.property(histories, (operations) =>
        everyStep(operations, ({ log, entries, terms, lastIndex, lastTerm }) => {
          expect([log.lastIndex, log.lastTerm]).toEqual([lastIndex, lastTerm]);
          for (let index = 0; index <= lastIndex + 2; index += 1) {
            const held = index >= log.firstIndex;
            expect(log.entryAt(index)).toBe(held ? (entries.get(index) ?? null) : null);
            const known = held || index === log.firstIndex - 1;
            expect(log.termAt(index)).toBe(known ? (terms.get(index) ?? null) : null);
          }
        }),
      ),
      runs(150),
    );
  });

  test('keeps all that its snapshot does not cover, and what followers need if it is not too much', () => {
    fc.assert(
      fc.property(histories, (operations) =>
        everyStep(operations, ({ log, snapshotIndex }) => {
          expect(log.snapshot?.meta.index ?? 0).toBe(snapshotIndex);
          expect(log.firstIndex).toBeLessThanOrEqual(snapshotIndex + 1);
        }),
      ),
      runs(150),
    );
  });

  test('slices by place, and by bytes but never nothing', () => {
    fc.assert(
      fc.property(histories, fc.nat(999), fc.nat(999), fc.nat(2000), (operations, a, b, maxBytes) =>
        everyStep(operations, ({ log, entries, lastIndex }) => {
          if (lastIndex < log.firstIndex) return;
          const held = lastIndex - log.firstIndex + 1;
          const from = log.firstIndex + (a % held);
          const to = from + (b % (lastIndex - from + 1));
          const wanted = Array.from({ length: to - from + 1 }, (_, i) => entries.get(from + i));
          expect(log.slice(from, to)).toEqual(wanted);
          const some = log.sliceBytes(from, maxBytes);
          const bytes = (of: readonly Entry[]): number =>
            of.reduce((sum, entry) => sum + entryBytes(entry), 0);
          expect(some).toEqual(log.slice(from, from + some.length - 1));
          expect(some.length).toBeGreaterThan(0);
          if (some.length > 1) expect(bytes(some)).toBeLessThanOrEqual(maxBytes);
          const next = log.entryAt(from + some.length);
          if (next !== null) expect(bytes([...some, next])).toBeGreaterThan(maxBytes);
        }),
      ),
      runs(150),
    );
  });

  test('judges other logs as §5.4.1 says: later last term, then longer', () => {
    fc.assert(
      fc.property(histories, fc.nat(30), fc.nat(30), (operations, index, term) =>
        everyStep(operations, ({ log, lastIndex, lastTerm }) => {
          const newer = term > lastTerm || (term === lastTerm && index >= lastIndex);
          expect(log.isUpToDate(index, term)).toBe(newer);
        }),
      ),
      runs(150),
    );
  });

  test('finds the last place of a term by walking back, however it does it', () => {
    fc.assert(
      fc.property(histories, fc.nat(300), fc.nat(20), (operations, index, term) =>
        everyStep(operations, ({ log, terms, lastIndex }) => {
          let place = Math.min(index, lastIndex);
          while (place >= log.firstIndex - 1 && (terms.get(place) ?? 0) > term) place -= 1;
          const found = log.lastPlaceAtMost(index, term);
          if (place >= log.firstIndex - 1) expect(found).toBe(place);
          else expect(found).toBeLessThan(log.firstIndex - 1);
        }),
      ),
      runs(150),
    );
  });

  test('hands each entry to the disk once; put together that is the log', () => {
    fc.assert(
      fc.property(histories, (operations) =>
        everyStep(operations, (model) => {
          model.take();
          expect(model.log.takeUnwritten()).toEqual([]);
          expect(model.disk).toEqual(model.entries);
        }),
      ),
      runs(150),
    );
  });

  test('control: an entry that was not taken again after it was replaced makes the disk differ', () => {
    const model = new Model();
    model.perform({ kind: 'append', count: 3, newer: 1, size: 1 });
    model.take();
    model.perform({ kind: 'overwrite', place: 1 });
    expect(model.disk).not.toEqual(model.entries);
    model.take();
    expect(model.disk).toEqual(model.entries);
  });
});
