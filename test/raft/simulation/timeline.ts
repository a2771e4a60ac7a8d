/** Virtual time: what is to happen, by time and then by the order in which it was asked for. */
type Happening = { readonly at: number; readonly sequence: number; readonly run: () => void };

export class Timeline {
  readonly #heap: Happening[] = [];
  #sequence = 0;
  now = 0;

  after(delayMs: number, run: () => void): void {
    const { length } = this.#heap;
    this.#heap.push({ at: this.now + Math.max(0, delayMs), sequence: this.#sequence, run });
    this.#sequence += 1;
    this.#rise(length);
  }

  /** Lets time pass until `until`, or until `done` says so. Answers whether it did. */
  run(until: number, done: () => boolean = () => false): boolean {
    while (!done()) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) {
        this.now = until;
        return done();
      }
      this.#removeFirst();
      this.now = next.at;
      next.run();
    }
    return true;
  }

  #rise(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      let least = at;
      if (left < this.#heap.length && this.#isBefore(left, least)) least = left;
      if (right < this.#heap.length && this.#isBefore(right, least)) least = right;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const x = this.#heap[a];
    const y = this.#heap[b];
    if (x === undefined || y === undefined) return false;
    return x.at < y.at || (x.at === y.at && x.sequence < y.sequence);
  }

  #swap(a: number, b: number): void {
    const x = this.#heap[a];
    const y = this.#heap[b];
    if (x === undefined || y === undefined) return;
    this.#heap[a] = y;
    this.#heap[b] = x;
  }
}
