import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderTable } from '../../src/cli/table.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { wrapped } from '../../src/cli/wrap.ts';

const terminal: Terminal = { width: 40, colour: false, unicode: true, wraps: true };
const rows = [
  ['1036', 'failover: node1 -> node2, silence seen by node3'],
  ['1038', 'fenced'],
];

describe('a table', () => {
  it('that is too wide for the terminal is folded at blanks', () => {
    expect(`\n${renderTable(terminal, ['INDEX', 'EVENT'], rows).join('\n')}\n`).toBe(`
INDEX  EVENT
1036   failover: node1 -> node2, silence
       seen by node3
1038   fenced
`);
  });

  it('in a pipe has one line for each row', () => {
    const lines = renderTable({ ...terminal, wraps: false }, ['INDEX', 'EVENT'], rows);
    expect(lines).toHaveLength(3);
    expect(lines[1]?.length).toBeGreaterThan(40);
  });

  it('fits whenever its columns can be twelve wide, and loses no letter', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'b', ' '), maxLength: 90 });
    const table = fc.array(fc.tuple(cell, cell, cell), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(table, fc.integer({ min: 40, max: 120 }), (cells, width) => {
        const lines = renderTable({ ...terminal, width }, ['A', 'B', 'C'], cells);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
        const letters = (text: string): number => text.replace(/[^ab]/g, '').length;
        expect(letters(lines.join(''))).toBe(letters(cells.flat().join('')));
      }),
    );
  });
});

describe('wrapped text', () => {
  it('is cut where a word is too wide', () => {
    expect(wrapped('ab abcdef g', 4)).toEqual(['ab', 'abcd', 'ef g']);
  });
});
