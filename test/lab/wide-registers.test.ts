/** Which processors need `kernel/wide-registers.c`; that it helps is seen by every test of the laboratory. */
import { expect, test } from 'vitest';
import { hasWideRegisters } from './kernel/wide-registers.ts';

test('only a processor with AMX has more registers than a guest knows', () => {
  expect(
    hasWideRegisters('flags\t\t: fpu sse2 avx512f amx_bf16 avx512_fp16 amx_tile amx_int8\n'),
  ).toBe(true);
  expect(hasWideRegisters('flags\t\t: fpu sse2 avx512f avx512vbmi\nmodel name : amx_tile\n')).toBe(
    false,
  );
  expect(hasWideRegisters('')).toBe(false);
});
