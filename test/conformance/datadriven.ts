/**
 * The text format of etcd's data-driven tests: a command with arguments, lines of input, `----`, and
 * the output that is expected, up to the next blank line (or between doubled `----` lines, where the
 * output itself has blank ones). Lines that begin with `#` before a command are comments.
 *
 * Knows no command and judges nothing. What is not of this form is an error, never skipped.
 *
 * Reference: github.com/cockroachdb/datadriven, as used by etcd-io/raft `quorum/testdata` and
 * `confchange/testdata`.
 */
export type Case = {
  /** File and line of the command, for names of tests. */
  readonly place: string;
  readonly command: string;
  /** `key=value` or `key`; parentheses of a list are stripped, and its elements are separated. */
  readonly arguments: ReadonlyMap<string, readonly string[]>;
  readonly input: readonly string[];
  readonly expected: readonly string[];
};

const SEPARATOR = '----';
/** `key`, `key=value` or `key=(value, value)`. */
const WORD = /[\w-]+(=(\([^)]*\)|[^\s()]+))?/g;

export function parseCases(file: string, text: string): readonly Case[] {
  const lines = text.split('\n');
  const cases: Case[] = [];
  let at = 0;
  const line = (): string => {
    const next = lines[at];
    if (next === undefined) throw new Error(`${file}:${at}: ends in the middle of a case`);
    at += 1;
    return next;
  };
  while (at < lines.length) {
    const first = line().trim();
    if (first === '' || first.startsWith('#')) continue;
    const place = `${file}:${at}`;
    const input: string[] = [];
    for (let next = line(); next !== SEPARATOR; next = line()) input.push(next);
    const doubled = lines[at] === SEPARATOR;
    if (doubled) at += 1;
    const expected: string[] = [];
    const ends = (next: string): boolean =>
      doubled ? next === SEPARATOR && lines[at] === SEPARATOR : next.trim() === '';
    // The end of the file ends a case too, unless a doubled separator is open.
    while (doubled || at < lines.length) {
      const next = line();
      if (ends(next)) break;
      expected.push(next);
    }
    if (doubled) at += 1;
    const [command = '', ...rest] = first.match(WORD) ?? [];
    if (first.replace(WORD, '').trim() !== '') throw new Error(`${place}: cannot read "${first}"`);
    cases.push({ place, command, arguments: argumentsOf(rest), input, expected });
  }
  return cases;
}

function argumentsOf(words: readonly string[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    words.map((word): [string, readonly string[]] => {
      const [key = '', value = ''] = word.split('=');
      const elements = value.replace(/[()]/g, '').split(',');
      return [key, elements.map((one) => one.trim()).filter((one) => one !== '')];
    }),
  );
}
