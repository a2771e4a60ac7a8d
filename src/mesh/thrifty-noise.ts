/**
 * libp2p's Noise with fewer writes around it. What two nodes say to each other stays the same language,
 * so either of them may be without it.
 *
 * The fear is the price of small frames: left alone, each of them is a Noise message of its own, each
 * Noise message is two writes to the socket (length, then body), and Yamux answers each with a window
 * update, which is a Noise message and two writes again. A commit is a dozen small frames. So:
 *   - what is said in one turn of the event loop leaves as one Noise message, when the turn ends;
 *   - a Noise message is one write;
 *   - the lengths of Noise messages are read without an exception for each packet, which is how
 *     libp2p's own reader finds out that there is no further one;
 *   - a window update waits until it is worth a quarter of the window. The other side has three
 *     quarters left meanwhile, so nobody ever waits for it.
 *
 * It changes methods (`send`, `close`) and the reader of lengths (`decoder`) of streams that libp2p makes
 * for us; it encrypts nothing itself.
 *
 * Reference: Noise for libp2p ("Wire Format"); Yamux specification ("Flow Control").
 */
import { noise } from '@chainsafe/libp2p-noise';
import type { MessageStream } from '@libp2p/interface';
import { Uint8ArrayList } from 'uint8arraylist';
import { assert } from '../lib/assert.ts';
import { FrameReader, uint16Length } from './frame-reader.ts';

type Encrypter = ReturnType<ReturnType<typeof noise>>;
type Components = Parameters<ReturnType<typeof noise>>[0];
type Bytes = Uint8Array | Uint8ArrayList;

/** Yamux: a header is version, type, flags (2 bytes), stream id (4), length (4). */
const HEADER_BYTES = 12;
const VERSION = 0;
const WINDOW_UPDATE = 1;
const FLAGS_AT = 2;
const STREAM_AT = 4;
const LENGTH_AT = 8;

/** @param windowBytes of every stream of Yamux on these connections */
export function thriftyNoise(windowBytes: number) {
  return (components: Components): Encrypter => {
    const inner = noise()(components);
    const thrifty =
      (secure: Encrypter['secureInbound']): Encrypter['secureInbound'] =>
      async (connection, options) => {
        writeAtOnce(connection);
        const secured = await secure(connection, options);
        readInOneGo(secured.connection);
        const flush = gatherTurn(secured.connection, new WindowUpdates(windowBytes / 4));
        flushBeforeClose(connection, flush);
        return secured;
      };
    return {
      protocol: inner.protocol,
      secureInbound: thrifty((...what) => inner.secureInbound(...what)),
      secureOutbound: thrifty((...what) => inner.secureOutbound(...what)),
    };
  };
}

/** What is handed over in one piece is written in one piece. */
function writeAtOnce(connection: MessageStream): void {
  const send = connection.send.bind(connection);
  connection.send = (data: Bytes) => send(data.subarray());
}

/** Longer ones cannot be said in two bytes. */
const MAX_NOISE_BYTES = 0xffff;

function readInOneGo(connection: MessageStream): void {
  assert(Reflect.has(connection, 'decoder'), 'a stream of Noise reads with a decoder');
  const decode = (data: Bytes): readonly Uint8Array[] => {
    reader.take(data);
    return messages.splice(0);
  };
  const messages: Uint8Array[] = [];
  const reader = new FrameReader({
    maxFrameBytes: MAX_NOISE_BYTES,
    readLength: uint16Length,
    onFrame: (message) => messages.push(message),
  });
  Reflect.set(connection, 'decoder', { decode });
}

/** Answers what sends at once what was gathered. */
function gatherTurn(connection: MessageStream, updates: WindowUpdates): () => void {
  const send = connection.send.bind(connection);
  let gathered: Uint8ArrayList | null = null;
  const flush = (): void => {
    const data = gathered;
    gathered = null;
    // Whatever ended the connection is told by its own event.
    if (data === null || connection.status !== 'open') return;
    try {
      send(data);
    } catch {
      // The write failed and the connection was aborted for it.
    }
  };
  connection.send = (data: Bytes): boolean => {
    if (connection.status !== 'open') return send(data);
    const wanted = updates.thinned(data);
    if (wanted === null) return !connection.writableNeedsDrain;
    if (gathered === null) {
      gathered = new Uint8ArrayList();
      // After all promises of this turn, among which is what the driver says.
      queueMicrotask(() => process.nextTick(flush));
    }
    gathered.append(wanted);
    return !connection.writableNeedsDrain;
  };
  return flush;
}

/** libp2p closes the socket below Noise, also at the end of the turn in which the last word was said. */
function flushBeforeClose(socket: MessageStream, flush: () => void): void {
  const close = socket.close.bind(socket);
  socket.close = async (options) => {
    flush();
    await close(options);
  };
}

/** Window updates without a flag, summed for each stream until they are worth a frame. */
class WindowUpdates {
  readonly #worthBytes: number;
  readonly #heldBytes = new Map<number, number>();

  constructor(worthBytes: number) {
    this.#worthBytes = worthBytes;
  }

  /** What is to be sent in the place of `data`; null: nothing yet. */
  thinned(data: Bytes): Bytes | null {
    if (!(data instanceof Uint8Array) || data.byteLength !== HEADER_BYTES) return data;
    if (data[0] !== VERSION || data[1] !== WINDOW_UPDATE) return data;
    const view = new DataView(data.buffer, data.byteOffset, HEADER_BYTES);
    const stream = view.getUint32(STREAM_AT);
    // A stream that begins or ends.
    if (view.getUint16(FLAGS_AT) !== 0) {
      this.#heldBytes.delete(stream);
      return data;
    }
    const bytes = (this.#heldBytes.get(stream) ?? 0) + view.getUint32(LENGTH_AT);
    this.#heldBytes.set(stream, bytes < this.#worthBytes ? bytes : 0);
    if (bytes < this.#worthBytes) return null;
    view.setUint32(LENGTH_AT, bytes);
    return data;
  }
}
