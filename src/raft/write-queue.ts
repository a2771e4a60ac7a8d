/**
 * What has been handed to the disk and what has come back as durable.
 *
 * The disk answers late and in order. Between the write and its answer the log may have been
 * truncated or the term may have moved on, so an answer for an old write must not vouch for entries
 * that replaced the ones it wrote (the ABA trap of asynchronous log writes). Each outstanding write
 * therefore remembers how far it still agrees with the log in memory.
 *
 * Neither writes nor waits.
 *
 * Reference: Raft §5.1 ("updated on stable storage before responding"); etcd-io/raft
 * `testdata/async_storage_writes_append_aba_race.txt`.
 */
import { assert } from '../lib/assert.ts';
import type { NodeId } from '../lib/ids.ts';
import type { HardState } from './types.ts';

type Written = {
  readonly mark: number;
  readonly hardState: HardState;
  /** The write holds the log up to here; lowered when the log is truncated. */
  lastIndex: number;
};

export class WriteQueue {
  readonly #outstanding: Written[] = [];
  #nextMark = 1;
  /** What the newest write carries, durable or not. */
  #issued: HardState;
  #durable: HardState;
  #durableIndex: number;

  constructor(hardState: HardState, lastIndex: number) {
    this.#issued = hardState;
    this.#durable = hardState;
    this.#durableIndex = lastIndex;
  }

  /** A queue that goes its own way from here; see fork.ts. */
  fork(): WriteQueue {
    const twin = new WriteQueue(this.#durable, this.#durableIndex);
    twin.#outstanding.push(...this.#outstanding.map((write) => ({ ...write })));
    twin.#nextMark = this.#nextMark;
    twin.#issued = this.#issued;
    return twin;
  }

  /** All that decides how it goes on, as plain data. */
  image(): object {
    const [outstanding, nextMark, issued] = [this.#outstanding, this.#nextMark, this.#issued];
    return { outstanding, nextMark, issued, durable: this.#durable, upTo: this.#durableIndex };
  }

  /** Everything up to here is on the disk and is what the log in memory holds. */
  get durableIndex(): number {
    return this.#durableIndex;
  }

  get durableTerm(): number {
    return this.#durable.term;
  }

  /** Whom this node is known, after any crash, to have voted for in the durable term. */
  get durableVote(): NodeId | null {
    return this.#durable.votedFor;
  }

  get issued(): HardState {
    return this.#issued;
  }

  get isIdle(): boolean {
    return this.#outstanding.length === 0;
  }

  issue(hardState: HardState, lastIndex: number): number {
    const mark = this.#nextMark;
    this.#nextMark += 1;
    this.#issued = hardState;
    this.#outstanding.push({ mark, hardState, lastIndex });
    return mark;
  }

  /** The log in memory lost everything from `index` on; what was written of it vouches for nothing. */
  truncated(index: number): void {
    this.#durableIndex = Math.min(this.#durableIndex, index - 1);
    for (const write of this.#outstanding) write.lastIndex = Math.min(write.lastIndex, index - 1);
  }

  /** Writes end in order, so `mark` stands for all before it too. A repeated answer changes nothing. */
  completed(mark: number): void {
    assert(mark < this.#nextMark, `durable mark ${mark} was never issued`);
    while ((this.#outstanding[0]?.mark ?? Number.POSITIVE_INFINITY) <= mark) {
      const write = this.#outstanding.shift();
      if (write === undefined) return;
      this.#durable = write.hardState;
      this.#durableIndex = Math.max(this.#durableIndex, write.lastIndex);
    }
  }
}
