/**
 * Who answered when, and what of it must not be: promise P4 as a client sees it. Pure; times come
 * in.
 *
 * Stale: a question asked *after* the answer of a newer owner had been seen was answered by an
 * older one. (An answer that crosses the newer one on the wire proves nothing.) Double: two nodes
 * answered within one epoch, which no order of events can excuse.
 */

export type WhoAnswer = {
  readonly node: string;
  readonly epoch: number;
  readonly askedMs: number;
  readonly answeredMs: number;
};

export type Violation = {
  readonly kind: 'stale' | 'double';
  readonly answer: WhoAnswer;
  readonly against: WhoAnswer;
  /** Stale: how long after the newer owner's first answer the older one was asked. */
  readonly lateMs: number;
};

const violationLimit = 1000;

export class Answers {
  readonly violations: Violation[] = [];
  readonly #firstOfEpoch = new Map<number, WhoAnswer>();
  #newest: WhoAnswer | undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The first answer of each epoch, oldest epoch first: the story of the takeovers. */
  get owners(): readonly WhoAnswer[] {
    return [...this.#firstOfEpoch.values()].sort((a, b) => a.epoch - b.epoch);
  }

  observe(answer: WhoAnswer): void {
    this.#count += 1;
    const first = this.#firstOfEpoch.get(answer.epoch);
    if (first === undefined) this.#firstOfEpoch.set(answer.epoch, answer);
    else if (first.node !== answer.node) this.#flag('double', answer, first);
    const newest = this.#newest;
    if (newest === undefined || answer.epoch > newest.epoch) this.#newest = answer;
    else if (answer.epoch < newest.epoch && answer.askedMs > newest.answeredMs) {
      this.#flag('stale', answer, newest);
    }
  }

  #flag(kind: Violation['kind'], answer: WhoAnswer, against: WhoAnswer): void {
    if (this.violations.length >= violationLimit) return;
    const lateMs = answer.askedMs - against.answeredMs;
    this.violations.push({ kind, answer, against, lateMs });
  }
}
