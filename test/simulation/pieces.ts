/**
 * A run of many hours in pieces: each piece is one line of JSON in a file, written when it is through,
 * so a run that is ended loses at most one piece; and what all lines add up to.
 */
import { appendFileSync, readFileSync } from 'node:fs';

/** `Totals.json`, with the seeds that it is about. */
export type Piece = { readonly [figure: string]: unknown };

/** Figures that are no sums: they follow from the others. */
const RATES = ['simulatedPerCpuSecond', 'eventsPerCpuSecond', 'failoversPerCpuSecond'];

export function appendPiece(file: string, piece: Piece): void {
  appendFileSync(file, `${JSON.stringify(piece)}\n`);
}

export function sumOf(file: string): Piece {
  const lines = readFileSync(file, 'utf8').split('\n');
  const pieces = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Piece);
  return { pieces: pieces.length, ...added(pieces) };
}

/** Number by number, also inside; words are left out. */
function added(all: readonly Piece[]): Piece {
  const total: Record<string, unknown> = {};
  for (const key of new Set(all.flatMap((one) => Object.keys(one)))) {
    const values = all.map((one) => one[key]).filter((value) => value !== undefined);
    if (RATES.includes(key) || key === 'firstSeed') continue;
    if (values.every((value) => typeof value === 'number')) {
      total[key] = Math.round(100 * values.reduce((sum, value) => sum + value, 0)) / 100;
    } else if (values.every((value) => typeof value === 'object')) {
      total[key] = added(values as readonly Piece[]);
    }
  }
  return total;
}
