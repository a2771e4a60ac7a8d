/**
 * Columns that stand under their heads; a cell's style does not count for its width. On a terminal a
 * table that is too wide is folded: the widest columns become narrower, and their cells longer.
 */
import { paint, type Style, type Terminal } from './terminal.ts';
import { wrapped } from './wrap.ts';

export type Cell = string | { readonly text: string; readonly style: Style | null };

const GAP = '  ';
/** A column that is narrower than this is hard to read; then the table is left too wide. */
const LEAST_WIDTH = 12;

export function renderTable(
  terminal: Terminal,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): readonly string[] {
  const natural = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => textOf(row[column]).length)),
  );
  const widths = terminal.wraps ? fitted(natural, terminal.width) : natural;
  const heads = head.map((text): Cell => ({ text, style: 'dim' }));
  return [heads, ...rows].flatMap((row) => drawRow(terminal, row, widths));
}

/** Takes from the widest column until all fit, or none may become narrower. */
function fitted(natural: readonly number[], width: number): readonly number[] {
  const widths = [...natural];
  const over = (): number => sum(widths) + GAP.length * (widths.length - 1) - width;
  while (over() > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    const next = Math.max(...widths.map((each, column) => (column === widest ? 0 : each)));
    const floor = Math.max(LEAST_WIDTH, next - 1);
    const now = widths[widest] ?? 0;
    if (now <= LEAST_WIDTH) break;
    widths[widest] = Math.max(Math.min(floor, now - 1), now - over());
  }
  return widths;
}

function drawRow(
  terminal: Terminal,
  row: readonly Cell[],
  widths: readonly number[],
): readonly string[] {
  const columns = widths.map((width, at) => {
    const text = textOf(row[at]);
    return text.length <= width ? [text] : wrapped(text, width);
  });
  const height = Math.max(1, ...columns.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    widths
      .map((width, at) => {
        const cell = row[at];
        const padded = (columns[at]?.[line] ?? '').padEnd(width);
        return typeof cell === 'object' ? paint(terminal, cell.style, padded) : padded;
      })
      .join(GAP)
      .trimEnd(),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function textOf(cell: Cell | undefined): string {
  if (cell === undefined) return '';
  return typeof cell === 'string' ? cell : cell.text;
}
