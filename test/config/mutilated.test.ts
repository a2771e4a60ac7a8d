import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConfig } from '../../src/config/load.ts';
import { VALID } from './fixture.ts';

const LINES = VALID.split('\n');
const line = fc.nat({ max: LINES.length - 1 });

/** What hands and editors do to a file. */
const slip = fc.oneof(
  line.map((at) => (lines: readonly string[]) => lines.toSpliced(at, 1)),
  fc.tuple(line, line).map(
    ([from, to]) =>
      (lines: readonly string[]) =>
        lines.toSpliced(to, 0, lines[from] ?? ''),
  ),
  fc
    .tuple(line, fc.nat({ max: 40 }), fc.string({ unit: 'binary', maxLength: 3 }))
    .map(([at, column, text]) => (lines: readonly string[]) => {
      const old = lines[at] ?? '';
      return lines.with(
        Math.min(at, lines.length - 1),
        old.slice(0, column) + text + old.slice(column + 1),
      );
    }),
  fc
    .tuple(
      line,
      fc.constantFrom(
        'null',
        '[]',
        '{}',
        '-1',
        '1e99',
        '"',
        '~',
        '&a *a',
        '- - -',
        '{ per-node: 3 }',
      ),
    )
    .map(([at, value]) => (lines: readonly string[]) => {
      const key = (lines[at] ?? '').split(':')[0] ?? '';
      return lines.with(Math.min(at, lines.length - 1), `${key}: ${value}`);
    }),
);

describe('checkConfig', () => {
  it('never throws, whatever was done to the file, and has a config or says why not', () => {
    fc.assert(
      fc.property(fc.array(slip, { minLength: 1, maxLength: 4 }), (slips) => {
        const text = slips
          .reduce<readonly string[]>((lines, each) => each(lines), LINES)
          .join('\n');
        const { config, faults } = checkConfig('lab.yaml', text);
        const errors = faults.filter((fault) => fault.severity === 'error');
        expect(config === null).toBe(errors.length > 0);
        const last = text.split('\n').length;
        for (const fault of errors) expect(fault.line).toBeLessThanOrEqual(last);
      }),
      { numRuns: 500 },
    );
  });

  it('nor for bytes that were never a file of ours', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(checkConfig('lab.yaml', text).config).toBeNull();
      }),
      { numRuns: 500 },
    );
  });
});
