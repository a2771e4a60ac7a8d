/**
 * Thesis §5.1: snapshots of a memory-based state machine. Where and when a snapshot is taken belongs
 * to the driver; §5.2 and §5.3 are about disk-based state machines and log cleaning, which we lack.
 */
import { describe, expect, test } from 'vitest';
import { Bench } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import { leaderOf, refusal, voters } from './parts.ts';

const bytes = (size: number, value: number): Uint8Array => new Uint8Array(size).fill(value);

describe('Thesis §5.1: snapshots of a memory-based state machine', () => {
  test('are taken of what was applied, never of what was not', () => {
    const bench = new Bench({ terms: [1, 1], commitIndex: 2 });
    const compacted = {
      kind: 'compacted',
      meta: bench.core.snapshotMeta(2),
      state: bytes(1, 1),
    } as const;
    expect(() => bench.step(compacted)).toThrow(/before it was applied/);
    bench.step({ kind: 'applied', index: 2 });
    expect(() => bench.step(compacted)).not.toThrow();
  });

  test('an older one than the present one is ignored', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    for (let i = 0; i < 4; i += 1) three.propose('a');
    three.compact('a', bytes(1, 1));
    const { firstIndex } = three.status('a');
    const meta = { index: 1, term: 1, configuration: three.status('a').configuration };
    three.step('a', { kind: 'compacted', meta, state: bytes(1, 9) });
    expect(three.status('a').firstIndex).toBe(firstIndex);
  });

  test('may be taken while entries go on being replicated', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.propose('a');
    three.holdDisks('b', 'c');
    three.propose('a', 'travels');
    three.compact('a', bytes(5, 1));
    three.releaseDisks('b', 'c');
    three.pump();
    expect(three.status('a').commitIndex).toBe(3);
    expect(three.log('b')).toEqual([1, 1, 1]);
  });

  test('one that is on its way is finished as it began, although a newer one was taken', () => {
    const meta = {
      index: 5,
      term: 1,
      configuration: { voters: voters(3), outgoing: [], learners: [] },
    };
    const bench = leaderOf([], { snapshot: { meta, state: bytes(25, 5) } });
    bench.receive(refusal('b', 2, { index: 0, term: 0 }));
    const chunks = [...bench.takeOf('snapshot')];
    bench.propose();
    bench.sync();
    bench.ack('c', bench.status.lastIndex);
    bench.step({ kind: 'applied', index: 7 });
    bench.step({ kind: 'compacted', meta: bench.core.snapshotMeta(7), state: bytes(25, 7) });
    for (const offset of [10, 20]) {
      bench.receive({
        kind: 'snapshot-reply',
        from: 'b',
        term: 2,
        index: 5,
        offset,
        done: false,
        readId: 0,
      });
      chunks.push(...bench.takeOf('snapshot'));
    }
    expect(chunks.map((chunk) => chunk.meta.index)).toEqual([5, 5, 5]);
    expect(new Set(chunks.flatMap(({ chunk }) => [...chunk]))).toEqual(new Set([5]));
  });

  test('a follower keeps its own although its leader took none', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    for (let i = 0; i < 3; i += 1) three.propose('a');
    three.compact('b', bytes(1, 1));
    three.crash('b');
    three.start('b');
    three.crash('a');
    three.elect('b');
    expect(three.leaders()).toEqual(['b']);
    expect(three.log('c')).toEqual([1, 1, 1, 1, 2]);
  });

  test('a cluster of which every server compacted and crashed goes on', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    for (let i = 0; i < 3; i += 1) three.propose('a');
    for (const id of three.ids) three.compact(id, bytes(3, 4));
    for (const id of three.ids) three.crash(id);
    for (const id of three.ids) three.start(id);
    three.elect('c');
    three.propose('c');
    for (const id of three.ids) {
      expect(three.status(id)).toMatchObject({ firstIndex: 5, commitIndex: 6 });
    }
  });
});
