/**
 * One value on the disk: a checksum over its key and its bytes, then the bytes.
 *
 * LevelDB checks neither what it reads back from a table (unless asked, which its Node binding cannot
 * do) nor that a value still belongs to its key. A term or a vote that changed on the disk would
 * break the cluster's promises silently, so each record vouches for itself.
 *
 * Detects damage; repairs nothing.
 */
import { crc32 } from 'node:zlib';
import { decode, encode } from '../lib/codec.ts';
import { HoldfastError } from '../lib/error.ts';
import { conform, type Shape } from '../lib/shape.ts';

const CHECKSUM_BYTES = 4;

/** The record of a plain value under `key`. */
export function seal(key: string, value: unknown): Uint8Array {
  return sealBytes(key, encode(value));
}

export function sealBytes(key: string, bytes: Uint8Array): Uint8Array {
  const record = new Uint8Array(CHECKSUM_BYTES + bytes.byteLength);
  new DataView(record.buffer).setUint32(0, checksum(key, bytes));
  record.set(bytes, CHECKSUM_BYTES);
  return record;
}

/** The value of a record. Throws DATABASE_CORRUPT when it is not what was written under this key. */
export function unseal<T>(key: string, record: Uint8Array, shape: Shape<T>): T {
  const bytes = unsealBytes(key, record);
  let value: unknown;
  try {
    value = decode(bytes);
  } catch (cause) {
    throw new HoldfastError('DATABASE_CORRUPT', { key }, { cause });
  }
  const result = conform(shape, value, key);
  if (!result.ok) throw new HoldfastError('DATABASE_CORRUPT', { key, detail: result.error.detail });
  return result.value;
}

export function unsealBytes(key: string, record: Uint8Array): Uint8Array {
  const { buffer, byteOffset, byteLength } = record;
  if (byteLength < CHECKSUM_BYTES) throw damaged(key);
  // A plain array even where the database hands out a Buffer, so that values compare equal.
  const bytes = new Uint8Array(buffer, byteOffset + CHECKSUM_BYTES, byteLength - CHECKSUM_BYTES);
  if (new DataView(buffer, byteOffset).getUint32(0) !== checksum(key, bytes)) throw damaged(key);
  return bytes;
}

function damaged(key: string): HoldfastError {
  return new HoldfastError('DATABASE_CORRUPT', { key, detail: 'wrong checksum' });
}

function checksum(key: string, bytes: Uint8Array): number {
  return crc32(bytes, crc32(key));
}
