/**
 * The stream of heartbeats, written without a queue: a heartbeat that had to wait is worth less than
 * the next one. While the stream is full only the newest is kept, and sent when it drains.
 *
 * Frames carry two bytes of length, so that a heartbeat is one send and one encryption.
 */
import type { Stream } from '@libp2p/interface';
import { FrameReader, uint16Length } from './frame-reader.ts';

/** The length has two bytes. */
export const MAX_HEARTBEAT_BYTES = 0xffff;
const LENGTH_BYTES = 2;

export class HeartbeatLane {
  readonly #stream: Stream;
  readonly #reader: FrameReader;
  #newest: Uint8Array | null = null;

  constructor(stream: Stream, onFrame: (frame: Uint8Array) => void) {
    this.#stream = stream;
    const maxFrameBytes = MAX_HEARTBEAT_BYTES;
    this.#reader = new FrameReader({ maxFrameBytes, readLength: uint16Length, onFrame });
  }

  start(): void {
    this.#stream.addEventListener('drain', () => this.#sendNewest());
    this.#stream.addEventListener('message', ({ data }) => this.#reader.take(data));
  }

  /** At most `MAX_HEARTBEAT_BYTES`. */
  send(frame: Uint8Array): void {
    this.#newest = frame;
    this.#sendNewest();
  }

  #sendNewest(): void {
    const frame = this.#newest;
    const stream = this.#stream;
    if (frame === null || stream.writeStatus !== 'writable' || stream.writableNeedsDrain) return;
    this.#newest = null;
    const prefixed = new Uint8Array(LENGTH_BYTES + frame.byteLength);
    prefixed[0] = frame.byteLength >>> 8;
    prefixed[1] = frame.byteLength & 0xff;
    prefixed.set(frame, LENGTH_BYTES);
    try {
      stream.send(prefixed);
    } catch {
      // The stream closed in between. The connection reports that; a heartbeat may be lost.
    }
  }
}
