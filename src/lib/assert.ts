/**
 * Programmers' errors. A state that the types cannot forbid but the design does is checked here and
 * crashes the process: a cluster member that is wrong about itself must stop, the others take over.
 */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

/** Marks a branch that the types rule out. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable: ${JSON.stringify(value)}`);
}

/** The value itself, or a crash: for look-ups that an invariant says cannot fail. */
export function known<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new AssertionFailure(`missing: ${what}`);
  return value;
}
