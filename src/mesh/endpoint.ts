/**
 * One libp2p node for one interconnect: TCP, Noise, Yamux and nothing else. All endpoints of a
 * daemon share its key.
 *
 * Why one for each, where libp2p could listen on all addresses at once: the accepting side then
 * knows for certain which interconnect was reached; connections leave from the interconnect's own
 * address; and the dial queue, which merges concurrent dials to one peer into one connection, cannot
 * mix interconnects, nor can a black hole on one of them hold up the dials on another.
 *
 * It opens and gates connections. What is said on them is the business of `link.ts`.
 */
import { yamux } from '@chainsafe/libp2p-yamux';
import type { Connection, PeerId, Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { createLibp2p, type Libp2p } from 'libp2p';
import { known } from '../lib/assert.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Interconnect, Millis } from '../lib/ids.ts';
import { abortConnection } from './abort-connection.ts';
import { type Address, sourceAddress, toMultiaddr } from './address.ts';
import type { Identity } from './identity.ts';
import { JOIN_PROTOCOL } from './join-protocol.ts';
import { PROTOCOLS, type StreamKind } from './link.ts';
import { silentLogger } from './silent-logger.ts';
import { thriftyNoise } from './thrifty-noise.ts';

/** Several nodes may share one source address (NAT, tests), and all redial at once after a cut. */
const INBOUND_PER_SECOND = 200;
const PENDING_INBOUND = 256;
/** One for each protocol: the streams live as long as their connection. */
const STREAMS_PER_PROTOCOL = 1;
/**
 * Yamux' initial window, kept from growing: it is the most that one stream encrypts at a stretch,
 * about a millisecond of the event loop.
 */
const WINDOW_BYTES = 256 * 1024;

export type Direction = 'inbound' | 'outbound';

export type EndpointOptions = {
  readonly identity: Identity;
  readonly over: Interconnect;
  readonly address: Address;
  readonly connectTimeoutMs: Millis;
  /** Asked as soon as Noise has proven who the peer is, before it gets a byte in (P7). */
  readonly admits: (peerId: string, direction: Direction) => boolean;
  readonly onInbound: (connection: Connection) => void;
  readonly onStream: (kind: StreamKind, stream: Stream, connection: Connection) => void;
  /** Missing: nobody is let in to join here. */
  readonly onJoin?: (stream: Stream, connection: Connection) => void;
  /** Missing: true. Whoever asks to join only dials, from `address` if it is one of this machine. */
  readonly listens?: boolean;
};

export class Endpoint {
  readonly #options: EndpointOptions;
  #node: Libp2p | null = null;

  constructor(options: EndpointOptions) {
    this.#options = options;
  }

  /** @throws {HoldfastError} PORT_IN_USE, ADDRESS_NOT_LOCAL, LISTEN_FAILED */
  async start(): Promise<void> {
    const node = await createLibp2p({ start: false, ...this.#configuration() });
    for (const kind of Object.keys(PROTOCOLS) as StreamKind[]) {
      await node.handle(
        PROTOCOLS[kind],
        (stream, connection) => this.#options.onStream(kind, stream, connection),
        {
          maxInboundStreams: STREAMS_PER_PROTOCOL,
          maxOutboundStreams: STREAMS_PER_PROTOCOL,
        },
      );
    }
    const { onJoin } = this.#options;
    if (onJoin !== undefined) {
      await node.handle(JOIN_PROTOCOL, onJoin, { maxInboundStreams: STREAMS_PER_PROTOCOL });
    }
    node.addEventListener('connection:open', ({ detail }) => {
      if (detail.direction === 'inbound') this.#options.onInbound(detail);
    });
    try {
      await node.start();
    } catch (error) {
      throw this.#explain(error);
    }
    this.#node = node;
  }

  /** Connections are closed in order, within a second, else aborted. */
  async stop(): Promise<void> {
    await this.#node?.stop();
    this.#node = null;
  }

  /**
   * A new connection to this address, never an existing one. The caller has one dial to a peer in
   * flight at a time: libp2p would answer concurrent ones with one connection.
   */
  async dial(peerId: string, address: Address, signal: AbortSignal): Promise<Connection> {
    const node = known(this.#node, 'endpoint is started');
    const target = toMultiaddr(address).encapsulate(`/p2p/${peerId}`);
    const connection = await node.dial(target, { force: true, signal });
    const reached = connection.remoteAddr.toString();
    if (reached === target.toString() && connection.remotePeer.toString() === peerId) {
      return connection;
    }
    abortConnection(connection, 'reached another address');
    throw new HoldfastError('INTERNAL', { wanted: target.toString(), reached });
  }

  async openStream(connection: Connection, kind: StreamKind, signal: AbortSignal): Promise<Stream> {
    return connection.newStream(PROTOCOLS[kind], { signal });
  }

  async openJoin(connection: Connection, signal: AbortSignal): Promise<Stream> {
    return connection.newStream(JOIN_PROTOCOL, { signal });
  }

  #configuration() {
    const { identity, address, connectTimeoutMs, listens = true } = this.#options;
    // Spread into net.connect by the transport, whose type names only some of its options.
    const dialOpts = { noDelay: true, ...sourceAddress(address) };
    return {
      privateKey: identity.privateKey,
      logger: silentLogger,
      addresses: { listen: listens ? [toMultiaddr(address).toString()] : [] },
      transports: [tcp({ dialOpts })],
      connectionEncrypters: [thriftyNoise(WINDOW_BYTES)],
      streamMuxers: [
        yamux({
          enableKeepAlive: false,
          streamOptions: {
            initialStreamWindowSize: WINDOW_BYTES,
            maxStreamWindowSize: WINDOW_BYTES,
          },
        }),
      ],
      connectionGater: this.#gater(),
      connectionMonitor: { enabled: false },
      connectionManager: {
        inboundConnectionThreshold: INBOUND_PER_SECOND,
        maxIncomingPendingConnections: PENDING_INBOUND,
        inboundUpgradeTimeout: connectTimeoutMs,
        inboundStreamProtocolNegotiationTimeout: connectTimeoutMs,
        outboundStreamProtocolNegotiationTimeout: connectTimeoutMs,
      },
    };
  }

  #gater() {
    const denies = (direction: Direction) => (peer: PeerId) =>
      !this.#options.admits(peer.toString(), direction);
    return {
      denyDialPeer: denies('outbound'),
      denyOutboundEncryptedConnection: denies('outbound'),
      denyInboundEncryptedConnection: denies('inbound'),
    };
  }

  /** libp2p folds the errors of its listeners into one text; the errno in it is Node's. */
  #explain(error: unknown): HoldfastError {
    const { over, address } = this.#options;
    const text = error instanceof Error ? error.message : String(error);
    const errno = /\bE[A-Z]{3,}\b/.exec(text)?.[0] ?? text;
    const context = { address: `${address.host}:${address.port}`, interconnect: over };
    if (errno === 'EADDRINUSE') return new HoldfastError('PORT_IN_USE', context, { cause: error });
    if (errno === 'EADDRNOTAVAIL' || errno === 'ENOTFOUND') {
      return new HoldfastError('ADDRESS_NOT_LOCAL', context, { cause: error });
    }
    return new HoldfastError('LISTEN_FAILED', { ...context, reason: errno }, { cause: error });
  }
}

/** Whether a dial failed because somebody else answered. Noise says so in words only. */
export function isForeignKey(error: unknown): boolean {
  return (
    error instanceof Error && error.message.includes('does not match expected remote identity')
  );
}
