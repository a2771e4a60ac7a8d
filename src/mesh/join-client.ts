/**
 * The new node's side of joining: dials the members that the token names with the key of the
 * invitation, one after the other over every interconnect, until one of them gives an answer that
 * another one would give, too.
 *
 * It keeps nothing and decides nothing; whoever asks again after a lost answer gets the same answer.
 */
import type { Connection } from '@libp2p/interface';
import { HoldfastError } from '../lib/error.ts';
import type { Interconnect, Millis, NodeId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { failure } from '../lib/result.ts';
import { abortConnection } from './abort-connection.ts';
import { type Address, parseAddress } from './address.ts';
import { Endpoint, isForeignKey } from './endpoint.ts';
import { FramedLane } from './framed-lane.ts';
import { PROTOCOL_VERSIONS, type VersionRange } from './hello.ts';
import type { Identity } from './identity.ts';
import {
  encodeWish,
  type JoinReply,
  type JoinWish,
  MAX_REPLY_BYTES,
  proofOf,
  readReply,
} from './join-protocol.ts';
import { bearerOf, type JoinToken, type TokenPeer } from './join-token.ts';

export type AskOptions = {
  readonly token: JoinToken;
  readonly node: NodeId;
  /** Of the node as a member; its private half stays here. */
  readonly identity: Identity;
  readonly addresses: Readonly<Record<Interconnect, string>>;
  /** Bound for one member on one interconnect. */
  readonly limitMs: Millis;
  readonly versions?: VersionRange;
  /** Told before each attempt: the member and the interconnect. */
  readonly asking?: (where: string) => void;
};

type Attempt = {
  readonly peer: TokenPeer;
  readonly over: Interconnect;
  readonly address: Address;
  readonly from: Address;
};

/** What became of one attempt: an answer, or why there was none. */
type Outcome =
  | { readonly kind: 'answered'; readonly reply: JoinReply }
  | { readonly kind: 'hung-up' | 'unreachable'; readonly why: string };

/** Another member, or the same one in a moment, may answer otherwise. */
const NOT_FINAL: readonly ProblemCode[] = ['NO_QUORUM', 'NOT_LEADER', 'TOO_MANY_UNCOMMITTED'];

/** The members' answer; INVITATION_NOT_OPEN or JOIN_UNREACHABLE where none gave one. */
export async function askToJoin(options: AskOptions): Promise<JoinReply> {
  const bearer = await bearerOf(options.token);
  const wish = await wishOf(options, bearer.peerId);
  let last: JoinReply | null = null;
  let hungUp = '';
  const tried: string[] = [];
  for (const attempt of attemptsOf(options)) {
    const where = `${attempt.peer.node} over ${attempt.over}`;
    options.asking?.(where);
    const outcome = await ask(attempt, bearer, wish, options);
    if (outcome.kind === 'answered') {
      last = outcome.reply;
      if (last.ok || !NOT_FINAL.includes(last.error.code)) return last;
    } else {
      if (outcome.kind === 'hung-up') hungUp ||= where;
      tried.push(`${where}: ${outcome.why}`);
    }
  }
  if (last !== null) return last;
  if (hungUp !== '') return failure({ code: 'INVITATION_NOT_OPEN', detail: hungUp });
  const detail = tried.length === 0 ? 'the token shares no interconnect' : tried.join('; ');
  return failure({ code: 'JOIN_UNREACHABLE', detail });
}

async function wishOf(options: AskOptions, invitation: string): Promise<JoinWish> {
  const { token, node, identity, addresses } = options;
  const claim = { clusterId: token.clusterId, node, peerId: identity.peerId, addresses };
  return { ...claim, proof: await proofOf({ ...claim, invitation }, identity) };
}

/** Every member over one interconnect before the next one. @throws HoldfastError ADDRESS_INVALID */
function attemptsOf({ token, addresses }: AskOptions): readonly Attempt[] {
  return Object.entries(addresses).flatMap(([over, own]) => {
    const from = parseAddress(own);
    return token.peers.flatMap((peer) => {
      const text = peer.addresses[over];
      return text === undefined ? [] : [{ peer, over, address: parseAddress(text), from }];
    });
  });
}

async function ask(
  { peer, over, address, from }: Attempt,
  bearer: Identity,
  wish: JoinWish,
  { limitMs, versions = PROTOCOL_VERSIONS }: AskOptions,
): Promise<Outcome> {
  // Asked before the dial, and again when Noise has proven who answers.
  let asked = 0;
  const endpoint = new Endpoint({
    identity: bearer,
    over,
    address: from,
    listens: false,
    connectTimeoutMs: limitMs,
    admits: (_peerId, direction) => {
      asked += 1;
      return direction === 'outbound';
    },
    onInbound: (connection) => abortConnection(connection, 'not expected'),
    onStream: (_kind, stream) => stream.abort(new Error('not expected')),
  });
  await endpoint.start();
  const signal = AbortSignal.timeout(limitMs);
  let connection: Connection | null = null;
  try {
    connection = await endpoint.dial(peer.peerId, address, signal);
    const stream = await endpoint.openJoin(connection, signal);
    const reply = await exchange(stream, encodeWish(wish, versions), signal);
    if (reply === null) return { kind: 'hung-up', why: 'it hung up without an answer' };
    return { kind: 'answered', reply: readReply(reply) };
  } catch (error) {
    if (isForeignKey(error)) return { kind: 'unreachable', why: 'another key answers there' };
    const why = error instanceof Error ? error.message : String(error);
    return { kind: asked > 1 && !signal.aborted ? 'hung-up' : 'unreachable', why };
  } finally {
    if (connection !== null) abortConnection(connection, 'asked');
    await endpoint.stop();
  }
}

/** Sends one frame and waits for one; null when the other side hung up first. */
async function exchange(
  stream: ConstructorParameters<typeof FramedLane>[0],
  frame: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | null>();
  const late = (): void => reject(new HoldfastError('REQUEST_TIMED_OUT'));
  signal.addEventListener('abort', late, { once: true });
  const lane = new FramedLane(stream, resolve, MAX_REPLY_BYTES);
  void lane.run().then(() => resolve(null));
  lane.send(frame);
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', late);
    lane.end();
  }
}
