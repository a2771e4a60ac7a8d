/**
 * Where those who are no members may stand: the bearer of an invitation, who may ask one thing on one
 * stream, and a removed node, which is told that it was removed and is not listened to. The gater
 * turns everybody else away before a byte is exchanged (P7).
 *
 * The fear: a token that got lost would let its finder into the frames of the cluster. So a guest's
 * connection has nothing to do with the links of members, lives for seconds, and ends with the first
 * stream that is not for guests.
 *
 * It does not know why somebody is invited or was removed: `guests` come from the committed state.
 */
import type { Connection, Stream } from '@libp2p/interface';
import * as lengthPrefixed from 'it-length-prefixed';
import type { Interconnect, Millis } from '../lib/ids.ts';
import { abortConnection } from './abort-connection.ts';
import { FramedLane } from './framed-lane.ts';
import { commonVersion, encodeFarewell, type Refusal, type VersionRange } from './hello.ts';
import {
  encodeReply,
  isProven,
  type JoinReply,
  type JoinWish,
  MAX_WISH_BYTES,
  readWish,
} from './join-protocol.ts';
import type { StreamKind } from './link.ts';
import type { Guests } from './mesh.ts';

export type JoinRequest = {
  /** Peer id of the invitation, proven by the connection. */
  readonly invitation: string;
  readonly over: Interconnect;
  /** Proven: whoever asks holds the key of `wish.peerId`. */
  readonly wish: JoinWish;
};

export type DoorwayOptions = {
  readonly clusterId: string;
  readonly versions: VersionRange;
  /** How long a guest may stay, from the connection to the last byte of the reply. */
  readonly limitMs: Millis;
  readonly answer: (request: JoinRequest) => Promise<JoinReply>;
  readonly refused: (peerId: string, refusal: Refusal) => void;
};

/** More, and the oldest goes: a guest with a thousand connections must not fill the memory. */
const MAX_GUESTS = 16;
/** How long a removed node has to read what it is told. */
const LAST_WORDS_MS: Millis = 500;

export class Doorway {
  readonly #options: DoorwayOptions;
  readonly #connections = new Map<Connection, NodeJS.Timeout>();
  /** Connections that have asked: a guest asks once. */
  readonly #asked = new WeakSet<Connection>();
  #invited: ReadonlySet<string> = new Set();
  #removed: ReadonlySet<string> = new Set();

  constructor(options: DoorwayOptions) {
    this.#options = options;
  }

  /** Whoever is no guest any more is cut off, but may still read an answer that is under way. */
  admit({ invited, removed }: Guests): void {
    this.#invited = new Set(invited);
    this.#removed = new Set(removed);
    for (const connection of this.#connections.keys()) {
      if (!this.isGuest(connection.remotePeer.toString()) && !this.#asked.has(connection)) {
        abortConnection(connection, 'no guest any more');
      }
    }
  }

  isGuest(peerId: string): boolean {
    return this.#invited.has(peerId) || this.#removed.has(peerId);
  }

  /** False: not a guest's connection. */
  receive(connection: Connection): boolean {
    if (!this.isGuest(connection.remotePeer.toString())) return false;
    const oldest = this.#connections.keys().next();
    if (this.#connections.size >= MAX_GUESTS && !oldest.done) {
      abortConnection(oldest.value, 'replaced');
    }
    this.#endWithin(connection, this.#options.limitMs);
    connection.addEventListener('close', () => this.#left(connection), { once: true });
    return true;
  }

  /** A stream of the members' protocols on a connection that is no member's. */
  attach(kind: StreamKind, stream: Stream, connection: Connection): void {
    const peerId = connection.remotePeer.toString();
    if (kind === 'raft' && this.#removed.has(peerId)) {
      this.#options.refused(peerId, { code: 'REMOVED', detail: 'knocked again' });
      this.#sayFarewell(stream, connection);
      return;
    }
    if (this.#invited.has(peerId)) {
      this.#options.refused(peerId, { code: 'INVITATION_ONLY', detail: `tried to speak ${kind}` });
    }
    abortConnection(connection, 'not a member');
  }

  /** A stream of the join protocol. Never rejects. */
  async join(over: Interconnect, stream: Stream, connection: Connection): Promise<void> {
    const invitation = connection.remotePeer.toString();
    if (!this.#invited.has(invitation) || this.#asked.has(connection)) {
      abortConnection(connection, 'not invited');
      return;
    }
    this.#asked.add(connection);
    let asked = false;
    const lane = new FramedLane(
      stream,
      (frame) => {
        if (asked) return;
        asked = true;
        void this.#reply(lane, frame, connection, over);
      },
      MAX_WISH_BYTES,
    );
    const { garbled } = await lane.run();
    if (garbled !== null) {
      this.#options.refused(invitation, { code: 'FRAME_GARBLED', detail: garbled });
    }
    await connection
      .close({ signal: AbortSignal.timeout(LAST_WORDS_MS) })
      .catch(() => abortConnection(connection, 'the join ended'));
  }

  stop(): void {
    for (const connection of this.#connections.keys()) abortConnection(connection, 'stopping');
  }

  async #reply(
    lane: FramedLane,
    frame: Uint8Array,
    connection: Connection,
    over: Interconnect,
  ): Promise<void> {
    const from = { invitation: connection.remotePeer.toString(), over };
    const reply = await this.#answer(frame, from);
    if (!reply.ok) this.#options.refused(from.invitation, reply.error);
    lane.send(encodeReply(reply, this.#options.versions));
    lane.end();
    this.#endWithin(connection, LAST_WORDS_MS);
  }

  async #answer(frame: Uint8Array, from: Omit<JoinRequest, 'wish'>): Promise<JoinReply> {
    const { answer, clusterId, versions } = this.#options;
    const read = readWish(frame);
    if (!read.ok) return read;
    const version = commonVersion(read.value.versions, versions);
    if (!version.ok) return version;
    const { wish } = read.value;
    if (wish === null) return refusal('FRAME_GARBLED', 'the wish to join is not complete');
    if (wish.clusterId !== clusterId) return refusal('WRONG_CLUSTER', `this is ${clusterId}`);
    if (!(await isProven(wish, from.invitation))) {
      return refusal('JOIN_PROOF_WRONG', `${wish.node} as ${wish.peerId}`);
    }
    return await answer({ ...from, wish });
  }

  /** It hangs up when it has read it; closing right behind the word would take it away again. */
  #sayFarewell(stream: Stream, connection: Connection): void {
    this.#endWithin(connection, LAST_WORDS_MS);
    try {
      stream.send(lengthPrefixed.encode.single(encodeFarewell(this.#options.versions)));
    } catch {
      // It has hung up already.
    }
  }

  #endWithin(connection: Connection, limitMs: Millis): void {
    if (connection.status !== 'open') return;
    clearTimeout(this.#connections.get(connection));
    const timer = setTimeout(() => abortConnection(connection, 'stayed too long'), limitMs);
    this.#connections.set(connection, timer);
  }

  #left(connection: Connection): void {
    clearTimeout(this.#connections.get(connection));
    this.#connections.delete(connection);
  }
}

function refusal(code: Refusal['code'], detail: string): JoinReply {
  return { ok: false, error: { code, detail } };
}
