/**
 * The ledger on a TCP port. It answers in the order of the requests of a connection. A failed
 * write is the end: no answer to anybody, `onFailure` is told, and the process is expected to end
 * with a status of its own.
 */

import { createServer, type Server, type Socket } from 'node:net';
import type { Ledger } from './ledger.ts';
import { Lines, type Owner, pageSize, parseRequest, type Reply, type Request } from './protocol.ts';

export type LedgerServerOptions = {
  readonly ledger: Ledger;
  readonly owner: Owner;
  readonly host: string;
  readonly port: number;
  readonly onFailure: (error: unknown) => void;
};

export class LedgerServer {
  readonly #options: LedgerServerOptions;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(options: LedgerServerOptions) {
    this.#options = options;
  }

  /** Resolves with the port once connections are accepted. */
  start(): Promise<number> {
    const { host, port } = this.#options;
    const server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {}); // A client that went away is not our failure.
    let last: Promise<void> = Promise.resolve();
    const lines = new Lines((line) => {
      const request = parseRequest(line);
      const reply: Promise<Reply> =
        request === undefined
          ? Promise.resolve({ ok: false, code: 'BAD_REQUEST', detail: line.slice(0, 100) })
          : this.#answer(request);
      last = Promise.all([reply, last]).then(
        ([answer]) => void socket.write(`${JSON.stringify(answer)}\n`),
        (error) => {
          socket.destroy();
          this.#options.onFailure(error);
        },
      );
    });
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      if (!lines.push(chunk)) socket.destroy();
    });
  }

  async #answer(request: Request): Promise<Reply> {
    const { ledger, owner } = this.#options;
    switch (request.op) {
      case 'append': {
        const { client, seq, payload } = request;
        const before = ledger.find({ client, seq });
        if (before !== undefined && before.payload !== payload) {
          return { ok: false, code: 'PAYLOAD_DIFFERS', detail: `${client} ${seq}` };
        }
        await ledger.append({ client, seq, payload, node: owner.node, epoch: owner.epoch });
        return { ok: true, op: 'append', client, seq, node: owner.node, epoch: owner.epoch };
      }
      case 'list':
        return {
          ok: true,
          op: 'list',
          ...ledger.page(request.from ?? 0, request.limit ?? pageSize),
        };
      case 'count':
        return { ok: true, op: 'count', count: ledger.count };
      case 'who':
        return { ok: true, op: 'who', ...owner };
    }
  }
}
