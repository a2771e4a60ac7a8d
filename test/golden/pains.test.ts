/** Every complaint of the users of other systems has a test that names it: the table of README.md holds. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const COMPLAINTS = 30;
const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(new URL('README.md', import.meta.url), 'utf8');

type Row = { readonly pain: number; readonly words: string; readonly files: readonly string[] };

function rowsOf(text: string): readonly Row[] {
  return [...text.matchAll(/^\| (\d+) \| .+ \| (.+) \|$/gm)].map(([, pain, words = '']) => {
    const files = [...words.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file);
    return { pain: Number(pain), words, files };
  });
}

/** A title ends with `(pain 3: some disks here, some there)`; a remark in a comment is none. */
function names(text: string, pain: number): boolean {
  const title = new RegExp(`^(?!\\s*(?:/?\\*|//|#)).*[(;] ?pain ${pain}: \\w`, 'm');
  return title.test(text);
}

/** What is wrong with a row; empty: nothing. */
function fault({ pain, words, files }: Row): string {
  if (files.length === 0)
    return words.startsWith('does not concern us: ') ? '' : 'no test, no reason';
  const silent = files.filter((file) => !names(readFileSync(root + file, 'utf8'), pain));
  return silent.length === 0 ? '' : `not named in ${silent.join(', ')}`;
}

test('each complaint stands in the table once', () => {
  const pains = rowsOf(page).map(({ pain }) => pain);
  expect(pains).toEqual(Array.from({ length: COMPLAINTS }, (_, at) => at + 1));
});

test('each has a test that says its number in its title, or a reason', () => {
  const faults = rowsOf(page).map((row) => `${row.pain} ${fault(row)}`);
  expect(faults.filter((words) => !/^\d+ $/.test(words))).toEqual([]);
});

test('control: a row without test or reason, a file that does not name it, and a mere remark are found', () => {
  const [row] = rowsOf('| 3 | words | `test/tidy.test.ts` |');
  expect(row && fault(row)).toBe('not named in test/tidy.test.ts');
  expect(fault({ pain: 3, words: 'later', files: [] })).not.toBe('');
  expect(names("  it('is well (pain 3: split)')", 3)).toBe(true);
  expect(names("  it('is well (pain 31: split)')", 3)).toBe(false);
  expect(names('  // is well (pain 3: split)', 3)).toBe(false);
});
