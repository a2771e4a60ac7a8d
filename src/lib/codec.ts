/**
 * Values to bytes and back: MessagePack, the one encoding of log entries, snapshots and frames.
 *
 * Records and shared structures of msgpackr are off: they make the bytes depend on what was encoded
 * before, and the same value must give the same bytes on every node and in every replay. Object keys
 * keep their order. Nothing is validated here: see `shape.ts` for that.
 *
 * Reference: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { Packr } from 'msgpackr';
import { failure, type Result, success } from './result.ts';

const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  bundleStrings: false,
  copyBuffers: true,
  int64AsType: 'number',
});

/** The bytes of a plain value, in memory of their own. Booleans, numbers, strings, bytes, null, arrays, objects. */
export function encode(value: unknown): Uint8Array {
  return new Uint8Array(packr.pack(value));
}

/** The value that the bytes stand for. Throws when they are not exactly one MessagePack value. */
export function decode(bytes: Uint8Array): unknown {
  // A view of its own, since msgpackr leaves a mark on the object that it reads from.
  return packr.unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

export type NotDecodable = { readonly code: 'NOT_DECODABLE'; readonly detail: string };

/** `decode` for bytes that nobody vouches for: garbage is a value, not an exception. */
export function tryDecode(bytes: Uint8Array): Result<unknown, NotDecodable> {
  try {
    return success(decode(bytes));
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return failure({ code: 'NOT_DECODABLE', detail });
  }
}
