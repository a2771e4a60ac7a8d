/**
 * The one call that the benchmark makes, `etcdserverpb.KV/Put`, as bytes: a gRPC frame around a
 * protobuf message of two fields. Both contenders are asked in these words, by the same client.
 *
 * Reads no more of protobuf than this message needs.
 * Reference: gRPC over HTTP/2 ("Length-Prefixed-Message"); etcd `api/etcdserverpb/rpc.proto`.
 */

export const PUT_PATH = '/etcdserverpb.KV/Put';

const FRAME_HEADER_BYTES = 5;
const KEY_TAG = 0x0a;
const VALUE_TAG = 0x12;

/** An answer without fields. */
export const EMPTY_FRAME = Buffer.alloc(FRAME_HEADER_BYTES);

/** Key and value have fewer than 16 384 bytes. */
export function putFrame(key: string, value: string): Buffer {
  const message = Buffer.concat([field(KEY_TAG, key), field(VALUE_TAG, value)]);
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([header, message]);
}

/** The value of a frame that `putFrame` made; null when it is something else. */
export function valueOfPut(frame: Buffer): string | null {
  for (let at = FRAME_HEADER_BYTES; at < frame.byteLength; ) {
    const tag = frame[at];
    const low = frame[at + 1] ?? 0;
    const long = low >= 0x80;
    const length = long ? (low & 0x7f) | ((frame[at + 2] ?? 0) << 7) : low;
    const from = at + (long ? 3 : 2);
    if (tag === VALUE_TAG) return frame.toString('latin1', from, from + length);
    if (tag !== KEY_TAG) return null;
    at = from + length;
  }
  return null;
}

function field(tag: number, text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  const { byteLength } = bytes;
  const length = byteLength < 0x80 ? [byteLength] : [(byteLength & 0x7f) | 0x80, byteLength >> 7];
  return Buffer.concat([Buffer.from([tag, ...length]), bytes]);
}
