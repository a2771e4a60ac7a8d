/**
 * The lane of small frames that cannot wait: as `FramedLane`, with the same bytes on the wire, but
 * driven by the stream's own events in place of iterators, each step of which is another turn through
 * the queue of promises. What was sent in one turn of the driver leaves as one message.
 */
import type { Stream, StreamMessageEvent } from '@libp2p/interface';
import * as lengthPrefixed from 'it-length-prefixed';
import { Uint8ArrayList } from 'uint8arraylist';
import { MAX_FRAME_BYTES } from './codec.ts';
import { FrameReader, varintLength } from './frame-reader.ts';
import { LANE_QUEUE, type LaneEnd } from './framed-lane.ts';
import { SendQueue } from './send-queue.ts';

export class DirectLane {
  readonly #queue = new SendQueue(LANE_QUEUE);
  readonly #stream: Stream;
  readonly #reader: FrameReader;
  #flushing = false;
  #ended = false;

  constructor(stream: Stream, onFrame: (frame: Uint8Array) => void) {
    this.#stream = stream;
    const maxFrameBytes = MAX_FRAME_BYTES;
    this.#reader = new FrameReader({ maxFrameBytes, readLength: varintLength, onFrame });
  }

  /** False: dropped, the peer does not keep up. */
  send(frame: Uint8Array): boolean {
    const taken = this.#queue.push(frame);
    if (taken) this.#flushSoon();
    return taken;
  }

  /** What waits may leave; then the stream is closed. */
  end(): void {
    this.#ended = true;
    this.#queue.end();
    this.#flushSoon();
  }

  /** Carries frames until the stream ends; says whether it ended because of what the peer sent. */
  run(): Promise<LaneEnd> {
    const stream = this.#stream;
    return new Promise((resolve) => {
      const over = (garbled: string | null): void => {
        stream.removeEventListener('message', take);
        this.#queue.end();
        resolve({ garbled });
      };
      const take = (event: StreamMessageEvent): void => {
        const garbled = this.#reader.take(event.data);
        if (garbled !== null) over(garbled);
      };
      stream.addEventListener('message', take);
      stream.addEventListener('drain', () => this.#flush());
      stream.addEventListener('remoteCloseWrite', () => this.end());
      stream.addEventListener('close', () => over(null), { once: true });
      if (stream.status !== 'open') over(null);
    });
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    const stream = this.#stream;
    while (stream.writeStatus === 'writable' && !stream.writableNeedsDrain) {
      const batch = this.#queue.take();
      if (batch.length === 0) break;
      const list = new Uint8ArrayList();
      for (const frame of batch) list.append(lengthPrefixed.encode.single(frame));
      try {
        stream.send(list);
      } catch {
        // The connection ended for it, which it tells itself.
        return;
      }
    }
    if (this.#ended && this.#queue.isEmpty && stream.status === 'open') {
      // A close that fails is the end of the connection, told elsewhere.
      stream.close().catch(() => undefined);
    }
  }
}
