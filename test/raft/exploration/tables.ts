/**
 * Flat memory for millions of things: a map from pairs of small numbers, a set of 64-bit
 * fingerprints, and a list of numbers that grows. Objects of the language would take ten times the
 * room and time.
 */

/** Mixes a number into a running 32-bit hash (constants of MurmurHash3, Austin Appleby). */
export function mixed(hash: number, value: number): number {
  let k = Math.imul(value, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

export function finished(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}

/** (number, number) -> number, all from 0 on. */
export class PairMap {
  #size = 0;
  #mask: number;
  /** Three numbers a slot: the pair, the first of which is stored plus one, and the value. */
  #slots: Int32Array;

  constructor(slots = 1 << 16) {
    this.#mask = slots - 1;
    this.#slots = new Int32Array(slots * 3);
  }

  get size(): number {
    return this.#size;
  }

  /** -1 where there is none. */
  get(a: number, b: number): number {
    const at = this.#place(a, b);
    return this.#slots[at] === 0 ? -1 : (this.#slots[at + 2] as number);
  }

  set(a: number, b: number, value: number): void {
    if (this.#size * 2 > this.#mask) this.#grow();
    const at = this.#place(a, b);
    if (this.#slots[at] === 0) this.#size += 1;
    this.#slots[at] = a + 1;
    this.#slots[at + 1] = b;
    this.#slots[at + 2] = value;
  }

  #place(a: number, b: number): number {
    const slots = this.#slots;
    let slot = finished(mixed(mixed(0, a), b)) & this.#mask;
    while (slots[slot * 3] !== 0 && (slots[slot * 3] !== a + 1 || slots[slot * 3 + 1] !== b)) {
      slot = (slot + 1) & this.#mask;
    }
    return slot * 3;
  }

  #grow(): void {
    const old = this.#slots;
    this.#mask = this.#mask * 2 + 1;
    this.#slots = new Int32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 3) {
      const a = old[at] as number;
      if (a === 0) continue;
      const to = this.#place(a - 1, old[at + 1] as number);
      this.#slots.set(old.subarray(at, at + 3), to);
    }
  }
}

/** A set of 64-bit fingerprints, given as two halves. (0, 0) stands for an empty place. */
export class FingerprintSet {
  #size = 0;
  #mask: number;
  #slots: Int32Array;

  constructor(slots = 1 << 16) {
    this.#mask = slots - 1;
    this.#slots = new Int32Array(slots * 2);
  }

  get size(): number {
    return this.#size;
  }

  /** Answers whether it was new. */
  add(low: number, high: number): boolean {
    if (this.#size * 3 > this.#mask * 2) this.#grow();
    const h = high === 0 && low === 0 ? 1 : high;
    const at = this.#place(low, h);
    if (this.#slots[at] === low && this.#slots[at + 1] === h) return false;
    this.#slots[at] = low;
    this.#slots[at + 1] = h;
    this.#size += 1;
    return true;
  }

  #place(low: number, high: number): number {
    const slots = this.#slots;
    let slot = low & this.#mask;
    for (;;) {
      const a = slots[slot * 2] as number;
      const b = slots[slot * 2 + 1] as number;
      if ((a === 0 && b === 0) || (a === low && b === high)) return slot * 2;
      slot = (slot + 1) & this.#mask;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#mask = this.#mask * 2 + 1;
    this.#slots = new Int32Array(old.length * 2);
    for (let at = 0; at < old.length; at += 2) {
      const [low, high] = [old[at] as number, old[at + 1] as number];
      if (low === 0 && high === 0) continue;
      const to = this.#place(low, high);
      this.#slots[to] = low;
      this.#slots[to + 1] = high;
    }
  }
}

/** Numbers, appended; in pieces, so that growing never needs room for two copies. */
export class Numbers {
  static readonly #PIECE = 1 << 18;
  readonly #pieces: Int32Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const offset = this.#length % Numbers.#PIECE;
    if (offset === 0) this.#pieces.push(new Int32Array(Numbers.#PIECE));
    (this.#pieces[this.#pieces.length - 1] as Int32Array)[offset] = value;
    this.#length += 1;
  }

  at(index: number): number {
    const piece = this.#pieces[(index / Numbers.#PIECE) | 0];
    if (piece === undefined) throw new Error(`no number ${index}`);
    return piece[index % Numbers.#PIECE] as number;
  }
}
