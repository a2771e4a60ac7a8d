/** An explanation for people: each sentence, and the entry of the log that proves it. */
import type { Explanation, Sentence } from '../operator/api.ts';
import { paint, type Terminal } from './terminal.ts';
import { wrapped } from './wrap.ts';

export function renderWhy(terminal: Terminal, explanation: Explanation): readonly string[] {
  const { sentences, remedies } = explanation;
  const places = sentences.map(place);
  const margin = Math.max(...places.map((text) => text.length)) + 2;
  const lines = sentences.flatMap(({ text }, at) =>
    wrapped(text, terminal.width - margin).map((line, row) => {
      const mark = row === 0 ? (places[at] ?? '') : '';
      return paint(terminal, 'dim', mark.padEnd(margin)) + line;
    }),
  );
  const advice = remedies.flatMap((text) =>
    wrapped(text, terminal.width - 2).map((line, row) => `${row === 0 ? '' : '  '}${line}`),
  );
  return [...lines, ...(advice.length === 0 ? [] : ['', 'What to do:', ...advice])];
}

/** `#1036` is an index that `holdfast history` shows as well. */
function place({ index }: Sentence): string {
  return index === null ? 'now' : `#${index}`;
}
