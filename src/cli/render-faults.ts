/** Problems and faults of a configuration for people: what, where, why, what to do. */
import type { Fault } from '../config/fault.ts';
import { HoldfastError } from '../lib/error.ts';
import { PROBLEMS } from '../lib/problems.ts';
import { paint, type Terminal } from './terminal.ts';

type Lines = readonly string[];

/** Any error that ends a command. */
export function renderError(terminal: Terminal, error: unknown): Lines {
  if (!(error instanceof HoldfastError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [`${paint(terminal, 'red', 'INTERNAL')}: ${PROBLEMS.INTERNAL.cause}`, text];
  }
  const { faults } = error.context;
  if (isFaults(faults)) return renderFaults(terminal, faults);
  const { code, cause, remedy, context } = error.toProblem();
  const facts = Object.entries(context).map(([key, value]) => `  ${key}: ${plain(value)}`);
  return [`${paint(terminal, 'red', code)}: ${cause}`, ...facts, `  remedy: ${remedy}`];
}

/** Each with its place first, as compilers write it, so that editors can jump there. */
export function renderFaults(terminal: Terminal, faults: readonly Fault[]): Lines {
  return faults.flatMap((fault) => {
    const { file, line, column, path, code, severity, detail } = fault;
    const place = line === 0 ? file : `${file}:${line}:${column}`;
    const where = path === '' ? '' : `${path}: `;
    const mark = paint(terminal, severity === 'error' ? 'red' : 'yellow', `${severity} ${code}`);
    const { cause, remedy } = PROBLEMS[code];
    return [`${place}: ${mark}`, `  ${where}${detail}`, `  cause: ${cause}`, `  remedy: ${remedy}`];
  });
}

function isFaults(value: unknown): value is readonly Fault[] {
  return Array.isArray(value) && value.length > 0;
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
}
