/**
 * The first frame of each connection, in both directions: who I am, in which cluster, on which
 * interconnect, in which life, and which protocol I speak. Noise has proven the key before; this
 * proves that the cable leads where the configuration says, and that both mean the same cluster.
 *
 * Both sides judge by the same rules, so both name the same fault.
 */
import { z } from 'zod';
import type { Interconnect, NodeId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { failure, type Result, success } from '../lib/result.ts';
import { encodeValue, unpack } from './codec.ts';
import { counter, name } from './schemas.ts';

/** Raised when old and new nodes can no longer understand each other's frames. */
export const PROTOCOL_VERSION = 1;

export type Hello = {
  readonly clusterId: string;
  readonly node: NodeId;
  readonly interconnect: Interconnect;
  readonly incarnation: number;
};

export type Refusal = { readonly code: ProblemCode; readonly detail: string };

/** Read before anything else of the frame, and never changed: another version must get so far. */
const versioned = z.object({ holdfast: counter });
const greeting = z.object({
  clusterId: name,
  node: name,
  interconnect: name,
  incarnation: counter,
});

export function encodeHello(hello: Hello): Uint8Array {
  return encodeValue({ holdfast: PROTOCOL_VERSION, ...hello });
}

/** `expected.node` is the member whose key the peer has proven to hold. */
export function judgeHello(
  frame: Uint8Array,
  expected: Omit<Hello, 'incarnation'>,
): Result<Hello, Refusal> {
  const unpacked = unpack(frame);
  if (!unpacked.ok) return unpacked;
  const version = versioned.safeParse(unpacked.value);
  if (!version.success) return refusal('FRAME_GARBLED', 'the first frame is no greeting');
  const spoken = version.data.holdfast;
  if (spoken !== PROTOCOL_VERSION) {
    return refusal('WRONG_VERSION', `it speaks ${spoken}, this node ${PROTOCOL_VERSION}`);
  }
  const parsed = greeting.safeParse(unpacked.value);
  if (!parsed.success) return refusal('FRAME_GARBLED', 'the greeting is not complete');
  const hello = parsed.data;
  if (hello.clusterId !== expected.clusterId) {
    return refusal('WRONG_CLUSTER', `it belongs to ${hello.clusterId}`);
  }
  if (hello.node !== expected.node) return refusal('WRONG_NODE', `it says it is ${hello.node}`);
  if (hello.interconnect !== expected.interconnect) {
    return refusal('WRONG_INTERCONNECT', `it says this is ${hello.interconnect}`);
  }
  return success(hello);
}

function refusal(
  code: ProblemCode,
  detail: string,
): { readonly ok: false; readonly error: Refusal } {
  return failure({ code, detail });
}
