/**
 * Frames out of a stream of bytes: each is a length and so many bytes. What came in one piece is cut
 * out of it without a copy.
 *
 * Reads no meaning. After a length that is not believed nothing more is to be handed in.
 * Reference: multiformats unsigned-varint (the lengths of `it-length-prefixed`).
 */
import { Uint8ArrayList } from 'uint8arraylist';

/** The length that begins at `at`, and how many bytes say it; null: they have not all come. */
export type ReadLength = (
  bytes: Uint8Array,
  at: number,
) => { readonly value: number; readonly bytes: number } | null;

export type FrameReaderOptions = {
  readonly maxFrameBytes: number;
  readonly readLength: ReadLength;
  readonly onFrame: (frame: Uint8Array) => void;
};

const NOTHING = new Uint8Array(0);

export class FrameReader {
  readonly #options: FrameReaderOptions;
  /** What came last and is no whole frame yet. */
  #rest: Uint8Array = NOTHING;
  /** The rest and the pieces behind it, until there are as many bytes as the frame has. */
  #pieces: Uint8ArrayList | null = null;
  #wantedBytes = 0;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
  }

  /** Tells the frames that are complete. Answers what is wrong with a length, or null. */
  take(data: Uint8Array | Uint8ArrayList): string | null {
    const bytes = this.#gather(data);
    if (bytes === null) return null;
    const { maxFrameBytes, readLength, onFrame } = this.#options;
    let at = 0;
    while (at < bytes.byteLength) {
      const length = readLength(bytes, at);
      if (length === null) break;
      if (length.value > maxFrameBytes) return `a frame of ${length.value} bytes`;
      const from = at + length.bytes;
      if (from + length.value > bytes.byteLength) {
        this.#wantedBytes = length.bytes + length.value;
        break;
      }
      at = from + length.value;
      onFrame(bytes.subarray(from, at));
    }
    this.#rest = at === bytes.byteLength ? NOTHING : bytes.subarray(at);
    return null;
  }

  #gather(data: Uint8Array | Uint8ArrayList): Uint8Array | null {
    if (this.#rest.byteLength === 0) return data.subarray();
    this.#pieces ??= new Uint8ArrayList(this.#rest);
    this.#pieces.append(data);
    if (this.#pieces.byteLength < this.#wantedBytes) return null;
    const bytes = this.#pieces.subarray();
    this.#pieces = null;
    this.#wantedBytes = 0;
    return bytes;
  }
}

/** Two bytes, the higher one first. */
export const uint16Length: ReadLength = (bytes, at) => {
  const [high, low] = [bytes[at], bytes[at + 1]];
  return high === undefined || low === undefined ? null : { value: high * 256 + low, bytes: 2 };
};

const MAX_VARINT_BYTES = 8;
const CONTINUES = 0x80;

/** Seven bits a byte, the lowest ones first. One that does not end is longer than anything. */
export const varintLength: ReadLength = (bytes, at) => {
  let value = 0;
  for (let i = 0; i < MAX_VARINT_BYTES; i += 1) {
    const byte = bytes[at + i];
    if (byte === undefined) return null;
    value += (byte & ~CONTINUES) * 2 ** (7 * i);
    if ((byte & CONTINUES) === 0) return { value, bytes: i + 1 };
  }
  return { value: Number.POSITIVE_INFINITY, bytes: MAX_VARINT_BYTES };
};
