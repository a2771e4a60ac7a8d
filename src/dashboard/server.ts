/**
 * The dashboard: a page on 127.0.0.1, and behind it the operator socket of this node. It is a process
 * of whoever calls it and has their rights; the daemon itself listens on no network.
 *
 * It passes `/v1/…` on, both ways and as it is, and knows nothing of the cluster.
 */
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { HoldfastError } from '../lib/error.ts';
import { assetAt } from './assets.ts';
import { Entrance } from './entrance.ts';

export type DashboardOptions = {
  /** Of the daemon. */
  readonly socketPath: string;
  /** 0: any free one. */
  readonly port: number;
  /** Goes to the daemon as the name of who orders. */
  readonly operator: string;
};

/** Nothing from elsewhere, no inline code, in nobody's frame. */
const HEADERS: OutgoingHttpHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};
const PASSED: readonly string[] = ['content-type', 'last-event-id', 'x-holdfast-reason'];
const MAX_CONNECTIONS = 64;

export class Dashboard {
  readonly #options: DashboardOptions;
  readonly #server: Server;
  #entrance: Entrance | null = null;

  constructor(options: DashboardOptions) {
    this.#options = options;
    this.#server = createServer((incoming, response) => this.#answer(incoming, response));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Resolves with the link for the browser. @throws {HoldfastError} PORT_IN_USE */
  async start(): Promise<string> {
    const { port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) =>
        reject(new HoldfastError('PORT_IN_USE', { port }, { cause })),
      );
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    this.#entrance = new Entrance((this.#server.address() as AddressInfo).port);
    return this.#entrance.link;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #answer(incoming: IncomingMessage, response: ServerResponse): void {
    const method = incoming.method ?? 'GET';
    const url = new URL(incoming.url ?? '/', 'http://127.0.0.1');
    const entry = this.#entrance?.judge(method, url, incoming.headers);
    if (entry === undefined || entry.kind === 'refused') {
      const why = entry?.why ?? 'token';
      sendProblem(response, 403, new HoldfastError('DASHBOARD_LINK', { why }));
    } else if (entry.kind === 'first') {
      response.writeHead(303, { ...HEADERS, 'set-cookie': entry.cookie, location: '/' }).end();
    } else if (url.pathname.startsWith('/v1/')) {
      this.#pass(incoming, response, `${url.pathname}${url.search}`);
    } else {
      sendAsset(response, method, url.pathname);
    }
  }

  #pass(incoming: IncomingMessage, response: ServerResponse, path: string): void {
    const { socketPath, operator } = this.#options;
    const named = PASSED.flatMap((name) => {
      const value = incoming.headers[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    const headers = { ...Object.fromEntries(named), 'x-holdfast-operator': operator };
    const method = incoming.method ?? 'GET';
    const outgoing = request({ socketPath, method, path, headers, agent: false }, (answer) => {
      const type = answer.headers['content-type'] ?? 'application/json';
      response.writeHead(answer.statusCode ?? 502, { ...HEADERS, 'content-type': type });
      answer.pipe(response);
    });
    outgoing.on('error', (cause) => {
      const detail = cause.message;
      const problem = new HoldfastError('DAEMON_UNREACHABLE', { socket: socketPath, detail });
      if (response.headersSent) response.destroy();
      else sendProblem(response, 502, problem);
    });
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }
}

function sendAsset(response: ServerResponse, method: string, path: string): void {
  const asset = method === 'GET' ? assetAt(path) : null;
  if (asset === null) {
    sendProblem(response, 404, new HoldfastError('UNKNOWN_ROUTE', { method, path }));
    return;
  }
  response.writeHead(200, { ...HEADERS, 'content-type': asset.type }).end(asset.body);
}

function sendProblem(response: ServerResponse, status: number, error: HoldfastError): void {
  const body = JSON.stringify(error.toProblem());
  const type = 'application/problem+json; charset=utf-8';
  response.writeHead(status, { ...HEADERS, 'content-type': type }).end(body);
}
