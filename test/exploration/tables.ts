/**
 * Room for millions of worlds: a set of 64-bit fingerprints, a map from pairs of numbers, a list of
 * worlds, and an interner that gives each different text a number. Flat arrays, since objects of the
 * language would take ten times the memory.
 */

/** One round of MurmurHash3's mixing (Austin Appleby, public domain constants). */
function mixed(hash: number, value: number): number {
  let k = Math.imul(value, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finished(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}

/** Values by key; each different key is made once and has a number from 0 on. */
export class Interned<T> {
  readonly #numbers = new Map<string, number>();
  readonly #values: T[] = [];

  get size(): number {
    return this.#values.length;
  }

  add(key: string, make: () => T): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#values.length;
    this.#values.push(make());
    this.#numbers.set(key, number);
    return number;
  }

  at(number: number): T {
    const value = this.#values[number];
    if (value === undefined) throw new RangeError(`nothing has the number ${number}`);
    return value;
  }
}

/** (number, number) → number ≥ 0; -1 where there is none. */
export class PairMap {
  #size = 0;
  #mask = (1 << 12) - 1;
  #slots = new Int32Array(3 * (this.#mask + 1));

  get(a: number, b: number): number {
    const at = this.#place(a, b);
    return this.#slots[at] === 0 ? -1 : (this.#slots[at + 2] as number);
  }

  set(a: number, b: number, value: number): void {
    if (2 * this.#size > this.#mask) this.#grow();
    const at = this.#place(a, b);
    if (this.#slots[at] === 0) this.#size += 1;
    this.#slots.set([a + 1, b, value], at);
  }

  #place(a: number, b: number): number {
    let slot = finished(mixed(mixed(0, a), b)) & this.#mask;
    for (;;) {
      const at = 3 * slot;
      const first = this.#slots[at];
      if (first === 0 || (first === a + 1 && this.#slots[at + 1] === b)) return at;
      slot = (slot + 1) & this.#mask;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#mask = 2 * this.#mask + 1;
    this.#slots = new Int32Array(3 * (this.#mask + 1));
    for (let at = 0; at < old.length; at += 3) {
      const a = old[at] as number;
      if (a === 0) continue;
      this.#slots.set(old.subarray(at, at + 3), this.#place(a - 1, old[at + 1] as number));
    }
  }
}

/**
 * Fingerprints of worlds. Among n worlds two share 64 bits with probability n²/2⁶⁵ (10⁷: 3 in a
 * million); then one is passed over, and nothing is ever reported by mistake.
 */
export class FingerprintSet {
  #size = 0;
  #mask = (1 << 16) - 1;
  #slots = new Int32Array(2 * (this.#mask + 1));

  get size(): number {
    return this.#size;
  }

  /** Whether the world was new; it may fill only the beginning of its array. */
  add(world: Int32Array, length = world.length): boolean {
    let [low, high] = [0x9747b28c, 0x1b873593];
    for (let at = 0; at < length; at += 1) {
      const part = world[at] as number;
      low = mixed(low, part);
      high = mixed(high, part ^ 0x5bd1e995);
    }
    return this.#add(finished(low ^ length) || 1, finished(high));
  }

  #add(low: number, high: number): boolean {
    if (3 * this.#size > 2 * this.#mask) this.#grow();
    const at = this.#place(low, high);
    if (this.#slots[at] !== 0) return false;
    this.#slots[at] = low;
    this.#slots[at + 1] = high;
    this.#size += 1;
    return true;
  }

  #place(low: number, high: number): number {
    let slot = low & this.#mask;
    for (;;) {
      const at = 2 * slot;
      const first = this.#slots[at];
      if (first === 0 || (first === low && this.#slots[at + 1] === high)) return at;
      slot = (slot + 1) & this.#mask;
    }
  }

  #grow(): void {
    const old = this.#slots;
    this.#mask = 2 * this.#mask + 1;
    this.#slots = new Int32Array(2 * (this.#mask + 1));
    for (let at = 0; at < old.length; at += 2) {
      if (old[at] === 0) continue;
      const to = this.#place(old[at] as number, old[at + 1] as number);
      this.#slots.set(old.subarray(at, at + 2), to);
    }
  }
}

/** Rows of equal width, appended; in pieces, so that growing never copies them all. */
export class Rows {
  static readonly #PIECE = 1 << 14;
  readonly #width: number;
  readonly #pieces: Int32Array[] = [];
  #count = 0;

  constructor(width: number) {
    this.#width = width;
  }

  get count(): number {
    return this.#count;
  }

  push(row: ArrayLike<number>): void {
    const offset = this.#count % Rows.#PIECE;
    const piece = Math.floor(this.#count / Rows.#PIECE);
    this.#pieces[piece] ??= new Int32Array(this.#width * Rows.#PIECE);
    (this.#pieces[piece] as Int32Array).set(row, offset * this.#width);
    this.#count += 1;
  }

  at(index: number): Int32Array {
    const from = (index % Rows.#PIECE) * this.#width;
    const piece = this.#pieces[Math.floor(index / Rows.#PIECE)];
    if (piece === undefined || index >= this.#count) throw new RangeError(`no row ${index}`);
    return piece.subarray(from, from + this.#width);
  }

  clear(): void {
    this.#count = 0;
  }
}
