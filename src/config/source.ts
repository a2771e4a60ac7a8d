/**
 * A configuration file as text, as plain values, and with the place of each value: what lets a
 * message say `cluster.yaml:31:18` instead of "invalid input".
 *
 * YAML 1.2 core schema only (`no` is a word, not a truth value), keys unique, anchors bounded,
 * unknown tags refused. It knows nothing of what the values mean.
 */
import { readFile, stat } from 'node:fs/promises';
import {
  type Document,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
} from 'yaml';
import { HoldfastError } from '../lib/error.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { type Fault, type Path, pathText } from './fault.ts';

/** A configuration is a few kilobytes; more is a mistake, or somebody's disk image. */
const MAX_FILE_BYTES = 1 << 20;
const MAX_ALIASES = 64;

/** Reads the text of the file. @throws {HoldfastError} CONFIG_NOT_FOUND, CONFIG_SYNTAX */
export async function readConfigText(file: string): Promise<string> {
  const text = await readRegularFile(file);
  if (text.includes('\u0000')) {
    throw new HoldfastError('CONFIG_SYNTAX', { place: file, detail: 'it is not a text file' });
  }
  return text;
}

async function readRegularFile(file: string): Promise<string> {
  try {
    const found = await stat(file);
    if (!found.isFile()) throw new Error('it is not a regular file');
    if (found.size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
    return await readFile(file, 'utf8');
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new HoldfastError('CONFIG_NOT_FOUND', { place: file, detail }, { cause: error });
  }
}

export class Source {
  readonly file: string;
  readonly #document: Document;
  readonly #lines = new LineCounter();
  readonly #faults: Fault[] = [];
  readonly #value: unknown;

  constructor(file: string, text: string) {
    this.file = file;
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      schema: 'core',
      version: '1.2',
      uniqueKeys: true,
      stringKeys: true,
      prettyErrors: false,
    });
    for (const error of [...this.#document.errors, ...this.#document.warnings]) {
      this.#report('CONFIG_SYNTAX', 'error', [], error.pos[0], error.message);
    }
    this.#value = this.#faults.length === 0 ? this.#plain() : undefined;
  }

  /** What was found so far, in the order in which it was found. */
  get faults(): readonly Fault[] {
    return this.#faults;
  }

  /** Plain values; undefined when the file is not well-formed. */
  get value(): unknown {
    return this.#value;
  }

  error(code: ProblemCode, path: Path, detail: string): void {
    this.#report(code, 'error', path, this.#offset(path), detail);
  }

  warn(path: Path, detail: string): void {
    this.#report('CONFIG_UNWISE', 'warning', path, this.#offset(path), detail);
  }

  /** As `error`, pointing to the key itself and not to its value. */
  errorAtKey(code: ProblemCode, path: Path, detail: string): void {
    const key = path.at(-1);
    const offset = key === undefined ? null : this.#keyOffset(path.slice(0, -1), key);
    this.#report(code, 'error', path, offset ?? this.#offset(path), detail);
  }

  /** `line 12`, for messages that refer to another place. */
  lineOf(path: Path): string {
    const offset = this.#offset(path);
    return offset === null ? pathText(path) : `line ${this.#lines.linePos(offset).line}`;
  }

  /** Appends a remark to every fault found since there were `since` of them. */
  note(since: number, remark: string): void {
    this.#faults.splice(
      since,
      this.#faults.length,
      ...this.#faults
        .slice(since)
        .map((each) => ({ ...each, detail: `${each.detail} (${remark})` })),
    );
  }

  /** The path of the item of the list at `path` that equals `item`. */
  indexOf(path: Path, item: string): Path | null {
    const list: unknown = this.#document.getIn(path);
    const at = isSeq(list)
      ? list.items.findIndex((node) => isScalar(node) && node.value === item)
      : -1;
    return at < 0 ? null : [...path, at];
  }

  #plain(): unknown {
    try {
      return this.#document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch (error) {
      // Unresolved or excessive aliases.
      const detail = error instanceof Error ? error.message : String(error);
      this.#report('CONFIG_SYNTAX', 'error', [], 0, detail);
      return undefined;
    }
  }

  #report(
    code: ProblemCode,
    severity: Fault['severity'],
    path: Path,
    offset: number | null,
    detail: string,
  ): void {
    const at = offset === null ? { line: 0, col: 0 } : this.#lines.linePos(offset);
    const place = { file: this.file, line: at.line, column: at.col };
    this.#faults.push({ code, severity, ...place, path: pathText(path), detail });
  }

  /** Where the value begins, or the nearest thing around it that stands in the file. */
  #offset(path: Path): number | null {
    for (let length = path.length; length > 0; length -= 1) {
      const node: unknown = this.#document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range != null) return node.range[0];
      const key = path[length - 1];
      const offset = key === undefined ? null : this.#keyOffset(path.slice(0, length - 1), key);
      if (offset !== null) return offset;
    }
    return this.#document.contents?.range?.[0] ?? null;
  }

  #keyOffset(parent: Path, key: string | number): number | null {
    const node: unknown =
      parent.length === 0 ? this.#document.contents : this.#document.getIn(parent, true);
    if (!isMap(node)) return null;
    const pair = node.items.find((item) => isPair(item) && isNode(item.key) && named(item, key));
    return isNode(pair?.key) ? (pair.key.range?.[0] ?? null) : null;
  }
}

function named(pair: { readonly key: unknown }, key: string | number): boolean {
  const scalar: unknown = isNode(pair.key) ? pair.key.toJSON() : pair.key;
  return scalar === key || scalar === String(key);
}
