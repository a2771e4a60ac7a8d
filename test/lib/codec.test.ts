import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode, encode, tryDecode } from '../../src/lib/codec.ts';

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.integer(),
    fc.double({ noNaN: true }).filter((n) => !Object.is(n, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 5, noNullPrototype: true },
    ),
  ),
})).value;

describe('codec', () => {
  test('every plain value comes back as it was', () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(decode(encode(value))).toEqual(value);
      }),
    );
  });

  test('the bytes do not depend on what was encoded before', () => {
    const value = {
      kind: 'assign',
      node: 'n1',
      list: [
        { a: 1, b: 2 },
        { a: 3, b: 4 },
      ],
    };
    const before = encode(value);
    for (let i = 0; i < 100; i += 1) encode({ [`k${i}`]: i, other: [value] });
    expect(encode(value)).toEqual(before);
  });

  test('encoded bytes are not changed by later encoding', () => {
    const first = encode({ text: 'x'.repeat(100) });
    const copy = Uint8Array.from(first);
    for (let i = 0; i < 2000; i += 1) encode({ text: 'y'.repeat(100), i });
    expect(first).toEqual(copy);
    expect(first.buffer.byteLength).toBe(first.byteLength);
  });

  test('decoded bytes do not alias the frame that they came in', () => {
    const frame = encode({ data: Uint8Array.of(1, 2, 3) });
    const value = decode(frame);
    frame.fill(0);
    expect(value).toEqual({ data: Uint8Array.of(1, 2, 3) });
  });

  test('an epoch above 2^31 and a time in microseconds keep their value', () => {
    expect(decode(encode([0xffff_ffff, 2 ** 40 + 1, 0.125]))).toEqual([
      0xffff_ffff,
      2 ** 40 + 1,
      0.125,
    ]);
  });

  test('a cut frame, a frame with a tail and noise are values, not exceptions', () => {
    const frame = encode({ group: 'web', epoch: 7 });
    expect(tryDecode(frame.slice(0, -1))).toMatchObject({ ok: false });
    expect(tryDecode(Uint8Array.of(...frame, 1))).toMatchObject({ ok: false });
    expect(tryDecode(new Uint8Array())).toMatchObject({ ok: false });
    // An array of 2^32-1 elements that never come, and one that is nested beyond the stack.
    expect(tryDecode(Uint8Array.of(0xdd, 255, 255, 255, 255))).toMatchObject({ ok: false });
    expect(tryDecode(new Uint8Array(200_000).fill(0x91))).toMatchObject({ ok: false });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(typeof tryDecode(noise).ok).toBe('boolean');
      }),
    );
  });
});
