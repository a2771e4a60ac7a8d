import { PROBLEMS, type ProblemCode } from './problems.ts';

/** What an operator reads: a stable code, why it happened, what to do, and the facts of this case. */
export type Problem = {
  readonly code: string;
  readonly cause: string;
  readonly remedy: string;
  readonly context: Readonly<Record<string, unknown>>;
};

/**
 * The one error class outside the pure core. The code is one of `problems.ts`, where cause and
 * remedy stand; `context` carries what differs from case to case (plain data).
 */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  readonly code: ProblemCode;
  readonly context: Readonly<Record<string, unknown>>;

  constructor(
    code: ProblemCode,
    context: Readonly<Record<string, unknown>> = {},
    options?: { readonly cause?: unknown },
  ) {
    super(`${code}: ${PROBLEMS[code].cause}${describe(context)}`, options);
    this.code = code;
    this.context = context;
  }

  toProblem(): Problem {
    return problem(this.code, this.context);
  }
}

export function problem(
  code: ProblemCode,
  context: Readonly<Record<string, unknown>> = {},
): Problem {
  return { code, ...PROBLEMS[code], context };
}

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}

function describe(context: Readonly<Record<string, unknown>>): string {
  const facts = Object.entries(context).map(([key, value]) => `${key}=${plain(value)}`);
  return facts.length === 0 ? '' : ` (${facts.join(', ')})`;
}

function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  // Reservation keys are bigints, which JSON does not know.
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'bigint' ? `0x${inner.toString(16)}` : inner,
  );
  return text ?? String(value);
}
