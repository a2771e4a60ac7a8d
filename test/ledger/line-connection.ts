/**
 * One TCP connection to a ledger: one question at a time, every wait bounded, any failure final
 * for the connection. Reconnecting is the caller's decision.
 */

import { connect, type Socket } from 'node:net';
import { Lines, type Reply, type Request } from './protocol.ts';

export type Endpoint = { readonly host: string; readonly port: number };

/** Why no answer came: a code of the system (ECONNREFUSED, EHOSTUNREACH, …), or one of ours. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export class LineConnection {
  readonly #socket: Socket;
  #waiting: PromiseWithResolvers<Reply> | undefined;
  #failure: NoAnswer | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const lines = new Lines((line) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      try {
        waiting?.resolve(JSON.parse(line) as Reply);
      } catch {
        waiting?.reject(new NoAnswer('BAD_REPLY'));
      }
    });
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      if (!lines.push(chunk)) this.#fail('REPLY_TOO_LONG');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => this.#fail(error.code ?? 'ERROR'));
    socket.on('close', () => this.#fail('CLOSED'));
  }

  static open(endpoint: Endpoint, connectTimeoutMs: number): Promise<LineConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ ...endpoint, noDelay: true });
      const timer = setTimeout(() => failed('CONNECT_TIMEOUT'), connectTimeoutMs);
      const failed = (code: string): void => {
        clearTimeout(timer);
        socket.destroy();
        reject(new NoAnswer(code));
      };
      socket.once('error', (error: NodeJS.ErrnoException) => failed(error.code ?? 'ERROR'));
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.removeAllListeners('error');
        resolve(new LineConnection(socket));
      });
    });
  }

  /** @throws NoAnswer; the connection is then closed, since a late answer would be taken for the next one */
  async ask(request: Request, answerTimeoutMs: number): Promise<Reply> {
    if (this.#failure !== undefined) throw this.#failure;
    const waiting = Promise.withResolvers<Reply>();
    this.#waiting = waiting;
    const timer = setTimeout(() => this.#fail('ANSWER_TIMEOUT'), answerTimeoutMs);
    this.#socket.write(`${JSON.stringify(request)}\n`);
    try {
      return await waiting.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#fail('CLOSED');
  }

  #fail(code: string): void {
    this.#failure ??= new NoAnswer(code);
    this.#socket.destroy();
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }
}
