/**
 * The daemon's own interface: HTTP and JSON on a Unix socket, server-sent events, `/metrics`. It
 * always answers, also without a majority, and says then that the answer is stale (P8).
 *
 * It is not on any network: what a remote operator wants goes through ssh. It decides nothing; each
 * request is checked, given to the daemon with a deadline, and its refusal becomes a problem
 * document (RFC 9457) with code, cause and remedy. fastify is here for its routing and its limits.
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import { HISTORY_LIMIT } from '../cluster/state.ts';
import { HoldfastError } from '../lib/error.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { readable } from '../observability/plain-data.ts';
import { type PeerCredentials, peerCredentials } from '../system/peer-credentials.ts';
import { type AccessRules, accessOf, OPEN, socketRights } from './access.ts';
import type { Daemon } from './api.ts';
import { authorOf } from './author.ts';
import { EventStream } from './event-stream.ts';
import { httpStatusOf } from './http-status.ts';
import { openApiDocument } from './openapi.ts';
import { type RawRequest, ROUTES, type Route } from './routes.ts';
import { listenOn } from './socket.ts';

export type OperatorServerOptions = {
  readonly daemon: Daemon;
  readonly socketPath: string;
  readonly version?: string;
  /** Who may ask and who may order; default: whoever can connect. */
  readonly access?: AccessRules;
  /** Told of what is our own mistake and not the client's. */
  readonly failed?: (error: unknown) => void;
  /** Longer than any bound of the daemon itself, so that its own refusal comes first. */
  readonly requestLimitMs?: number;
  readonly maxWatchers?: number;
  readonly maxWaitingEvents?: number;
};

export type OperatorServer = { start(): Promise<void>; stop(): Promise<void> };

const REQUEST_LIMIT_MS = 15_000;
const MAX_WATCHERS = 32;
const MAX_WAITING_EVENTS = 256;
const MAX_CONNECTIONS = 128;
const MAX_BODY_BYTES = 16_384;
/** How long a client may take to say what it wants. */
const RECEIVE_LIMIT_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;

export function createOperatorServer(options: OperatorServerOptions): OperatorServer {
  return new UnixSocketServer(options);
}

class UnixSocketServer implements OperatorServer {
  readonly #options: OperatorServerOptions;
  readonly #rules: AccessRules;
  readonly #streams = new Set<EventStream>();
  readonly #peers = new WeakMap<Socket, PeerCredentials>();
  #server: Server | null = null;
  #app: FastifyInstance | null = null;
  #unsubscribe: () => void = () => undefined;

  constructor(options: OperatorServerOptions) {
    this.#options = options;
    this.#rules = options.access ?? OPEN;
  }

  /** @throws {HoldfastError} SOCKET_IN_USE, NOT_A_SOCKET, SOCKET_UNUSABLE */
  async start(): Promise<void> {
    const { daemon, socketPath } = this.#options;
    const app = this.#build();
    await app.ready();
    const server = this.#server;
    if (server === null) throw new HoldfastError('INTERNAL', { detail: 'no server was built' });
    await listenOn(server, socketPath, socketRights(this.#rules));
    this.#app = app;
    this.#unsubscribe = daemon.subscribe((event) => {
      for (const stream of this.#streams) stream.send(event);
    });
  }

  /** Ends every connection; the socket is removed. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    for (const stream of this.#streams) stream.stop();
    const [app, server] = [this.#app, this.#server];
    this.#app = null;
    this.#server = null;
    if (app === null || server === null) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
    await app.close();
  }

  #build(): FastifyInstance {
    const app = Fastify({
      bodyLimit: MAX_BODY_BYTES,
      exposeHeadRoutes: false,
      // A path that cannot be decoded never comes to a route.
      frameworkErrors: (error, _request, reply) => this.#refuse(error, reply),
      routerOptions: { maxParamLength: 64 },
      serverFactory: (listener) => this.#listen(listener),
    });
    app.removeContentTypeParser('text/plain');
    app.addHook('onRequest', async ({ raw, method }) => this.#admit(raw.socket, method));
    for (const route of ROUTES) this.#add(app, route);
    const document = openApiDocument(this.#options.version ?? '0');
    app.get('/v1/openapi.json', async () => document);
    app.get('/metrics', async (_request, reply) => {
      const text = await this.#limited(this.#options.daemon.metrics());
      return reply.type('text/plain; version=0.0.4; charset=utf-8').send(text);
    });
    app.get('/v1/events', (request, reply) => this.#watch(reply, request.headers['last-event-id']));
    app.setNotFoundHandler(({ method, url }, reply) => {
      const path = url.split('?')[0] ?? url;
      const allowed = methodsOf(path);
      if (allowed.length > 0) reply.header('allow', allowed.join(', '));
      const code = allowed.length > 0 ? 'METHOD_NOT_ALLOWED' : 'UNKNOWN_ROUTE';
      sendProblem(reply, new HoldfastError(code, { method, path }));
    });
    app.setErrorHandler((error: FastifyError, _request, reply) => this.#refuse(error, reply));
    return app;
  }

  #listen(listener: RequestListener): Server {
    const server = createServer(
      {
        requestTimeout: RECEIVE_LIMIT_MS,
        headersTimeout: RECEIVE_LIMIT_MS,
        connectionsCheckingInterval: 1_000,
      },
      listener,
    );
    server.maxConnections = MAX_CONNECTIONS;
    server.on('clientError', (_error, socket) => {
      const problem = JSON.stringify(new HoldfastError('BAD_REQUEST').toProblem());
      const head = 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\n';
      const type = 'content-type: application/problem+json\r\n';
      const length = `content-length: ${Buffer.byteLength(problem)}\r\n\r\n`;
      if (socket.writable) socket.end(head + type + length + problem);
      else socket.destroy();
    });
    this.#server = server;
    return server;
  }

  #add(app: FastifyInstance, route: Route): void {
    app.route({
      method: route.method,
      url: route.path.replace(/\{(\w+)\}/g, ':$1'),
      handler: async (request) => {
        const raw: RawRequest = {
          params: request.params as Readonly<Record<string, string>>,
          query: request.query,
          body: request.body,
          by: authorOf(request.headers, this.#peerOf(request.raw.socket).uid),
        };
        return await this.#limited(route.run(this.#options.daemon, raw));
      },
    });
  }

  /** @throws {HoldfastError} NOT_PERMITTED, PEER_UNKNOWN */
  #admit(socket: Socket, method: string): void {
    const peer = this.#peerOf(socket);
    const access = accessOf(peer, this.#rules, process.getuid?.() ?? 0);
    if (access === 'admin' || (access === 'read-only' && method === 'GET')) return;
    throw new HoldfastError('NOT_PERMITTED', { uid: peer.uid, access, method });
  }

  /** Asked once for each connection: they cannot change. */
  #peerOf(socket: Socket): PeerCredentials {
    const known = this.#peers.get(socket);
    if (known !== undefined) return known;
    const peer = peerCredentials(socket);
    this.#peers.set(socket, peer);
    return peer;
  }

