/**
 * Logs as numbers. Every log that ever exists is a path in one tree: an entry is known by its content
 * *and* by all that comes before it, so two logs are equal where their numbers are, a prefix is an
 * ancestor, and Log Matching says that two paths which share an index and a term share the place.
 *
 * Reference: Raft §5.3, "Log Matching".
 */
import type { Configuration, Entry } from '../../../src/raft/types.ts';

/** The log without entries. */
export const EMPTY = 0;

type Place = {
  readonly previous: number;
  readonly index: number;
  readonly term: number;
  readonly text: string;
  /** In force when this is the last entry. */
  readonly configuration: Configuration;
};

export class Chains {
  readonly #places: Place[];
  readonly #byKey = new Map<string, number>();
  readonly #clashes = new Map<number, number>();

  constructor(bootstrap: Configuration) {
    this.#places = [{ previous: EMPTY, index: 0, term: 0, text: '', configuration: bootstrap }];
  }

  extended(previous: number, entry: Entry): number {
    const text = textOf(entry);
    const key = `${previous}/${entry.term}/${text}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const { index, configuration } = this.#place(previous);
    if (entry.index !== index + 1) throw new Error(`entry ${entry.index} follows ${index}`);
    const id = this.#places.length;
    this.#places.push({
      previous,
      index: entry.index,
      term: entry.term,
      text,
      configuration: entry.kind === 'configuration' ? entry.configuration : configuration,
    });
    this.#byKey.set(key, id);
    return id;
  }

  indexOf(chain: number): number {
    return this.#place(chain).index;
  }

  termOf(chain: number): number {
    return this.#place(chain).term;
  }

  configurationOf(chain: number): Configuration {
    return this.#place(chain).configuration;
  }

  /** The log cut off behind `index`; the whole one where it does not reach so far. */
  upTo(chain: number, index: number): number {
    let place = chain;
    while (this.#place(place).index > index) place = this.#place(place).previous;
    return place;
  }

  isPrefix(short: number, long: number): boolean {
    return this.upTo(long, this.indexOf(short)) === short;
  }

  /** The index at which two logs break Log Matching, or 0. */
  clash(one: number, other: number): number {
    if (one === other) return 0;
    const key = one * 0x400_0000 + other;
    const known = this.#clashes.get(key);
    if (known !== undefined) return known;
    const found = this.#clash(one, other);
    this.#clashes.set(key, found);
    return found;
  }

  #clash(one: number, other: number): number {
    let a = this.upTo(one, this.indexOf(other));
    let b = this.upTo(other, this.indexOf(one));
    while (a !== b) {
      if (this.termOf(a) === this.termOf(b)) return this.indexOf(a);
      a = this.#place(a).previous;
      b = this.#place(b).previous;
    }
    return 0;
  }

  describe(chain: number): string {
    const entries: string[] = [];
    for (let at = chain; at !== EMPTY; at = this.#place(at).previous) {
      const { term, text } = this.#place(at);
      entries.unshift(`${text}@${term}`);
    }
    return `[${entries.join(' ')}]`;
  }

  #place(chain: number): Place {
    const place = this.#places[chain];
    if (place === undefined) throw new Error(`no log ${chain}`);
    return place;
  }
}

function textOf(entry: Entry): string {
  switch (entry.kind) {
    case 'command':
      return `x${entry.data.join('.')}`;
    case 'configuration': {
      const { voters, outgoing, learners } = entry.configuration;
      const parts = [voters.join(''), outgoing.join(''), learners.join('')];
      return `{${parts.join('|').replace(/\|+$/, '')}}`;
    }
    default:
      return 'no-op';
  }
}
