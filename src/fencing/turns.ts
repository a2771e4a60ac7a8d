/**
 * One at a time for each name, in the order of asking, and an answer at the deadline for everybody:
 * who waits too long goes away, who works too long is no longer waited for by its caller, yet keeps
 * its turn until it is truly over. So two pieces of work on one disk never overlap, and none hangs
 * its caller.
 */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /**
   * `late` is answered when the signal aborts first. Work that has not begun by then never does.
   */
  async take<T>(name: string, signal: AbortSignal, late: T, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const turn = before.then(async () => (signal.aborted ? late : await work()));
    // A failure is the caller's to see; the next one's turn comes all the same.
    const over = turn.catch(() => {});
    this.#last.set(name, over);
    void over.then(() => {
      if (this.#last.get(name) === over) this.#last.delete(name);
    });
    return await new Promise<T>((resolve, reject) => {
      const giveUp = () => resolve(late);
      if (signal.aborted) giveUp();
      signal.addEventListener('abort', giveUp, { once: true });
      turn.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
    });
  }
}
