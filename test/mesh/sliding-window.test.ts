import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SlidingWindow, SPAN } from '../../src/mesh/sliding-window.ts';

function arrives(window: SlidingWindow, sequence: number): boolean {
  const isNew = !window.has(sequence);
  window.add(sequence);
  return isNew;
}

describe('sliding window', () => {
  test('what a slow interconnect delivers late is new if nobody has seen it', () => {
    const window = new SlidingWindow();
    expect([5, 3, 4, 5, 3].map((sequence) => arrives(window, sequence))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  test('what lies before the window counts as seen', () => {
    const window = new SlidingWindow();
    window.add(SPAN);
    expect(window.has(0)).toBe(true);
    expect(window.has(1)).toBe(false);
  });

  test('a jump beyond the window forgets every bit of it', () => {
    const window = new SlidingWindow();
    for (let sequence = 0; sequence < SPAN; sequence += 1) window.add(sequence);
    window.add(5 * SPAN);
    expect(window.has(5 * SPAN - 1)).toBe(false);
    expect(window.has(4 * SPAN + 1)).toBe(false);
    expect(window.has(4 * SPAN)).toBe(true);
  });

  test('numbers up to the last safe integer are told apart', () => {
    const window = new SlidingWindow();
    expect(arrives(window, Number.MAX_SAFE_INTEGER - 1)).toBe(true);
    expect(arrives(window, Number.MAX_SAFE_INTEGER)).toBe(true);
    expect(arrives(window, Number.MAX_SAFE_INTEGER)).toBe(false);
  });

  test('it agrees with a set that remembers everything', () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 20, arbitrary: fc.integer({ min: -40, max: 40 }) },
        { weight: 1, arbitrary: fc.integer({ min: -2 * SPAN, max: 2 * SPAN }) },
      ),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(steps, (deltas) => {
        const window = new SlidingWindow();
        const seen = new Set<number>();
        let highest = -1;
        let at = 0;
        for (const delta of deltas) {
          at = Math.max(0, at + delta);
          const isOld = seen.has(at) || at <= highest - SPAN;
          expect(window.has(at)).toBe(isOld);
          window.add(at);
          seen.add(at);
          highest = Math.max(highest, at);
        }
      }),
    );
  });
});
