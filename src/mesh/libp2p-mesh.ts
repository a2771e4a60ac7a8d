/**
 * The mesh of production: an endpoint for each interconnect, a `PeerLink` for each pair of peer and
 * interconnect, and the router that decides what travels where. This file only connects them.
 */
import type { Connection, Stream } from '@libp2p/interface';
import type { Member } from '../cluster/definition.ts';
import type { ControlMessage } from '../failover/control.ts';
import { assert, known } from '../lib/assert.ts';
import type { Clock } from '../lib/clock.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Interconnect, Millis, NodeId } from '../lib/ids.ts';
import { failure } from '../lib/result.ts';
import type { Heartbeat } from '../membership/heartbeat.ts';
import type { RaftMessage } from '../raft/types.ts';
import { abortConnection } from './abort-connection.ts';
import { type Address, parseAddress, sourceAddress } from './address.ts';
import { type Carried, encodeHeartbeat, readHeartbeat } from './codec.ts';
import { Doorway, type JoinRequest } from './doorway.ts';
import { type Direction, Endpoint, isForeignKey } from './endpoint.ts';
import { MAX_HEARTBEAT_BYTES } from './heartbeat-lane.ts';
import {
  encodeHello,
  judgeHello,
  PROTOCOL_VERSIONS,
  type Refusal,
  type VersionRange,
} from './hello.ts';
import type { Identity } from './identity.ts';
import type { JoinReply } from './join-protocol.ts';
import type { StreamKind } from './link.ts';
import type { Guests, Mesh, MeshEvent } from './mesh.ts';
import { type LinkState, PeerLink } from './peer-link.ts';
import { RefusalLog } from './refusal-log.ts';
import { Router, type Traffic, type Transmission } from './router.ts';
import { type ProbeResult, probeTcp } from './tcp-probe.ts';

export type Libp2pMeshOptions = {
  readonly clusterId: string;
  /** This node: its name, its peer id, and for each interconnect the address to listen on. */
  readonly self: Member;
  /** Random at every start of a daemon. */
  readonly incarnation: number;
  readonly identity: Identity;
  /** In the order of preference; snapshots take the last live one. */
  readonly interconnects: readonly Interconnect[];
  /** No two attempts to reach a peer begin closer together, on one interconnect. */
  readonly redialMs: Millis;
  /** Bound for one attempt, from the first packet to the open link. */
  readonly connectTimeoutMs: Millis;
  readonly clock: Clock;
  /** Of this node's file: links to nodes with another one are refused. Missing: not compared. */
  readonly leaseMs?: Millis;
  /** Answers the bearer of an invitation; missing: nobody can join by this node. */
  readonly onJoin?: (request: JoinRequest) => Promise<JoinReply>;
  /** How long a guest may stay, its answer included. Missing: 15 s. */
  readonly guestLimitMs?: Millis;
  /** Missing: those of this release. Others only in tests, in place of another release. */
  readonly versions?: VersionRange;
};

/** Until a newcomer has its answer: the leader commits its admission meanwhile. */
const GUEST_LIMIT_MS: Millis = 15_000;

type Peer = { readonly member: Member; readonly links: ReadonlyMap<Interconnect, PeerLink> };

export class Libp2pMesh implements Mesh {
  readonly #options: Libp2pMeshOptions;
  readonly #router: Router;
  readonly #refusals = new RefusalLog();
  readonly #handlers: ((event: MeshEvent) => void)[] = [];
  readonly #endpoints = new Map<Interconnect, Endpoint>();
  readonly #peers = new Map<NodeId, Peer>();
  /** Peers that are being cut off; awaited by `stop`. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #doorway: Doorway;
  /** Copies of frames whose first copy is on its way. */
  #later: Transmission[] = [];
  #members: readonly Member[] = [];
  #state: 'new' | 'running' | 'stopped' = 'new';

