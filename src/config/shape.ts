/**
 * Reads one part of a file with one schema and turns each issue into a fault with its place. Parts
 * are read one by one and not in one piece, so that a slip in one resource hides nothing that is
 * wrong in another.
 */
import type { z } from 'zod';
import { isProblemCode } from '../lib/error.ts';
import type { Path } from './fault.ts';
import type { Source } from './source.ts';

/** The parsed value, or null when there are faults; these are in `source` then. */
export function readPart<S extends z.ZodType>(
  source: Source,
  path: Path,
  raw: unknown,
  schema: S,
): z.output<S> | null {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  for (const issue of result.error.issues) reportIssue(source, path, raw, issue, knownKeys(schema));
  return null;
}

function knownKeys(schema: z.ZodType): readonly string[] {
  return 'shape' in schema && typeof schema.shape === 'object' && schema.shape !== null
    ? Object.keys(schema.shape)
    : [];
}

function reportIssue(
  source: Source,
  path: Path,
  raw: unknown,
  issue: z.core.$ZodIssue,
  known: readonly string[],
): void {
  const inner = issue.path.filter((part) => typeof part !== 'symbol');
  const at = [...path, ...inner];
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) {
      const guess = inner.length === 0 ? nearest(key, known) : null;
      const hint = guess === null ? '' : `; did you mean ${JSON.stringify(guess)}?`;
      source.errorAtKey('CONFIG_UNKNOWN_KEY', [...at, key], `${JSON.stringify(key)}${hint}`);
    }
    return;
  }
  const missing = valueAt(raw, inner) === undefined && issue.code !== 'custom';
  const message = issue.message.replace(/^Invalid input: /, '');
  const named: unknown = issue.code === 'custom' ? issue.params?.['problem'] : undefined;
  const code = typeof named === 'string' && isProblemCode(named) ? named : 'CONFIG_INVALID';
  const detail = missing ? `missing: ${message.replace(/, received undefined$/, '')}` : message;
  source.error(code, at, detail);
}

function valueAt(raw: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined,
    raw,
  );
}

/** A known key that differs by a slip of the finger, or by case, dashes or underscores. */
export function nearest(key: string, known: readonly string[]): string | null {
  const plain = (text: string): string => text.toLowerCase().replace(/[-_]/g, '');
  const same = known.find((each) => plain(each) === plain(key));
  if (same !== undefined) return same;
  const ranked = known
    .map((each) => ({ each, distance: editDistance(plain(key), plain(each)) }))
    .toSorted((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(1, key.length / 4) ? best.each : null;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
