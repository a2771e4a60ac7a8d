/**
 * The token that lets one new node ask to join: one line that an operator carries from a member to the
 * new machine. It holds a one-time key whose public half is a committed invitation, where the members
 * are, and until when it is good; a member's own key has signed it.
 *
 * `hf1.` and base64url of msgpack `[payload, signer, signature]`; the payload is msgpack of `JoinToken`.
 * Whoever reads a token over somebody's shoulder can join in the other's place, once: it is a secret
 * until it is used. The signature does not make a cluster trustworthy (a stranger can sign for a
 * cluster of his own); it makes sure that what arrives is what a member wrote, and that the cluster
 * which answers holds that member's key.
 *
 * Every text that is not exactly what was made is refused: there is one spelling of each token.
 */
import { randomBytes } from 'node:crypto';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id';
import { z } from 'zod';
import { encode, tryDecode } from '../lib/codec.ts';
import type { Interconnect, Millis, NodeId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { failure, type Result, success } from '../lib/result.ts';
import type { Identity } from './identity.ts';
import { counter, name } from './schemas.ts';

const PREFIX = 'hf';
/** Raised when a token cannot be read by an older `holdfast join` any more. */
export const TOKEN_VERSION = 1;
/** Of the text: a token that says where a hundred members are is still below it. */
const MAX_TOKEN_LENGTH = 65_536;
const SEED_BYTES = 32;
const SIGNED = 'holdfast join token 1';

export type TokenPeer = {
  readonly node: NodeId;
  readonly peerId: string;
  readonly addresses: Readonly<Record<Interconnect, string>>;
};

export type JoinToken = {
  readonly clusterId: string;
  /** Of the one-time Ed25519 key, 32 bytes. Nobody keeps a copy. */
  readonly seed: Uint8Array;
  /** The only name that the invitation is good for; null: any. */
  readonly node: NodeId | null;
  readonly role: 'voter' | 'learner';
  /** Wall clock, milliseconds since 1970. The leader's clock decides; this one is for a better word. */
  readonly expiresAtMs: Millis;
  readonly peers: readonly TokenPeer[];
};

export type TokenFault = { readonly code: ProblemCode; readonly detail: string };

const peer = z.strictObject({ node: name, peerId: name, addresses: z.record(name, name) });
const payloadSchema: z.ZodType<JoinToken> = z.strictObject({
  clusterId: name,
  seed: z.instanceof(Uint8Array).refine(({ byteLength }) => byteLength === SEED_BYTES),
  node: name.nullable(),
  role: z.enum(['voter', 'learner']),
  expiresAtMs: counter,
  peers: z.array(peer).min(1).max(1024),
});
const envelopeSchema = z.tuple([z.instanceof(Uint8Array), name, z.instanceof(Uint8Array)]);

/** A new one-time key: its seed for the token, its peer id for the invitation. */
export async function oneTimeKey(): Promise<{
  readonly seed: Uint8Array;
  readonly peerId: string;
}> {
  const seed = new Uint8Array(randomBytes(SEED_BYTES));
  return { seed, peerId: (await bearerOf({ seed })).peerId };
}

/** The key of a token as the identity that its bearer dials with. */
export async function bearerOf({ seed }: Pick<JoinToken, 'seed'>): Promise<Identity> {
  const privateKey = await generateKeyPairFromSeed('Ed25519', seed);
  return { peerId: peerIdFromPrivateKey(privateKey).toString(), privateKey };
}

/** The text of a token, signed by a member that stands among its peers. */
export async function encodeToken(token: JoinToken, signer: Identity): Promise<string> {
  const payload = encode(token);
  const signature = await signer.privateKey.sign(signed(payload));
  const bytes = encode([payload, signer.peerId, signature]);
  return `${PREFIX}${TOKEN_VERSION}.${Buffer.from(bytes).toString('base64url')}`;
}

/**
 * What a text says, or why it is no good: TOKEN_GARBLED, TOKEN_VERSION_UNKNOWN, TOKEN_NOT_SIGNED,
 * TOKEN_EXPIRED. `wallMs`: milliseconds since 1970. Never throws.
 */
export async function readToken(
  text: string,
  wallMs: Millis,
): Promise<Result<JoinToken, TokenFault>> {
  const opened = open(text.trim());
  if (!opened.ok) return opened;
  const [payload, signer, signature] = opened.value;
  const token = payloadOf(payload);
  if (token === null) return fault('TOKEN_GARBLED', 'what it says is not complete');
  if (!token.peers.some(({ peerId }) => peerId === signer)) {
    return fault('TOKEN_NOT_SIGNED', `${signer} is none of the members that it names`);
  }
  if (!(await verified(signer, payload, signature))) {
    return fault('TOKEN_NOT_SIGNED', `the signature is not that of ${signer}`);
  }
  if (token.expiresAtMs <= wallMs) {
    const expired = new Date(token.expiresAtMs).toISOString();
    return fault('TOKEN_EXPIRED', `it was good until ${expired} by the clock of this machine`);
  }
  return success(token);
}

type Envelope = z.output<typeof envelopeSchema>;

function open(text: string): Result<Envelope, TokenFault> {
  if (text.length > MAX_TOKEN_LENGTH) return fault('TOKEN_GARBLED', 'it is too long');
  const [, version, body] = /^hf(\d{1,6})\.(.*)$/s.exec(text) ?? [];
  if (version === undefined || body === undefined) {
    return fault('TOKEN_GARBLED', `it does not begin with ${PREFIX}${TOKEN_VERSION}.`);
  }
  if (version !== String(TOKEN_VERSION)) {
    const detail = `it is of version ${version}, this program reads ${TOKEN_VERSION}`;
    return fault('TOKEN_VERSION_UNKNOWN', detail);
  }
  const bytes = new Uint8Array(Buffer.from(body, 'base64url'));
  if (Buffer.from(bytes).toString('base64url') !== body) {
    return fault('TOKEN_GARBLED', 'characters are missing, added or changed');
  }
  const decoded = tryDecode(bytes);
  const envelope = decoded.ok ? envelopeSchema.safeParse(decoded.value) : null;
  if (envelope?.success !== true) {
    return fault('TOKEN_GARBLED', 'characters are missing, added or changed');
  }
  // msgpack can say one thing in several ways; only the one that `encodeToken` uses is a token.
  if (!equal(encode(envelope.data), bytes)) {
    return fault('TOKEN_GARBLED', 'it is not spelled as a member spells it');
  }
  return success(envelope.data);
}

function payloadOf(payload: Uint8Array): JoinToken | null {
  const decoded = tryDecode(payload);
  if (!decoded.ok) return null;
  const parsed = payloadSchema.safeParse(decoded.value);
  return parsed.success ? parsed.data : null;
}

async function verified(
  signer: string,
  payload: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  try {
    const { publicKey } = peerIdFromString(signer);
    return publicKey !== undefined && (await publicKey.verify(signed(payload), signature));
  } catch {
    // Not a peer id, or not a signature: nobody has signed.
    return false;
  }
}

/** With a name of its own in front, so that no other signature of a member can be passed off as one. */
function signed(payload: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${SIGNED}\0`), payload]);
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function fault(
  code: ProblemCode,
  detail: string,
): { readonly ok: false; readonly error: TokenFault } {
  return failure({ code, detail });
}
