/**
 * An emulated network segment: what a switch and the ARP caches are to real nodes. It listens on the
 * floating endpoints and forwards each connection to the node that announced the address last, and
 * cuts the connections of whoever announced it before, as they would be when an address moves.
 *
 * It decides nothing and protects nothing: like a switch, it believes the last word. That is what
 * makes it a fair test of what the cluster does.
 *
 * Protocol on the control socket: one JSON request a line, one JSON reply a line (`segment-client.ts`).
 */
import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { lines } from '../../system/lines.ts';
import type { SegmentReply, SegmentRequest } from '../../system/segment-client.ts';

export type FloatingEndpoint = {
  readonly address: string;
  readonly host: string;
  readonly port: number;
};

export type SegmentOptions = {
  readonly socketPath: string;
  readonly endpoints: readonly FloatingEndpoint[];
  readonly log: (line: string) => void;
};

type Holder = { readonly node: string; readonly target: string };

const LONGEST_REQUEST = 4_096;
const MOST_CONNECTIONS = 1_000;

export class Segment {
  readonly #options: SegmentOptions;
  readonly #servers: Server[] = [];
  readonly #holders = new Map<string, Holder>();
  readonly #sockets = new Map<string, Set<Socket>>();
  readonly #control = new Set<Socket>();

  constructor(options: SegmentOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { socketPath, endpoints } = this.#options;
    rmSync(socketPath, { force: true });
    const control = createServer((socket) => this.#serveControl(socket));
    await this.#listen(control, { path: socketPath });
    chmodSync(socketPath, 0o600);
    for (const { address, host, port } of endpoints) {
      await this.#listen(
        createServer((client) => this.#forward(address, client)),
        { host, port },
      );
    }
  }

  async stop(): Promise<void> {
    for (const { address } of this.#options.endpoints) this.#cut(address);
    for (const socket of this.#control) socket.destroy();
    const closed = this.#servers.splice(0).map(async (server) => {
      const ended = once(server, 'close');
      server.close();
      await ended;
    });
    await Promise.all(closed);
  }

  /** The node that has the address now, as the segment believes. */
  holder(address: string): Holder | null {
    return this.#holders.get(address) ?? null;
  }

  async #listen(server: Server, where: { path: string } | { host: string; port: number }) {
    server.maxConnections = MOST_CONNECTIONS;
    server.listen(where);
    await once(server, 'listening');
    this.#servers.push(server);
  }

  #serveControl(socket: Socket): void {
    this.#control.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#control.delete(socket));
    const serve = async () => {
      for await (const line of lines(socket, LONGEST_REQUEST)) {
        socket.write(`${JSON.stringify(this.#answer(parse(line)))}\n`);
      }
    };
    serve().catch(() => {
      // A client that went away in the middle of its request gets no answer.
      socket.destroy();
    });
  }

  #answer(request: SegmentRequest | null): SegmentReply {
    if (request === null) return { ok: false, reason: 'the request cannot be read' };
    const { address } = request;
    if (!this.#options.endpoints.some((endpoint) => endpoint.address === address)) {
      return { ok: false, reason: `no such address on this segment: ${address}` };
    }
    const before = this.#holders.get(address);
    if (request.kind === 'announce') {
      const { node, target } = request;
      if (before?.node !== node || before.target !== target) this.#cut(address);
      this.#holders.set(address, { node, target });
      this.#options.log(`${address} is at ${node} (${target})`);
    } else if (request.kind === 'withdraw' && before?.node === request.node) {
      this.#holders.delete(address);
      this.#cut(address);
      this.#options.log(`${address} was withdrawn by ${request.node}`);
    }
    const now = this.#holders.get(address);
    return { ok: true, node: now?.node ?? null, target: now?.target ?? null };
  }

  #forward(address: string, client: Socket): void {
    const holder = this.#holders.get(address);
    client.on('error', () => {});
    if (holder === undefined) {
      client.resetAndDestroy();
      return;
    }
    const at = holder.target.lastIndexOf(':');
    const host = holder.target.slice(0, at);
    const upstream = holder.target.startsWith('/')
      ? createConnection(holder.target)
      : createConnection({ host, port: Number(holder.target.slice(at + 1)) });
    upstream.on('error', () => client.resetAndDestroy());
    this.#remember(address, client);
    this.#remember(address, upstream);
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
    client.pipe(upstream).pipe(client);
  }

  #remember(address: string, socket: Socket): void {
    const sockets = this.#sockets.get(address) ?? new Set();
    this.#sockets.set(address, sockets.add(socket));
    socket.once('close', () => sockets.delete(socket));
  }

  #cut(address: string): void {
    for (const socket of this.#sockets.get(address) ?? []) socket.resetAndDestroy();
  }
}

function parse(line: string): SegmentRequest | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return null;
    const field = (name: string): unknown => Reflect.get(value, name);
    const texts = (...names: readonly string[]) =>
      names.every((name) => typeof field(name) === 'string');
    const valid =
      (field('kind') === 'announce' && texts('address', 'node', 'target')) ||
      (field('kind') === 'withdraw' && texts('address', 'node')) ||
      (field('kind') === 'who-has' && texts('address'));
    return valid ? (value as SegmentRequest) : null;
  } catch {
    // Not JSON: the reply says so.
    return null;
  }
}
