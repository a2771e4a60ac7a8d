/**
 * Checks that a decoded value has the shape that a type promises. Bytes from a disk or from a peer
 * are `unknown` until a shape has looked at them; afterwards they are what the compiler believes.
 *
 * A shape names the place of the first mismatch ("command.evidence.kind: one of …"). It neither
 * copies nor repairs: unknown fields are a mismatch, since dropping them would let two versions of
 * the program apply one entry differently.
 */
import { failure, type Result, success } from './result.ts';

/** Answers null when `value` is a T, otherwise what was expected and where. */
export type Shape<T> = {
  readonly check: (value: unknown, path: string) => string | null;
  /** Only for the compiler: what the shape stands for. Never set. */
  readonly type?: T;
};

export type Malformed = { readonly code: 'MALFORMED'; readonly detail: string };

/** The value as a T, or where and why it is none. */
export function conform<T>(shape: Shape<T>, value: unknown, path: string): Result<T, Malformed> {
  const mismatch = shape.check(value, path);
  return mismatch === null
    ? success(value as T)
    : failure({ code: 'MALFORMED' as const, detail: mismatch });
}

/** A string of at most `maxLength` characters. */
export function text(maxLength: number): Shape<string> {
  return leaf(
    (value) => typeof value === 'string' && value.length <= maxLength,
    `text of at most ${maxLength} characters`,
  );
}

/** A whole number in [min, max]. */
export function integer(min: number, max: number): Shape<number> {
  return leaf(
    (value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max,
    `a whole number from ${min} to ${max}`,
  );
}

export const finite: Shape<number> = leaf((value) => Number.isFinite(value), 'a finite number');

export const boolean: Shape<boolean> = leaf((value) => typeof value === 'boolean', 'true or false');

export function oneOf<T extends string>(...words: readonly T[]): Shape<T> {
  return leaf(
    (value) => words.some((word) => word === value),
    `one of ${words.map((word) => JSON.stringify(word)).join(', ')}`,
  );
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return { check: (value, path) => (value === null ? null : shape.check(value, path)) };
}

/** A field that may be missing. */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return { check: (value, path) => (value === undefined ? null : shape.check(value, path)) };
}

/** A value that fits one of the shapes; `words` says so when it fits none. */
export function anyOf<T>(words: string, ...shapes: readonly Shape<T>[]): Shape<T> {
  return {
    check: (value, path) =>
      shapes.some((shape) => shape.check(value, path) === null) ? null : `${path}: ${words}`,
  };
}

/** An array of at most `maxLength` elements. */
export function list<T>(element: Shape<T>, maxLength: number): Shape<readonly T[]> {
  return {
    check: (value, path) => {
      if (!Array.isArray(value)) return `${path}: a list`;
      if (value.length > maxLength) return `${path}: a list of at most ${maxLength} elements`;
      return firstMismatch(value, (one, i) => element.check(one, `${path}[${i}]`));
    },
  };
}

/** An object whose keys are names and whose values all have one shape. */
export function table<T>(element: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return {
    check: (value, path) =>
      isPlain(value)
        ? firstMismatch(Object.entries(value), ([key, one]) => element.check(one, `${path}.${key}`))
        : `${path}: an object`,
  };
}

/** An object with exactly these fields; those whose shape is `optional` may be missing. */
export function fields<T extends object>(
  shapes: {
    readonly [K in keyof T]-?: Shape<T[K]>;
  },
): Shape<T> {
  const wanted: readonly (readonly [string, Shape<unknown>])[] = Object.entries(shapes);
  const names = new Set(wanted.map(([name]) => name));
  return {
    check: (value, path) => {
      if (!isPlain(value)) return `${path}: an object`;
      const stranger = Object.keys(value).find((name) => !names.has(name));
      if (stranger !== undefined) return `${path}: no field ${JSON.stringify(stranger)}`;
      return firstMismatch(wanted, ([name, shape]) => shape.check(value[name], `${path}.${name}`));
    },
  };
}

/** A union that `kind` tells apart. */
export function tagged<T extends { readonly kind: string }>(
  shapes: {
    readonly [K in T['kind']]: Shape<Extract<T, { readonly kind: K }>>;
  },
): Shape<T> {
  const byKind: Readonly<Record<string, Shape<unknown>>> = shapes;
  return {
    check: (value, path) => {
      const kind = isPlain(value) ? value['kind'] : undefined;
      const shape =
        typeof kind === 'string' && Object.hasOwn(byKind, kind) ? byKind[kind] : undefined;
      return shape === undefined
        ? `${path}.kind: one of ${Object.keys(byKind).join(', ')}`
        : shape.check(value, path);
    },
  };
}

function leaf<T>(fits: (value: unknown) => boolean, words: string): Shape<T> {
  return { check: (value, path) => (fits(value) ? null : `${path}: ${words}`) };
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.getPrototypeOf(value) === Object.prototype
  );
}

function firstMismatch<T>(
  values: readonly T[],
  check: (value: T, index: number) => string | null,
): string | null {
  for (const [index, value] of values.entries()) {
    const mismatch = check(value, index);
    if (mismatch !== null) return mismatch;
  }
  return null;
}