  #watch(reply: FastifyReply, header: string | readonly string[] | undefined): void {
    const lastIndex = header === undefined ? null : lastEventId(header);
    if (this.#streams.size >= (this.#options.maxWatchers ?? MAX_WATCHERS)) {
      throw new HoldfastError('TOO_MANY_WATCHERS', { watchers: this.#streams.size });
    }
    reply.hijack();
    const stream = new EventStream({
      response: reply.raw,
      maxWaiting: this.#options.maxWaitingEvents ?? MAX_WAITING_EVENTS,
      keepAliveMs: KEEP_ALIVE_MS,
    });
    this.#streams.add(stream);
    stream.start(() => this.#streams.delete(stream));
    if (lastIndex !== null) this.#resume(stream, lastIndex);
  }

  /** What happens meanwhile is held back, so that nothing is missed and nothing comes twice. */
  #resume(stream: EventStream, lastIndex: number): void {
    stream.hold();
    this.#limited(this.#options.daemon.history({ limit: HISTORY_LIMIT })).then(
      ({ data }) => {
        const reachesBack = data.length < HISTORY_LIMIT || (data[0]?.index ?? 0) <= lastIndex;
        stream.resume(lastIndex, data, reachesBack);
      },
      // The client comes again, as server-sent events are made.
      () => stream.stop(),
    );
  }

  async #limited<T>(work: Promise<T>): Promise<T> {
    const limitMs = this.#options.requestLimitMs ?? REQUEST_LIMIT_MS;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new HoldfastError('REQUEST_TIMED_OUT', { limitMs })),
        limitMs,
      );
    });
    try {
      return await Promise.race([work, limit]);
    } finally {
      clearTimeout(timer);
    }
  }

  #refuse(error: FastifyError | HoldfastError, reply: FastifyReply): void {
    if (error instanceof HoldfastError) {
      sendProblem(reply, error);
      return;
    }
    const code = codeOfFastify(error);
    if (code === 'INTERNAL') this.#options.failed?.(error);
    sendProblem(reply, new HoldfastError(code, { detail: error.message }));
  }
}

/** @throws {HoldfastError} BAD_REQUEST */
function lastEventId(header: string | readonly string[]): number {
  const index = typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : null;
  if (index !== null) return index;
  const issues = [{ at: 'header.last-event-id', expected: 'the index of an entry of the history' }];
  throw new HoldfastError('BAD_REQUEST', { issues });
}

/** Methods under which a path is answered; empty: there is no such path. */
function methodsOf(path: string): readonly string[] {
  const plain = ['/v1/events', '/metrics', '/v1/openapi.json'];
  if (plain.includes(path)) return ['GET'];
  return ROUTES.filter((route) => {
    const pattern = route.path.replace(/\{\w+\}/g, '[^/]+');
    return new RegExp(`^${pattern}$`).test(path);
  }).map((route) => route.method);
}

function codeOfFastify(error: FastifyError): ProblemCode {
  if (error.statusCode === 413) return 'BODY_TOO_LARGE';
  if (error.statusCode === 415) return 'UNSUPPORTED_MEDIA_TYPE';
  const ours = error.statusCode === undefined || error.statusCode >= 500;
  return ours ? 'INTERNAL' : 'BAD_REQUEST';
}

function sendProblem(reply: FastifyReply, error: HoldfastError): void {
  const status = httpStatusOf(error.code);
  const problem = error.toProblem();
  const standard = { type: 'about:blank', title: problem.code, status, detail: problem.cause };
  reply.code(status).type('application/problem+json; charset=utf-8');
  const text = (value: unknown): string => JSON.stringify(value, readable);
  reply.serializer(text).send({ ...problem, ...standard });
}
