/**
 * Facts as JSON can carry them: errors keep code and cause, reservation keys (bigint) stay readable,
 * bytes can be read back. Used by the log and by the trace, which must never fail on a value.
 */
import { HoldfastError } from '../lib/error.ts';

const MAX_CAUSES = 4;

/** An error as plain data; the chain of causes is followed a few steps. */
export function plainError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const cause =
    error.cause === undefined || depth >= MAX_CAUSES
      ? {}
      : { cause: plainError(error.cause, depth + 1) };
  if (error instanceof HoldfastError) return { ...error.toProblem(), because: cause.cause };
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  return { name: error.name, message: error.message, stack: error.stack, ...code, ...cause };
}

/**
 * For JSON.stringify: one way only, for people. A bigint is a reservation key: hexadecimal.
 * `this` is the object that holds the value: a Buffer has a `toJSON` that was called before us.
 */
export function readable(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `0x${value.toString(16).padStart(16, '0')}`;
  if (value instanceof Error) return plainError(value);
  const original = held(this, key);
  return original instanceof Uint8Array ? `${original.length} bytes` : value;
}

/** For JSON.stringify: what `revive` turns back into the same value. Functions are left out. */
export function preserve(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return { $bigint: value.toString() };
  if (value instanceof Error) return plainError(value);
  const original = held(this, key);
  if (!(original instanceof Uint8Array)) return value;
  return { $bytes: Buffer.from(original).toString('base64') };
}

function held(holder: unknown, key: string): unknown {
  return typeof holder === 'object' && holder !== null ? Reflect.get(holder, key) : undefined;
}

type Marked = { readonly $bytes?: unknown; readonly $bigint?: unknown };

/** For JSON.parse: the inverse of `preserve`. */
export function revive(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { $bytes, $bigint }: Marked = value;
  if (typeof $bytes === 'string') return new Uint8Array(Buffer.from($bytes, 'base64'));
  if (typeof $bigint === 'string') return BigInt($bigint);
  return value;
}
