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
  /** Told where the last node does it, not the first. */
  readonly late: boolean;
  times: number;
};

/** Entries, or an index, that grow while a line of the script lasts. */
type Growth = { entries: Entry[] };

export class Happenings {
  readonly #order: readonly NodeId[];
  #list: Happening[] = [];
  #growths = new Map<string, Growth>();
  #newest = new Map<string, { value: number }>();

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
    else this.#list.push({ subject, verb, rest: () => rest, late: false, times: 1 });
  }

  /** A sentence without a node as its subject; said once. */
  remark(sentence: string): void {
    if (this.#list.some(({ subject, verb }) => subject === null && verb === sentence)) return;
    this.#list.push({ subject: null, verb: sentence, rest: () => '', late: false, times: 1 });
  }

  /** `key` keeps apart what must not become one range, such as entries of different leaders. */
  tellEntries(subject: NodeId, verb: string, entries: readonly Entry[], key: string): void {
    const first = entries[0];
    if (first === undefined) return;
    const place = `${subject}/${verb}/${key}`;
    const known = this.#growths.get(place);
    if (known !== undefined && known.entries.at(-1)?.index === first.index - 1) {
      known.entries.push(...entries);
      return;
    }
    const growth: Growth = { entries: [...entries] };
    this.#growths.set(place, growth);
    const suffix = key.startsWith('(') ? ` ${key}` : '';
    const rest = (): string => entriesText(growth.entries) + suffix;
    this.#list.push({ subject, verb, rest, late: false, times: 1 });
  }

  /** A number that only the newest value of is told. */
  tellNewest(subject: NodeId, verb: string, text: (value: number) => string, value: number): void {
    const found = this.#newest.get(`${subject}/${verb}`);
    if (found !== undefined) {
      found.value = value;
      const at = this.#list.findIndex((one) => one.subject === subject && one.verb === verb);
      this.#list.push(...this.#list.splice(at, 1));
      return;
    }
    const one = { value };
    this.#newest.set(`${subject}/${verb}`, one);
    this.#list.push({ subject, verb, rest: () => text(one.value), late: true, times: 1 });
  }
  /** The sentences so far, in the order in which each began; then forgets them. */
  take(): readonly string[] {
    const groups = new Map<string, { readonly one: Happening; readonly subjects: Set<NodeId> }>();
    const repeated = new Set<string>();
    for (const one of this.#list) {
      const key = `${one.verb} ${one.rest()}`;
      const group = groups.get(key) ?? { one, subjects: new Set<NodeId>() };
      if (one.late) groups.delete(key);
      groups.set(key, group);
      if (one.subject !== null) group.subjects.add(one.subject);
      if (one.times > 1) repeated.add(key);
    }
    this.#list = [];
    this.#growths = new Map();
    this.#newest = new Map();
    return [...groups].map(([key, { one, subjects }]) => {
      if (one.subject === null) return one.verb;
      const names = this.#order.filter((node) => subjects.has(node));
      const verb = names.length > 1 ? one.verb : singular(one.verb);
      const again = repeated.has(key) ? ', again and again' : '';
      return `${namesText(names)} ${verb} ${one.rest()}${again}`.trimEnd();
    });
  }
}

const IRREGULAR: Readonly<Record<string, string>> = { are: 'is', have: 'has', would: 'would' };

function singular(verb: string): string {
  const [first = '', ...others] = verb.split(' ');
  const known = IRREGULAR[first];
  const ending = /(s|sh|ch|x|o)$/.test(first) ? 'es' : 's';
  return [known ?? first + ending, ...others].join(' ');
}
