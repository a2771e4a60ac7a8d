/**
 * Writes that follow each other until one is refused, several at once, so that there is something
 * in flight whenever the other initiator preempts. Past unit attentions, which mean "not executed".
 */
import type { Answer, Refusal } from './words.ts';

/** Nobody preempted: then it ends by itself. */
const MAX_WRITES = 20_000;

export class WriteStream {
  readonly #writers: readonly Promise<Answer>[];
  readonly #first: Promise<Answer>;
  readonly #close: () => Promise<unknown>;
  #good = 0;
  #ending = false;

  /** `writes` begin one write each, again and again; `close` ends what they use. */
  constructor(writes: readonly (() => Promise<Answer>)[], close: () => Promise<unknown>) {
    this.#close = close;
    let begun: (answer: Answer) => void = () => {};
    this.#first = new Promise((resolve) => {
      begun = resolve;
    });
    this.#writers = writes.map((write) => this.#repeat(write, begun));
  }

  /** `good` when the first write is done; else what it was answered. */
  begun(): Promise<Answer> {
    return this.#first;
  }

  /** After the last one came back. Where none was refused, each writer is stopped after its write. */
  async end(): Promise<Extract<Answer, { kind: 'writes' }>> {
    this.#ending = true;
    const ends = await Promise.all(this.#writers);
    await this.#close();
    const refused = ends.find((end) => end.kind !== 'good');
    const last = (refused?.kind ?? 'good') as Refusal['kind'] | 'good';
    return { kind: 'writes', good: this.#good, last };
  }

  async #repeat(write: () => Promise<Answer>, begun: (answer: Answer) => void): Promise<Answer> {
    for (let count = 0; count < MAX_WRITES; count += 1) {
      const answer = await write();
      if (answer.kind === 'unit-attention' || answer.kind === 'busy') continue;
      begun(answer);
      if (answer.kind !== 'good') return answer;
      this.#good += 1;
      if (this.#ending) break;
    }
    begun({ kind: 'busy' });
    return { kind: 'good' };
  }
}
