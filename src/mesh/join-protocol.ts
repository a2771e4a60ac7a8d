/**
 * What a new node and a member say to each other: one wish, one reply, on a stream of its own that is
 * the only one open to the key of an invitation. Length-prefixed msgpack, checked field by field.
 *
 * The wish is proven: the node's own key signs it, so that whoever holds an invitation can bring in
 * only a key that is its own, and not somebody else's.
 *
 * Who is admitted is decided by the members (`node/join-desk.ts`); nothing here knows the cluster.
 */
import { peerIdFromString } from '@libp2p/peer-id';
import { z } from 'zod';
import type { Member } from '../cluster/definition.ts';
import type { Profile, Times } from '../config/types.ts';
import { isProblemCode } from '../lib/error.ts';
import type { Interconnect, NodeId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { failure, type Result, success } from '../lib/result.ts';
import { encodeValue, type Garbled, unpack } from './codec.ts';
import { PROTOCOL_VERSIONS, type VersionRange } from './hello.ts';
import type { Identity } from './identity.ts';
import { counter, millis, name } from './schemas.ts';

export const JOIN_PROTOCOL = '/holdfast/join/1';
export const MAX_WISH_BYTES = 32_768;
export const MAX_REPLY_BYTES = 1_048_576;

export type JoinWish = {
  readonly clusterId: string;
  readonly node: NodeId;
  /** Of the key that the node will have as a member. */
  readonly peerId: string;
  readonly addresses: Readonly<Record<Interconnect, string>>;
  /** Signature of that key, see `proofOf`. */
  readonly proof: Uint8Array;
};

/** What has to be equal on all nodes, and where the new one begins. */
export type JoinGrant = {
  readonly clusterId: string;
  readonly node: NodeId;
  readonly number: number;
  readonly profile: Profile;
  readonly times: Times;
  readonly interconnects: readonly Interconnect[];
  /** All members, the new one among them. */
  readonly members: readonly Member[];
};

export type JoinRefusal = { readonly code: ProblemCode; readonly detail: string };
export type JoinReply = Result<JoinGrant, JoinRefusal>;

const versions = z.object({ holdfast: counter, since: counter.optional() });
const addresses = z.record(name, name);
const wishSchema = z.object({
  clusterId: name,
  node: name,
  peerId: name,
  addresses,
  proof: z.instanceof(Uint8Array),
});
const timesSchema: z.ZodType<Times> = z.object({
  heartbeatMs: millis,
  detectionMs: millis,
  electionTimeoutMs: millis,
  electionGapMs: millis,
  checkQuorumMs: millis,
  leaseMs: millis,
  leaseRenewMs: millis,
  teardownMs: millis,
  quorumLossGraceMs: millis,
  defendIntervalMs: millis,
  fitnessIntervalMs: millis,
  clockDrift: millis,
});
const member: z.ZodType<Member> = z.object({
  node: name,
  number: z.number().int().min(1).max(65_535),
  peerId: name,
  addresses,
});
const replySchema = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    grant: z.object({
      clusterId: name,
      node: name,
      number: counter,
      profile: z.enum(['fast', 'safe']),
      times: timesSchema,
      interconnects: z.array(name).max(64),
      members: z.array(member).max(65_535),
    }),
  }),
  z.object({ ok: z.literal(false), code: name, detail: z.string().max(8192) }),
]);

export type VersionedWish = { readonly wish: JoinWish | null; readonly versions: VersionRange };

export function encodeWish(wish: JoinWish, range: VersionRange = PROTOCOL_VERSIONS): Uint8Array {
  return encodeValue({ holdfast: range.newest, since: range.oldest, ...wish });
}

/** The versions can always be read; `wish` is null where they are such that the rest may differ. */
export function readWish(frame: Uint8Array): Result<VersionedWish, Garbled> {
  const read = readVersions(frame);
  if (!read.ok) return read;
  const parsed = wishSchema.safeParse(read.value.value);
  return success({ wish: parsed.success ? parsed.data : null, versions: read.value.range });
}

export function encodeReply(reply: JoinReply, range: VersionRange = PROTOCOL_VERSIONS): Uint8Array {
  const said = { holdfast: range.newest, since: range.oldest };
  return encodeValue(
    reply.ok ? { ...said, ok: true, grant: reply.value } : { ...said, ok: false, ...reply.error },
  );
}

/** The member's own refusal, or FRAME_GARBLED where its reply cannot be read. */
export function readReply(frame: Uint8Array): JoinReply {
  const read = readVersions(frame);
  if (!read.ok) return read;
  const parsed = replySchema.safeParse(read.value.value);
  if (!parsed.success) return failure({ code: 'FRAME_GARBLED', detail: 'the reply is no reply' });
  if (parsed.data.ok) return success(parsed.data.grant);
  const { code, detail } = parsed.data;
  return failure(
    isProblemCode(code) ? { code, detail } : { code: 'JOIN_REFUSED', detail: `${code}: ${detail}` },
  );
}

function readVersions(
  frame: Uint8Array,
): Result<{ readonly value: unknown; readonly range: VersionRange }, Garbled> {
  const unpacked = unpack(frame);
  if (!unpacked.ok) return unpacked;
  const said = versions.safeParse(unpacked.value);
  if (!said.success) return failure({ code: 'FRAME_GARBLED', detail: 'it names no version' });
  const { holdfast: newest, since: oldest = newest } = said.data;
  return success({ value: unpacked.value, range: { oldest, newest } });
}

type Claim = Omit<JoinWish, 'proof'> & { readonly invitation: string };

/** The signature of `identity` under its wish to come in by this invitation. */
export async function proofOf(claim: Claim, identity: Identity): Promise<Uint8Array> {
  return await identity.privateKey.sign(claimed(claim));
}

export async function isProven(wish: JoinWish, invitation: string): Promise<boolean> {
  try {
    const { publicKey } = peerIdFromString(wish.peerId);
    if (publicKey?.type !== 'Ed25519') return false;
    return await publicKey.verify(claimed({ ...wish, invitation }), wish.proof);
  } catch {
    // Not a peer id, or not a signature: nothing is proven.
    return false;
  }
}

function claimed({ clusterId, invitation, node, peerId, addresses: at }: Claim): Uint8Array {
  const places = Object.entries(at).toSorted(([one], [other]) => (one < other ? -1 : 1));
  const said = ['holdfast join 1', clusterId, invitation, node, peerId, places];
  return Buffer.from(JSON.stringify(said));
}
