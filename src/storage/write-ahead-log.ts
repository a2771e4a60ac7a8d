/**
 * Looks for damage in LevelDB's write-ahead log before LevelDB opens it.
 *
 * LevelDB replays its log up to the first record that is damaged and silently forgets the rest. For a
 * record that was torn by a power loss this is right: its batch was never acknowledged. For damage in
 * the middle it is fatal here: synced terms, votes and entries behind it would be gone without a
 * word (seen: one flipped byte cost half of the acknowledged batches). The two differ in what follows.
 * One batch is written and synced before the next begins, so a damaged record that has a sound
 * *beginning* of another record behind it had been synced.
 *
 * Up to a length that is known to have been synced (`durable-length.ts`) nothing can be torn. Behind
 * it, damage of the very last record cannot be told from a torn write.
 *
 * Reference: LevelDB `doc/log_format.md`, `util/crc32c.h` (masked CRC-32C).
 */

const BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;
const FULL = 1;
const FIRST = 2;
const LAST = 4;

export type Damage = {
  /** Where the damaged record begins, in bytes. */
  readonly at: number;
  /** Where the first sound record behind it begins; null: it is known to have been synced. */
  readonly followedAt: number | null;
};

/** The first damage that is not the torn end of the log, or null. `durable`: bytes that were synced. */
export function findDamage(log: Uint8Array, durable = 0): Damage | null {
  if (log.byteLength < durable) return { at: log.byteLength, followedAt: null };
  let damagedAt: number | null = null;
  for (let block = 0; block < log.byteLength; block += BLOCK_BYTES) {
    const end = Math.min(block + BLOCK_BYTES, log.byteLength);
    let at = block;
    while (at + HEADER_BYTES <= end) {
      const record = recordAt(log, at, end);
      if (record.kind !== 'sound' && at < durable) return { at, followedAt: null };
      if (record.kind === 'padding') break;
      if (record.kind === 'damaged') damagedAt ??= at;
      else if (damagedAt !== null && (record.type === FULL || record.type === FIRST)) {
        return { at: damagedAt, followedAt: at };
      }
      if (record.next === null) break;
      at = record.next;
    }
  }
  return null;
}

type LogRecord =
  | { readonly kind: 'padding' }
  | { readonly kind: 'sound'; readonly type: number; readonly next: number }
  /** `next` is null where not even the length can be believed: go on at the next block. */
  | { readonly kind: 'damaged'; readonly next: number | null };

function recordAt(log: Uint8Array, at: number, end: number): LogRecord {
  const view = new DataView(log.buffer, log.byteOffset + at, end - at);
  const expected = view.getUint32(0, true);
  const length = view.getUint16(4, true);
  const type = view.getUint8(6);
  if (type === 0 && length === 0 && expected === 0) return { kind: 'padding' };
  const next = at + HEADER_BYTES + length;
  if (next > end || type > LAST) return { kind: 'damaged', next: null };
  if (masked(crc32c(log, at + 6, next)) !== expected) return { kind: 'damaged', next };
  return { kind: 'sound', type, next };
}

/** LevelDB stores checksums of checksums apart: rotated right by 15 and shifted by a constant. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32C (Castagnoli) of the bytes from `from` up to, not including, `to`. */
export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0xffffffff;
  for (let at = from; at < to; at += 1) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
