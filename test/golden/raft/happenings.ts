/**
 * Collects what happens during one line of the script and says it in few sentences: the same thing
 * done by several nodes is one sentence, entries that come one after the other are one range. So the
 * text depends on what happened and in which order it began, and hardly on timing.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import type { Entry } from '../../../src/raft/types.ts';
import { entriesText, namesText } from './notation.ts';

type Happening = {
  readonly subject: NodeId | null;
  readonly verb: string;
  readonly rest: () => string;
  times: number;
};

type Sentence = { readonly one: Happening; readonly subjects: Set<NodeId>; times: number };

export class Happenings {
  readonly #order: readonly NodeId[];
  #list: Happening[] = [];
  /** Ranges of entries, and numbers, that grow while a line of the script lasts. */
  #ranges = new Map<string, Entry[]>();
  #newest = new Map<string, { value: number; readonly told: Happening }>();
  #targets = new Map<string, Set<NodeId>>();

  constructor(order: readonly NodeId[]) {
    this.#order = order;
  }

  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  /** `verb` is the base form: "follow" becomes "a follows" or "a, b follow". */
  tell(subject: NodeId, verb: string, rest: string): void {
    const same = this.#list.find(
      (one) => one.subject === subject && one.verb === verb && one.rest() === rest,
    );
    if (same !== undefined) same.times += 1;
    else this.#add(subject, verb, () => rest);
  }

  /** `key` keeps apart what must not become one range, such as entries of different leaders. */
  tellEntries(subject: NodeId, verb: string, entries: readonly Entry[], key: string): void {
    const first = entries[0];
    if (first === undefined) return;
    const place = `${subject}/${verb}/${key}`;
    const known = this.#ranges.get(place);
    if (known !== undefined && known.at(-1)?.index === first.index - 1) {
      known.push(...entries);
      return;
    }
    const range = [...entries];
    this.#ranges.set(place, range);
    const suffix = key.startsWith('(') ? ` ${key}` : '';
    this.#add(subject, verb, () => entriesText(range) + suffix);
  }

  /** A number of which only the newest value is told, where it came. */
  tellNewest(subject: NodeId, verb: string, text: (value: number) => string, value: number): void {
    const place = `${subject}/${verb}`;
    const known = this.#newest.get(place);
    if (known !== undefined) {
      known.value = value;
      this.#list = [...this.#list.filter((one) => one !== known.told), known.told];
      return;
    }
    const told = this.#add(subject, verb, () => text(this.#newest.get(place)?.value ?? value));
    this.#newest.set(place, { value, told });
  }

  /** What became of messages, by the script's own will: `(lost: vote a → b c)`. */
  remark(fate: string, to: NodeId): void {
    const known = this.#targets.get(fate);
    if (known !== undefined) {
      known.add(to);
      return;
    }
    const targets = new Set([to]);
    this.#targets.set(fate, targets);
    const names = (): string => this.#order.filter((node) => targets.has(node)).join(' ');
    this.#add(null, fate, () => `${names()})`);
  }

  /** The sentences so far, in the order in which each began; then forgets them. */
  take(): readonly string[] {
    const sentences: Sentence[] = [];
    for (const one of this.#list) {
      const { subject } = one;
      const at = sentences.findLastIndex((sentence) => sameWords(sentence.one, one));
      const same = sentences[at];
      // Nobody's own deeds are told out of their order.
      const later = sentences.slice(at + 1);
      const joins = subject !== null && !later.some(({ subjects }) => subjects.has(subject));
      if (same === undefined || !joins) {
        const subjects = new Set(subject === null ? [] : [subject]);
        sentences.push({ one, subjects, times: one.times });
        continue;
      }
      same.subjects.add(subject);
      same.times = Math.max(same.times, one.times);
    }
    const texts = sentences.map((sentence) => this.#text(sentence));
    this.#list = [];
    this.#ranges = new Map();
    this.#newest = new Map();
    this.#targets = new Map();
    return texts;
  }

  #add(subject: NodeId | null, verb: string, rest: () => string): Happening {
    const one: Happening = { subject, verb, rest, times: 1 };
    this.#list.push(one);
    return one;
  }

  #text({ one, subjects, times }: Sentence): string {
    if (one.subject === null) return `${one.verb} ${one.rest()}`;
    const names = this.#order.filter((node) => subjects.has(node));
    const verb = names.length > 1 ? one.verb : singular(one.verb);
    return `${namesText(names)} ${verb} ${one.rest()}${times > 1 ? ', again and again' : ''}`;
  }
}

function sameWords(a: Happening, b: Happening): boolean {
  return a.subject !== null && a.verb === b.verb && a.rest() === b.rest();
}

const IRREGULAR: Readonly<Record<string, string>> = { are: 'is', have: 'has', would: 'would' };

function singular(verb: string): string {
  const [first = '', ...others] = verb.split(' ');
  const known = IRREGULAR[first];
  const ending = /(s|sh|ch|x|o)$/.test(first) ? 'es' : 's';
  return [known ?? first + ending, ...others].join(' ');
}
