/** The answers in words: a table, a summary, and the counts for the closing table of `npm test`. */
import type { Verdict } from './hunt.ts';
import type { TestName } from './mutant.ts';

const nameOf = ({ file, test }: TestName): string => `${file.replace(/^test\//, '')}: ${test}`;

function answerOf({ by, mutant, outcome, why }: Verdict): readonly string[] {
  if (outcome === 'survived') return ['SURVIVED'];
  if (outcome === 'broken') return [`BROKEN: ${why}`];
  const [first, ...more] = by;
  const { file, test } = mutant.caughtBy;
  const named = first?.file === file && first.test.includes(test);
  const note = named ? '' : '  (not the test that is named for it)';
  return [first === undefined ? '' : nameOf(first) + note, ...more.map(nameOf)];
}

/** One row for a mutant, and one more for each further test that caught it. */
export function table(verdicts: readonly Verdict[]): string {
  const header = ['mutant', 'rule', 'time', 'caught by'];
  const rows = verdicts.flatMap((verdict) =>
    answerOf(verdict).map((answer, i) =>
      i === 0
        ? [verdict.mutant.name, verdict.mutant.breaks, `${verdict.seconds.toFixed(1)} s`, answer]
        : ['', '', '', answer],
    ),
  );
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [line(header), rule, ...rows.map(line)].join('\n');
}

export type Sums = { readonly caught: number; readonly survived: number; readonly broken: number };

export function sums(verdicts: readonly Verdict[]): Sums {
  const of = (outcome: Verdict['outcome']): number =>
    verdicts.filter((verdict) => verdict.outcome === outcome).length;
  return { caught: of('caught'), survived: of('survived'), broken: of('broken') };
}

/** As vitest reports its counts: a mutant that is caught is a test that passed. */
export function counts({ broken, caught, survived }: Sums): object {
  return {
    numPassedTests: caught,
    numFailedTests: survived + broken,
    numPendingTests: 0,
    numTodoTests: 0,
  };
}