  constructor(options: Libp2pMeshOptions) {
    this.#options = options;
    this.#router = new Router({
      self: options.self.node,
      incarnation: options.incarnation,
      interconnects: options.interconnects,
    });
    this.#doorway = new Doorway({
      clusterId: options.clusterId,
      versions: options.versions ?? PROTOCOL_VERSIONS,
      limitMs: options.guestLimitMs ?? GUEST_LIMIT_MS,
      answer: (request) =>
        options.onJoin?.(request) ??
        Promise.resolve(failure({ code: 'NOT_LEADER', detail: 'nobody can join here' })),
      refused: (peerId, refusal) => this.#refuse(peerId, refusal),
    });
  }

  /**
   * Listens on every interconnect, or on none.
   * @throws {HoldfastError} IDENTITY_MISMATCH, ADDRESS_INVALID, PORT_IN_USE, ADDRESS_NOT_LOCAL,
   *   LISTEN_FAILED
   */
  async start(): Promise<void> {
    assert(this.#state === 'new', 'a mesh is started once');
    const { self, identity, interconnects } = this.#options;
    if (identity.peerId !== self.peerId) {
      const context = { node: self.node, expected: self.peerId, found: identity.peerId };
      throw new HoldfastError('IDENTITY_MISMATCH', context);
    }
    for (const over of interconnects) this.#endpoints.set(over, this.#endpoint(over));
    try {
      for (const endpoint of this.#endpoints.values()) await endpoint.start();
    } catch (error) {
      await this.#stopEndpoints();
      throw error;
    }
    this.#state = 'running';
    this.admit(this.#members);
  }

  /** Frames that wait in a stream leave, within a second; then nothing is open any more. */
  async stop(): Promise<void> {
    this.#passLater();
    this.#state = 'stopped';
    this.#stopping.abort();
    this.#doorway.stop();
    const links = [...this.#peers.values()].flatMap(({ links }) => [...links.values()]);
    const loops = links.map((link) => link.stop());
    await this.#stopEndpoints();
    await Promise.all([...loops, ...this.#leaving]);
    this.#peers.clear();
  }

  sendRaft(message: RaftMessage): void {
    this.#send({ kind: 'raft', message });
  }

  sendControl(message: ControlMessage): void {
    this.#send({ kind: 'control', message });
  }

  sendHeartbeat(to: NodeId, over: Interconnect, heartbeat: Heartbeat): void {
    const link = this.#peers.get(to)?.links.get(over);
    if (link?.state !== 'open') return;
    const frame = encodeHeartbeat(heartbeat);
    if (frame.byteLength <= MAX_HEARTBEAT_BYTES) link.sendHeartbeat(frame);
    else this.#tooLarge(to, 'heartbeat', frame.byteLength);
  }

  reset(node: NodeId, over: Interconnect): void {
    this.#peers.get(node)?.links.get(over)?.reset();
  }

  /** `silent` also for a node that is no member and an interconnect that it does not have. */
  async probe(node: NodeId, over: Interconnect, signal: AbortSignal): Promise<ProbeResult> {
    const link = this.#peers.get(node)?.links.get(over);
    return link === undefined || this.#state !== 'running' ? 'silent' : link.probe(signal);
  }

  admit(members: readonly Member[], guests: Guests = { invited: [], removed: [] }): void {
    this.#members = members;
    this.#doorway.admit(guests);
    this.#router.admit([this.#options.self.node, ...members.map(({ node }) => node)]);
    if (this.#state !== 'running') return;
    const wanted = new Map(members.map((member) => [member.node, member]));
    wanted.delete(this.#options.self.node);
    for (const [node, peer] of this.#peers) {
      const member = wanted.get(node);
      if (member !== undefined && sameDoor(member, peer.member)) wanted.delete(node);
      else this.#dismiss(node, peer);
    }
    for (const member of wanted.values()) this.#welcome(member);
  }

  events(handler: (event: MeshEvent) => void): void {
    this.#handlers.push(handler);
  }

  /** Counters since the start, for metrics. */
  traffic(): Traffic {
    return this.#router.traffic();
  }

  #endpoint(over: Interconnect): Endpoint {
    const { identity, connectTimeoutMs } = this.#options;
    return new Endpoint({
      identity,
      over,
      address: this.#ownAddress(over),
      connectTimeoutMs,
      admits: (peerId, direction) => this.#admits(peerId, direction),
      onInbound: (connection) => this.#accept(over, connection),
      onStream: (kind, stream, connection) => this.#attach(over, kind, stream, connection),
      onJoin: (stream, connection) => void this.#doorway.join(over, stream, connection),
    });
  }

  #ownAddress(over: Interconnect): Address {
    const { self } = this.#options;
    const text = self.addresses[over];
    if (text !== undefined) return parseAddress(text);
    throw new HoldfastError('ADDRESS_INVALID', { node: self.node, interconnect: over });
  }

  #admits(peerId: string, direction: Direction): boolean {
    if (this.#peerOf(peerId) === null) {
      if (direction === 'inbound' && this.#doorway.isGuest(peerId)) return true;
      this.#refuse(peerId, { code: 'NOT_A_MEMBER', detail: 'not let in' });
      return false;
    }
    if (direction === 'outbound' || !this.#dials(peerId)) return true;
    this.#refuse(peerId, { code: 'WRONG_DIALLER', detail: 'this node dials' });
    return false;
  }

  #peerOf(peerId: string): Peer | null {
    for (const peer of this.#peers.values()) if (peer.member.peerId === peerId) return peer;
    return null;
  }

  #dials(peerId: string): boolean {
    return this.#options.self.peerId < peerId;
  }

  #accept(over: Interconnect, connection: Connection): void {
    const link = this.#peerOf(connection.remotePeer.toString())?.links.get(over);
    if (link !== undefined) link.accept(connection);
    // The membership may have changed since the gater was asked.
    else if (!this.#doorway.receive(connection)) abortConnection(connection, 'not a member');
  }

  #attach(over: Interconnect, kind: StreamKind, stream: Stream, connection: Connection): void {
    const link = this.#peerOf(connection.remotePeer.toString())?.links.get(over);
    if (link === undefined) this.#doorway.attach(kind, stream, connection);
    else link.attach(kind, stream, connection);
  }

  #welcome(member: Member): void {
    const links = new Map<Interconnect, PeerLink>();
    for (const over of this.#options.interconnects) {
      const address = this.#addressOf(member, over);
      if (address !== null) links.set(over, this.#peerLink(member, over, address));
    }
    this.#peers.set(member.node, { member, links });
    for (const link of links.values()) link.start();
  }

  /** A committed member list is a fact, even where it is wrong: it must not stop this node. */
  #addressOf(member: Member, over: Interconnect): Address | null {
    const text = member.addresses[over];
    if (text === undefined) return null;
    try {
      return parseAddress(text);
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      this.#refuse(member.node, { code: error.code, detail: `${over}: ${text}` });
      return null;
    }
  }

  #dismiss(node: NodeId, peer: Peer): void {
    this.#peers.delete(node);
    for (const [over, link] of peer.links) {
      const wasOpen = link.state === 'open';
      const leaving = link.cutOff().finally(() => this.#leaving.delete(leaving));
      this.#leaving.add(leaving);
      this.#router.linkChanged(node, over, false);
      if (wasOpen) this.#emit({ kind: 'link', node, over, state: 'closed' });
    }
  }

  #peerLink(member: Member, over: Interconnect, address: Address): PeerLink {
    const { clusterId, self, incarnation, clock, redialMs, connectTimeoutMs } = this.#options;
    const { versions = PROTOCOL_VERSIONS, leaseMs } = this.#options;
    const endpoint = known(this.#endpoints.get(over), `endpoint ${over}`);
    const node = member.node;
    const lease = leaseMs === undefined ? {} : { leaseMs };
    const here = { clusterId, interconnect: over, ...lease };
    return new PeerLink({
      clock,
      redialMs,
      connectTimeoutMs,
      dials: this.#dials(member.peerId),
      dial: (signal) =>
        endpoint.dial(member.peerId, address, signal).catch((error: unknown) => {
          const detail = `another key answers at ${address.host}:${address.port}`;
          if (isForeignKey(error)) this.#refuse(node, { code: 'NOT_A_MEMBER', detail });
          throw error;
        }),
      openStream: (connection, kind, signal) => endpoint.openStream(connection, kind, signal),
      probe: (signal) => this.#probe(address, over, signal),
      onState: (state) => this.#onState(node, over, state),
      link: {
        greeting: encodeHello({ ...here, node: self.node, incarnation }, versions),
        judge: (frame) => judgeHello(frame, { ...here, node }, versions),
        onFrame: (frame) => this.#onFrame(node, frame),
        onHeartbeat: (frame) => this.#onHeartbeat(node, over, frame),
        onRefusal: (refusal) => this.#refuse(node, refusal),
      },
    });
  }

  #probe(address: Address, over: Interconnect, signal: AbortSignal): Promise<ProbeResult> {
    return probeTcp({
      address,
      source: sourceAddress(this.#ownAddress(over)),
      timeoutMs: this.#options.connectTimeoutMs,
      signal: AbortSignal.any([signal, this.#stopping.signal]),
    });
  }

  #onState(node: NodeId, over: Interconnect, state: LinkState): void {
    this.#router.linkChanged(node, over, state === 'open');
    this.#emit({ kind: 'link', node, over, state });
  }

  #send(carried: Carried): void {
    const { to, kind } = carried.message;
    const { copies, tooLarge } = this.#router.send(carried);
    if (tooLarge !== null) this.#tooLarge(to, kind, tooLarge);
    this.#transmit(copies);
  }

  /**
   * One copy leaves at once. The others follow when this turn of the event loop is over and the first
   * copies to all peers, and the write to the disk, are on their way.
   */
  #transmit(copies: readonly Transmission[]): void {
    const first = copies.findIndex((copy) => this.#pass(copy));
    if (first === -1 || first === copies.length - 1) return;
    if (this.#later.length === 0) setImmediate(() => this.#passLater());
    this.#later.push(...copies.slice(first + 1));
  }

  #passLater(): void {
    for (const copy of this.#later.splice(0)) this.#pass(copy);
  }

  /** False: dropped. */
  #pass({ to, over, lane, frame }: Transmission): boolean {
    return this.#peers.get(to)?.links.get(over)?.send(lane, frame) ?? false;
  }

  #onFrame(peer: NodeId, frame: Uint8Array): Refusal | null {
    const routed = this.#router.receive(peer, frame);
    if (routed.kind === 'refused') return routed;
    if (routed.kind === 'ignored') this.#refuse(peer, routed);
    if (routed.kind === 'deliver') this.#emit(routed.carried);
    else if (routed.kind === 'forward') this.#transmit(routed.transmissions);
    return null;
  }

  #onHeartbeat(peer: NodeId, over: Interconnect, frame: Uint8Array): Refusal | null {
    const read = readHeartbeat(frame);
    if (!read.ok) return read.error;
    const heartbeat = read.value;
    if (heartbeat.from !== peer) {
      return { code: 'SENDER_FORGED', detail: `a heartbeat in the name of ${heartbeat.from}` };
    }
    this.#emit({ kind: 'heartbeat', over, heartbeat });
    return null;
  }

  #tooLarge(to: NodeId, kind: string, bytes: number): void {
    this.#refuse(to, { code: 'FRAME_TOO_LARGE', detail: `${kind} of ${bytes} bytes` });
  }

  #refuse(subject: string, refusal: Refusal): void {
    const { code, detail } = refusal;
    const told = this.#refusals.tell(code, subject, detail, this.#options.clock.now());
    if (told !== null) this.#emit({ kind: 'refusal', code, detail: told });
  }

  /** A handler that throws is a programmer's error: libp2p must not swallow it. */
  #emit(event: MeshEvent): void {
    if (this.#state !== 'running') return;
    for (const handler of this.#handlers) {
      try {
        handler(event);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  async #stopEndpoints(): Promise<void> {
    await Promise.all([...this.#endpoints.values()].map((endpoint) => endpoint.stop()));
  }
}

function sameDoor(one: Member, other: Member): boolean {
  const names = new Set([...Object.keys(one.addresses), ...Object.keys(other.addresses)]);
  const same = [...names].every((over) => one.addresses[over] === other.addresses[over]);
  return same && one.peerId === other.peerId;
}
