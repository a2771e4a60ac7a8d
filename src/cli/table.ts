/** Columns that stand under their heads; a cell's style does not count for its width. */
import { paint, type Style, type Terminal } from './terminal.ts';

export type Cell = string | { readonly text: string; readonly style: Style | null };

const GAP = '  ';

export function renderTable(
  terminal: Terminal,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): readonly string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => textOf(row[column]).length)),
  );
  const line = (cells: readonly Cell[]): string =>
    widths
      .map((width, column) => {
        const cell = cells[column];
        const padded = textOf(cell).padEnd(width);
        return typeof cell === 'object' ? paint(terminal, cell.style, padded) : padded;
      })
      .join(GAP)
      .trimEnd();
  return [line(head.map((text) => ({ text, style: 'dim' }))), ...rows.map(line)];
}

function textOf(cell: Cell | undefined): string {
  if (cell === undefined) return '';
  return typeof cell === 'string' ? cell : cell.text;
}
