import fc from 'fast-check';
import * as lengthPrefixed from 'it-length-prefixed';
import { Uint8ArrayList } from 'uint8arraylist';
import { describe, expect, test } from 'vitest';
import { FrameReader, uint16Length, varintLength } from '../../src/mesh/frame-reader.ts';

const frames = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
const cuts = fc.array(fc.nat(), { maxLength: 12 });

function uint16Prefixed(frame: Uint8Array): Uint8Array {
  return Uint8Array.from([frame.byteLength >>> 8, frame.byteLength & 0xff, ...frame]);
}

function pieces(bytes: Uint8Array, at: readonly number[]): readonly Uint8Array[] {
  const places = at.map((place) => place % (bytes.byteLength + 1)).toSorted((a, b) => a - b);
  return [...places, bytes.byteLength].map((to, i) => bytes.subarray(places[i - 1] ?? 0, to));
}

describe.each([
  [
    'variable lengths',
    varintLength,
    (frame: Uint8Array) => lengthPrefixed.encode.single(frame).subarray(),
  ],
  ['lengths of two bytes', uint16Length, uint16Prefixed],
] as const)('frames with %s', (_name, readLength, prefixed) => {
  test('come out as they were, wherever the bytes were cut', () => {
    fc.assert(
      fc.property(frames, cuts, fc.boolean(), (sent, at, listed) => {
        const bytes = new Uint8ArrayList(...sent.map(prefixed)).subarray();
        const read: Uint8Array[] = [];
        const onFrame = (frame: Uint8Array) => read.push(frame);
        const reader = new FrameReader({ maxFrameBytes: 300, readLength, onFrame });
        for (const piece of pieces(bytes, at)) {
          expect(reader.take(listed ? new Uint8ArrayList(piece) : piece)).toBeNull();
        }
        expect(read.map((frame) => [...frame])).toEqual(sent.map((frame) => [...frame]));
      }),
    );
  });

  test('are refused by their length, before they have come', () => {
    const read: Uint8Array[] = [];
    const onFrame = (frame: Uint8Array) => read.push(frame);
    const reader = new FrameReader({ maxFrameBytes: 300, readLength, onFrame });
    const first = prefixed(new Uint8Array(300)).subarray();
    const second = prefixed(new Uint8Array(301)).subarray(0, 2);
    expect(reader.take(new Uint8ArrayList(first, second))).toBe('a frame of 301 bytes');
    expect(read).toHaveLength(1);
  });
});

test('a length that does not end is longer than anything', () => {
  const reader = new FrameReader({
    maxFrameBytes: 300,
    readLength: varintLength,
    onFrame: () => expect.unreachable(),
  });
  expect(reader.take(new Uint8Array(7).fill(0xff))).toBeNull();
  expect(reader.take(Uint8Array.of(0xff))).toBe('a frame of Infinity bytes');
});
