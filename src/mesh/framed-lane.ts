/**
 * One long-lived stream that carries frames both ways: length-prefixed, in order, with back-pressure.
 * The pipe waits for libp2p's `drain` event itself; `stream.onDrain()` is not used, since it
 * resolves only once in the life of a stream and a second wait would spin (@libp2p/utils 7.4.1).
 */
import type { Stream } from '@libp2p/interface';
import { messageStreamToDuplex } from '@libp2p/utils';
import * as lengthPrefixed from 'it-length-prefixed';
import { pipe } from 'it-pipe';
import { Uint8ArrayList } from 'uint8arraylist';
import { MAX_FRAME_BYTES } from './codec.ts';
import { SendQueue } from './send-queue.ts';

export const LANE_QUEUE = { maxBytes: 8 * 1024 * 1024, maxFrames: 4096, maxBatchBytes: 64 * 1024 };

/** Why a stream ended: null unless it was for what the peer sent. */
export type LaneEnd = { readonly garbled: string | null };

export class FramedLane {
  readonly #queue = new SendQueue(LANE_QUEUE);
  readonly #stream: Stream;
  readonly #onFrame: (frame: Uint8Array) => void;
  readonly #maxFrameBytes: number;

  /** A longer frame than `maxFrameBytes` ends the stream before it is read. */
  constructor(
    stream: Stream,
    onFrame: (frame: Uint8Array) => void,
    maxFrameBytes = MAX_FRAME_BYTES,
  ) {
    this.#stream = stream;
    this.#onFrame = onFrame;
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** False: dropped, the peer does not keep up. */
  send(frame: Uint8Array): boolean {
    return this.#queue.push(frame);
  }

  end(): void {
    this.#queue.end();
  }

  /** Carries frames until the stream ends; says whether it ended because of what the peer sent. */
  async run(): Promise<LaneEnd> {
    this.#stream.addEventListener('close', () => this.#queue.end());
    try {
      await pipe(
        this.#queue,
        prefixed,
        messageStreamToDuplex(this.#stream),
        (source) => lengthPrefixed.decode(source, { maxDataLength: this.#maxFrameBytes }),
        async (frames) => {
          for await (const frame of frames) this.#onFrame(frame.subarray());
        },
      );
      return { garbled: null };
    } catch (error) {
      return { garbled: isBadLength(error) ? error.message : null };
    } finally {
      this.#queue.end();
    }
  }
}

async function* prefixed(
  batches: AsyncIterable<readonly Uint8Array[]>,
): AsyncGenerator<Uint8ArrayList> {
  for await (const batch of batches) {
    const list = new Uint8ArrayList();
    for (const frame of batch) list.append(lengthPrefixed.encode.single(frame));
    yield list;
  }
}

/** Codes of it-length-prefixed. Any other error is the end of the connection, told elsewhere. */
const BAD_LENGTHS = ['ERR_INVALID_MSG_LENGTH', 'ERR_MSG_DATA_TOO_LONG', 'ERR_MSG_LENGTH_TOO_LONG'];

function isBadLength(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && BAD_LENGTHS.includes(String(error.code));
}
