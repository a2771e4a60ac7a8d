/**
 * What is known to be durable against a model that looks at the disk: a list of entries, each unique,
 * in memory, in every write, and on the medium. Durable is what memory and medium begin with alike;
 * anything more would be the ABA trap, anything less would hold up commits.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HardState } from '../../src/raft/types.ts';
import { WriteQueue } from '../../src/raft/write-queue.ts';
import { runs } from './property-runs.ts';

type Operation =
  | { readonly kind: 'append'; readonly count: number }
  | { readonly kind: 'truncate'; readonly place: number }
  | { readonly kind: 'write'; readonly votedFor: string | null }
  /** The oldest so many outstanding writes end; their answers may be told in one. */
  | { readonly kind: 'end'; readonly count: number }
  | { readonly kind: 'repeat'; readonly mark: number };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant('truncate' as const), place: fc.nat(99) }),
  fc.record({ kind: fc.constant('write' as const), votedFor: fc.constantFrom('a', 'b', null) }),
  fc.record({ kind: fc.constant('end' as const), count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('repeat' as const), mark: fc.nat(99) }),
);

type Written = {
  readonly mark: number;
  readonly hardState: HardState;
  readonly log: readonly number[];
};

const START: HardState = { term: 3, votedFor: null, commitIndex: 0 };

class Model {
  readonly queue: WriteQueue;
  memory: number[] = [1, 2];
  medium: readonly number[] = [1, 2];
  hardState = START;
  #issued = START;
  #outstanding: Written[] = [];
  #serial = 2;
  #lastEnded = 0;

  constructor(queue = new WriteQueue(START, 2)) {
    this.queue = queue;
  }

  perform(one: Operation): void {
    switch (one.kind) {
      case 'append':
        for (let i = 0; i < one.count; i += 1) {
          this.#serial += 1;
          this.memory.push(this.#serial);
        }
        return;
      case 'truncate': {
        const kept = one.place % (this.memory.length + 1);
        this.memory.length = kept;
        this.queue.truncated(kept + 1);
        return;
      }
      case 'write':
        this.#write(one.votedFor);
        return;
      case 'end':
        this.#end(one.count);
        return;
      default:
        // An answer that was told already is told again.
        if (this.#lastEnded > 0) this.queue.completed((one.mark % this.#lastEnded) + 1);
    }
  }

  check(): void {
    expect(this.queue.durableIndex).toBe(this.#common);
    expect([this.queue.durableTerm, this.queue.durableVote]).toEqual([
      this.hardState.term,
      this.hardState.votedFor,
    ]);
    expect(this.queue.issued).toBe(this.#issued);
    expect(this.queue.isIdle).toBe(this.#outstanding.length === 0);
  }

  get #common(): number {
    const differs = this.memory.findIndex((entry, i) => entry !== this.medium[i]);
    return differs < 0 ? this.memory.length : differs;
  }

  #write(votedFor: string | null): void {
    const hardState = { ...this.#issued, term: this.#issued.term + 1, votedFor };
    const mark = this.queue.issue(hardState, this.memory.length);
    this.#outstanding.push({ mark, hardState, log: [...this.memory] });
    this.#issued = hardState;
  }

  #end(count: number): void {
    const last = this.#outstanding.splice(0, count).at(-1);
    if (last === undefined) return;
    this.medium = last.log;
    this.hardState = last.hardState;
    this.#lastEnded = last.mark;
    this.queue.completed(last.mark);
  }
}

const histories = fc.array(operation, { maxLength: 60 });

function play(operations: readonly Operation[], queue?: WriteQueue): void {
  const model = new Model(queue);
  for (const one of operations) {
    model.perform(one);
    model.check();
  }
}

describe('what is durable', () => {
  test('is what memory and medium begin with alike, at every moment', () => {
    fc.assert(
      fc.property(histories, (operations) => play(operations)),
      runs(500),
    );
  });

  test('control: a queue that does not hear of truncations is found out in a few operations', () => {
    class Deaf extends WriteQueue {
      override truncated(): void {
        // The ABA trap: what was written vouches for what took its place.
      }
    }
    const deaf = fc.property(histories, (operations) => play(operations, new Deaf(START, 2)));
    const found = fc.check(deaf, runs(200));
    expect(found.failed).toBe(true);
    expect(found.counterexample?.[0].length).toBeLessThanOrEqual(3);
  });

  test('an answer to a write that was never issued is a bug of the driver and crashes', () => {
    fc.assert(
      fc.property(histories, fc.nat(9), (operations, beyond) => {
        const model = new Model();
        for (const one of operations) model.perform(one);
        const written = operations.filter(({ kind }) => kind === 'write').length;
        expect(() => model.queue.completed(written + 1 + beyond)).toThrow(/never issued/);
      }),
      runs(200),
    );
  });
});
