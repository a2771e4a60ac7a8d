import { describe, expect, test } from 'vitest';
import {
  anyOf,
  boolean,
  conform,
  fields,
  finite,
  integer,
  list,
  nullable,
  oneOf,
  type Shape,
  table,
  tagged,
  text,
} from '../../src/lib/shape.ts';

type Animal =
  | { readonly kind: 'cat'; readonly lives: number }
  | { readonly kind: 'dog'; readonly name: string | null };

const animal: Shape<Animal> = tagged<Animal>({
  cat: fields({ kind: oneOf('cat'), lives: integer(1, 9) }),
  dog: fields({ kind: oneOf('dog'), name: nullable(text(4)) }),
});

const detail = (shape: Shape<unknown>, value: unknown): string | null => {
  const result = conform(shape, value, 'pet');
  return result.ok ? null : result.error.detail;
};

describe('shapes', () => {
  test('what fits is handed back as it is, not copied', () => {
    const cat = { kind: 'cat', lives: 9 };
    const result = conform(animal, cat, 'pet');
    expect(result.ok && result.value).toBe(cat);
    expect(detail(animal, { kind: 'dog', name: null })).toBeNull();
  });

  test.each([
    [animal, { kind: 'cow' }, 'pet.kind: one of cat, dog'],
    [animal, { kind: 'toString' }, 'pet.kind: one of cat, dog'],
    [animal, null, 'pet.kind: one of cat, dog'],
    [animal, { kind: 'cat', lives: 10 }, 'pet.lives: a whole number from 1 to 9'],
    [animal, { kind: 'cat' }, 'pet.lives: a whole number from 1 to 9'],
    [animal, { kind: 'cat', lives: 1, tail: true }, 'pet: no field "tail"'],
    [animal, { kind: 'dog', name: 'Cerberus' }, 'pet.name: text of at most 4 characters'],
    [list(animal, 2), [{ kind: 'cat', lives: 1 }, 7], 'pet[1].kind: one of cat, dog'],
    [list(boolean, 2), [true, true, true], 'pet: a list of at most 2 elements'],
    [list(boolean, 2), { 0: true }, 'pet: a list'],
    [table(finite), { a: 1, b: Number.NaN }, 'pet.b: a finite number'],
    [table(finite), [1], 'pet: an object'],
    [fields({}), new Map(), 'pet: an object'],
    [anyOf<string | number>('a word or a number', text(9), finite), [], 'pet: a word or a number'],
  ])('the first mismatch is named by its place (%#)', (shape, value, words) => {
    expect(detail(shape, value)).toBe(words);
  });
});
