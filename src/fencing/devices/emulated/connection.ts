/**
 * One initiator's connection to an emulated disk: requests go out, each answer finds its request
 * again.
 *
 * It dials when it is needed and again after it broke; a request that was out when it broke is lost
 * and says so, since nobody knows whether it was carried out. It repeats nothing.
 */
import { connect, type Socket } from 'node:net';
import { toSocket } from './address.ts';
import { Lines } from './lines.ts';
import {
  type Answer,
  decodeResponse,
  encode,
  MAX_LINE_BYTES,
  type Operation,
  type Request,
} from './wire.ts';

/** `path-lost`: no connection, or it broke. `timeout`: no answer before the signal aborted. */
export type Exchange = Answer | { readonly kind: 'path-lost' | 'timeout' };

/** Requests that may wait for their answers; one more is refused as `path-lost`. */
const MAX_WAITING = 1024;

export type ConnectionOptions = {
  /** `/PATH` or `HOST:PORT`. */
  readonly address: string;
  readonly lun: string;
};

export class DiskConnection {
  readonly #options: ConnectionOptions;
  readonly #waiting = new Map<number, (exchange: Exchange) => void>();
  #socket: Socket | null = null;
  #nextId = 1;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Never rejects: what goes wrong on the way is an answer. */
  request(nexus: string, operation: Operation, signal: AbortSignal): Promise<Exchange> {
    if (signal.aborted) return Promise.resolve({ kind: 'timeout' });
    if (this.#closed || this.#waiting.size >= MAX_WAITING) {
      return Promise.resolve({ kind: 'path-lost' });
    }
    const id = this.#nextId;
    this.#nextId += 1;
    const request: Request = { id, lun: this.#options.lun, nexus, operation };
    return new Promise((resolve) => {
      const settle = (exchange: Exchange) => {
        signal.removeEventListener('abort', onAbort);
        this.#waiting.delete(id);
        resolve(exchange);
      };
      const onAbort = () => settle({ kind: 'timeout' });
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.set(id, settle);
      this.#open().write(encode(request));
    });
  }

  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
    this.#lose();
  }

  #open(): Socket {
    if (this.#socket !== null) return this.#socket;
    const lines = new Lines(4 * MAX_LINE_BYTES);
    const socket = connect(toSocket(this.#options.address));
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      const complete = lines.push(chunk);
      try {
        if (complete === null) throw new RangeError('a line without end');
        for (const line of complete) this.#receive(line);
      } catch {
        // Garbled: nothing more from this connection is believed, and every waiter is told.
        socket.destroy();
      }
    });
    // The 'close' event follows and does what is to be done.
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#lose();
    });
    return socket;
  }

  #receive(line: string): void {
    const { id, answer } = decodeResponse(line);
    this.#waiting.get(id)?.(answer);
  }

  #lose(): void {
    for (const settle of [...this.#waiting.values()]) settle({ kind: 'path-lost' });
  }
}
