/** No section of the paper and the thesis is without a test, and the page beside this says how many. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { blocksOf, SECTIONS, uncovered, unlisted } from './sections.ts';

const here = dirname(fileURLToPath(import.meta.url));
const files = readdirSync(here).filter(
  (name) => name.endsWith('.test.ts') && name !== 'sections.test.ts',
);
const blocks = files.flatMap((name) => blocksOf(readFileSync(join(here, name), 'utf8')));

describe('the list of sections', () => {
  test('is covered, each one by a describe with at least one test', () => {
    expect(uncovered(SECTIONS, blocks)).toEqual([]);
  });

  test('names every describe: none is filed under a section that is not there', () => {
    expect(unlisted(SECTIONS, blocks)).toEqual([]);
  });

  test('names none twice', () => {
    expect(new Set(SECTIONS).size).toBe(SECTIONS.length);
  });

  test('stands in the README, each file with its number of test functions', () => {
    const page = readFileSync(join(here, 'README.md'), 'utf8');
    const rows = [...page.matchAll(/^\| .*`([^`]*\.test\.ts)` *\| *(\d+) *\|/gm)];
    const counted = files.map((name) => {
      const tests = blocksOf(readFileSync(join(here, name), 'utf8')).map((block) => block.tests);
      return [name, tests.reduce((sum, count) => sum + count, 0)];
    });
    expect(rows.map(([, name, count]) => [name, Number(count)]).sort()).toEqual(counted.sort());
  });
});

describe('a section without a test is noticed', () => {
  test.each([
    ['that nobody wrote about', "describe('Raft §1: x', () => {\n  test('y', () => {});\n});"],
    [
      'of which only a part is covered',
      "describe('Raft §2.1: x', () => {\n  test('y', () => {});\n});",
    ],
    [
      'that is only mentioned',
      "describe('Raft §1 and Raft §2', () => {\n  test('y', () => {});\n});",
    ],
    ['whose describe is empty', "describe('Raft §2: x', () => {\n});"],
    [
      'whose tests are commented out',
      "describe('Raft §2: x', () => {\n  // test('y', () => {});\n});",
    ],
    [
      'whose describe is commented out',
      "/* describe('Raft §2: x', () => {\n  test('y', () => {});\n}); */",
    ],
  ])('one %s', (_, text) => {
    expect(uncovered(['Raft §2'], blocksOf(text))).toEqual(['Raft §2']);
  });

  test('and one that has a test is not', () => {
    const text =
      "describe('Raft §2: x', () => {\n  test.each([\n    [1],\n  ])('y', () => {});\n});";
    expect(blocksOf(text)).toEqual([{ title: 'Raft §2: x', tests: 1 }]);
    expect(uncovered(['Raft §2'], blocksOf(text))).toEqual([]);
    expect(unlisted(['Raft §3'], blocksOf(text))).toEqual(['Raft §2: x']);
  });
});
