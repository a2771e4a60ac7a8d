/**
 * The stream of heartbeats, written without a queue: a heartbeat that had to wait is worth less than
 * the next one. While the stream is full only the newest is kept, and sent when it drains.
 *
 * Frames carry two bytes of length, so that a heartbeat is one send and one encryption.
 */
import type { Stream } from '@libp2p/interface';
import { Uint8ArrayList } from 'uint8arraylist';

/** The length has two bytes. */
export const MAX_HEARTBEAT_BYTES = 0xffff;
const LENGTH_BYTES = 2;

export class HeartbeatLane {
  readonly #stream: Stream;
  readonly #onFrame: (frame: Uint8Array) => void;
  readonly #received = new Uint8ArrayList();
  #newest: Uint8Array | null = null;

  constructor(stream: Stream, onFrame: (frame: Uint8Array) => void) {
    this.#stream = stream;
    this.#onFrame = onFrame;
  }

  start(): void {
    this.#stream.addEventListener('drain', () => this.#sendNewest());
    this.#stream.addEventListener('message', (event) => this.#take(event.data));
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

  #take(data: Uint8Array | Uint8ArrayList): void {
    this.#received.append(data);
    while (this.#received.byteLength >= LENGTH_BYTES) {
      const length = (this.#received.get(0) << 8) | this.#received.get(1);
      if (this.#received.byteLength < LENGTH_BYTES + length) return;
      const frame = this.#received.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
      this.#received.consume(LENGTH_BYTES + length);
      this.#onFrame(frame);
    }
  }
}
