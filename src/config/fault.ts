/**
 * What is wrong with a configuration, and where. All faults of a file are collected before any is
 * reported: whoever mends a file at night should need one round, not seven.
 */
import { HoldfastError } from '../lib/error.ts';
import { PROBLEMS, type ProblemCode } from '../lib/problems.ts';

/** Keys and indices from the top of the file. */
export type Path = readonly (string | number)[];

export type Fault = {
  readonly code: ProblemCode;
  readonly severity: 'error' | 'warning';
  readonly file: string;
  /** Both count from 1; 0 when the place is unknown. */
  readonly line: number;
  readonly column: number;
  /** Such as `groups[0].resources[2].needs[0]`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong in this case. Cause and remedy are those of the code. */
  readonly detail: string;
};

/** `groups[0].resources[2].needs`; keys that are no plain words stand in quotes. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    if (!/^[A-Za-z_][\w-]*$/.test(part)) return `${text}[${JSON.stringify(part)}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

/** `file:line:column`, as editors and compilers write it. */
export function placeText(fault: Fault): string {
  return fault.line === 0 ? fault.file : `${fault.file}:${fault.line}:${fault.column}`;
}

/** In the order of the file; what has no place comes first. */
export function inFileOrder(faults: readonly Fault[]): readonly Fault[] {
  return faults.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/**
 * One error for all faults of a file. Its code, place and detail are those of the first; `faults`
 * holds all of them, each with its cause and remedy.
 */
export function faultsToError(faults: readonly Fault[]): HoldfastError {
  const ordered = inFileOrder(faults.filter((fault) => fault.severity === 'error'));
  const first = ordered[0];
  if (first === undefined) throw new HoldfastError('INTERNAL', { detail: 'no fault to report' });
  return new HoldfastError(first.code, {
    place: placeText(first),
    path: first.path,
    detail: first.detail,
    faults: ordered.map((fault) => ({
      ...fault,
      place: placeText(fault),
      ...PROBLEMS[fault.code],
    })),
  });
}
