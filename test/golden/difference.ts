/**
 * What differs between two texts, line by line, for people: `-` is what the file says, `+` is what
 * happens now, with a few equal lines around and the number of the line in the file.
 *
 * Reference: the longest common subsequence by dynamic programming; scenario files are short.
 */
type Edit = { readonly sign: ' ' | '-' | '+'; readonly line: string; readonly number: number };

const CONTEXT = 2;

/** Empty when the texts are equal. */
export function difference(before: string, after: string): string {
  if (before === after) return '';
  const edits = editsBetween(before.split('\n'), after.split('\n'));
  const near = edits.map((_, at) =>
    edits.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some((edit) => edit.sign !== ' '),
  );
  const lines: string[] = [];
  for (const [at, { sign, line, number }] of edits.entries()) {
    if (near[at] !== true) continue;
    if (at > 0 && near[at - 1] !== true) lines.push('     …');
    lines.push(`${String(number).padStart(4)} ${sign} ${line}`.trimEnd());
  }
  return lines.join('\n');
}

function editsBetween(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const common = commonLengths(before, after);
  const edits: Edit[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [old, fresh] = [before[i], after[j]];
    const number = i + 1;
    if (old !== undefined && old === fresh) {
      edits.push({ sign: ' ', line: old, number });
      i += 1;
      j += 1;
    } else if (
      old !== undefined &&
      (fresh === undefined || (common[i + 1]?.[j] ?? 0) >= (common[i]?.[j + 1] ?? 0))
    ) {
      edits.push({ sign: '-', line: old, number });
      i += 1;
    } else {
      edits.push({ sign: '+', line: fresh ?? '', number });
      j += 1;
    }
  }
  return edits;
}

/** `lengths[i][j]`: how many lines the ends of both texts, from i and from j on, have in common. */
function commonLengths(before: readonly string[], after: readonly string[]): readonly number[][] {
  const lengths = Array.from({ length: before.length + 1 }, () =>
    new Array<number>(after.length + 1).fill(0),
  );
  for (let i = before.length - 1; i >= 0; i -= 1) {
    const [row, below] = [lengths[i] ?? [], lengths[i + 1] ?? []];
    for (let j = after.length - 1; j >= 0; j -= 1) {
      row[j] =
        before[i] === after[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return lengths;
}
