/**
 * Questions to something that may hang: one at a time for each name. Whoever asks while one is out waits
 * for *its* answer, instead of being told at once that there is none: silence counts by the time that
 * it lasts, not by how often one asks. So a dead disk takes one thread, and a slow one is no dead one.
 */
export class Outstanding<T> {
  readonly #out = new Map<string, Promise<T>>();

  /** `question` must not reject. */
  ask(name: string, question: () => Promise<T>): Promise<T> {
    const before = this.#out.get(name);
    if (before !== undefined) return before;
    const answer = question().finally(() => this.#out.delete(name));
    this.#out.set(name, answer);
    return answer;
  }
}
