/**
 * The first frame of each connection, in both directions: who I am, in which cluster, on which
 * interconnect, in which life, and which protocols I understand. Noise has proven the key before; this
 * proves that the cable leads where the configuration says, and that both mean the same cluster.
 *
 * Both sides judge by the same rules, so both name the same fault. Whoever was removed from the
 * cluster hears that in place of a greeting, and nothing else.
 */
import { z } from 'zod';
import type { Interconnect, Millis, NodeId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { failure, type Result, success } from '../lib/result.ts';
import { encodeValue, unpack } from './codec.ts';
import { counter, millis, name } from './schemas.ts';

/**
 * The protocols of the frames that a node understands, both ends included. Two nodes speak the newest
 * one that both understand, so a release that raises `newest` can be brought in node by node, and
 * `oldest` is raised only when the last release that needs it is gone.
 */
export type VersionRange = { readonly oldest: number; readonly newest: number };

export const PROTOCOL_VERSIONS: VersionRange = { oldest: 1, newest: 1 };

export type Hello = {
  readonly clusterId: string;
  readonly node: NodeId;
  readonly interconnect: Interconnect;
  readonly incarnation: number;
  /**
   * How long an owner serves without word from the leader. The next owner waits for the lease of *its*
   * leader's file, so files that differ here could give two owners of one address. Missing: not told.
   */
  readonly leaseMs?: Millis;
};

/** `version`: what both sides speak from now on. */
export type Greeted = Hello & { readonly version: number };

export type Refusal = { readonly code: ProblemCode; readonly detail: string };

/**
 * Read before anything else of the frame, and never changed: another version must get so far.
 * `holdfast` is the newest version, as in the first release, which had no `since` and knew one only.
 */
const versioned = z.object({ holdfast: counter, since: counter.optional() });
const greeting = z.object({
  clusterId: name,
  node: name,
  interconnect: name,
  incarnation: counter,
  leaseMs: millis.optional(),
});
const farewell = z.object({ removed: z.literal(true) });

export function encodeHello(hello: Hello, versions: VersionRange = PROTOCOL_VERSIONS): Uint8Array {
  return encodeValue({ holdfast: versions.newest, since: versions.oldest, ...hello });
}

/** What a removed node hears, whatever its version. */
export function encodeFarewell(versions: VersionRange = PROTOCOL_VERSIONS): Uint8Array {
  return encodeValue({ holdfast: versions.newest, since: versions.oldest, removed: true });
}

/** `expected.node` is the member whose key the peer has proven to hold. */
export function judgeHello(
  frame: Uint8Array,
  expected: Omit<Hello, 'incarnation'>,
  versions: VersionRange = PROTOCOL_VERSIONS,
): Result<Greeted, Refusal> {
  const unpacked = unpack(frame);
  if (!unpacked.ok) return unpacked;
  const spoken = versioned.safeParse(unpacked.value);
  if (!spoken.success) return refusal('FRAME_GARBLED', 'the first frame is no greeting');
  if (farewell.safeParse(unpacked.value).success) {
    return refusal('REMOVED', `${expected.node} says that this node was removed`);
  }
  const { holdfast: newest, since: oldest = newest } = spoken.data;
  const version = commonVersion({ oldest, newest }, versions);
  if (!version.ok) return version;
  const parsed = greeting.safeParse(unpacked.value);
  if (!parsed.success) return refusal('FRAME_GARBLED', 'the greeting is not complete');
  const { leaseMs, ...hello } = parsed.data;
  if (hello.clusterId !== expected.clusterId) {
    return refusal('WRONG_CLUSTER', `it belongs to ${hello.clusterId}`);
  }
  if (hello.node !== expected.node) return refusal('WRONG_NODE', `it says it is ${hello.node}`);
  if (hello.interconnect !== expected.interconnect) {
    return refusal('WRONG_INTERCONNECT', `it says this is ${hello.interconnect}`);
  }
  const ours = expected.leaseMs;
  if (leaseMs !== undefined && ours !== undefined && leaseMs !== ours) {
    return refusal('LEASE_DIFFERS', `its lease is ${leaseMs} ms, here it is ${ours} ms`);
  }
  return success({ ...hello, version: version.value });
}

/** The newest version that both understand, or WRONG_VERSION with both ranges. */
export function commonVersion(theirs: VersionRange, ours: VersionRange): Result<number, Refusal> {
  const newest = Math.min(theirs.newest, ours.newest);
  if (newest >= Math.max(theirs.oldest, ours.oldest)) return success(newest);
  const detail = `it speaks ${rangeText(theirs)}, this node ${rangeText(ours)}`;
  return refusal('WRONG_VERSION', detail);
}

function rangeText({ oldest, newest }: VersionRange): string {
  return oldest === newest ? String(newest) : `${oldest} to ${newest}`;
}

function refusal(
  code: ProblemCode,
  detail: string,
): { readonly ok: false; readonly error: Refusal } {
  return failure({ code, detail });
}
