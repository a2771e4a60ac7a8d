/**
 * Messages to bytes and back: msgpack without records (so that one frame stands alone and a lost one
 * spoils nothing), and the schemas of `schemas.ts` on the way in. What cannot be read is a value,
 * `FRAME_GARBLED`, never a throw: the bytes come from outside.
 *
 * A frame of the raft and snapshot streams is `[kind, incarnation, sequence, message]`, with 2 added
 * to the kind by a relay; a heartbeat is the bare object. The streams put lengths in front.
 */
import { Packr } from 'msgpackr';
import type { ZodType } from 'zod';
import type { ControlMessage } from '../failover/control.ts';
import type { NodeId } from '../lib/ids.ts';
import { failure, type Result, success } from '../lib/result.ts';
import type { Heartbeat } from '../membership/heartbeat.ts';
import type { RaftMessage } from '../raft/types.ts';
import { quickRaftMessage } from './quick-schemas.ts';
import { controlMessage, heartbeat, raftMessage } from './schemas.ts';

/** The length that a peer announces is believed up to here; 1 MiB of entries must fit. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;

export type Garbled = { readonly code: 'FRAME_GARBLED'; readonly detail: string };

export type Carried =
  | { readonly kind: 'raft'; readonly message: RaftMessage }
  | { readonly kind: 'control'; readonly message: ControlMessage };

/** What the mesh must know of a frame before it spends time on the rest. */
export type Envelope = {
  readonly kind: Carried['kind'];
  /** Handed on by another member than the one that it names as its sender. */
  readonly relayed: boolean;
  readonly incarnation: number;
  readonly sequence: number;
  readonly from: NodeId;
  readonly to: NodeId;
  /** Not validated yet: `readCarried`. */
  readonly body: Readonly<Record<string, unknown>>;
};

const packr = new Packr({ useRecords: false, copyBuffers: true, int64AsType: 'bigint' });
const KINDS = ['raft', 'control'] as const;
/** Where a frame says that it was relayed: a bit of the small integer behind the array's header. */
const KIND_AT = 1;
const RELAYED = 2;

/** A copy of its own: msgpackr's result is a slice of a buffer that the next call goes on filling. */
function packed(value: unknown): Uint8Array {
  return new Uint8Array(packr.pack(value));
}

/** Any value of the msgpack kind; throws nothing. */
export function unpack(frame: Uint8Array): Result<unknown, Garbled> {
  // Not a Buffer: what is cut out of it would be Buffers, too, and no equal of what was sent.
  const plain = new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength);
  try {
    return success(packr.unpack(plain));
  } catch (error) {
    return garbled(error instanceof Error ? error.message : 'not msgpack');
  }
}

export function encodeValue(value: unknown): Uint8Array {
  return packed(value);
}

export function encodeFrame(
  carried: Carried,
  stamp: { readonly incarnation: number; readonly sequence: number },
): Uint8Array {
  const kind = KINDS.indexOf(carried.kind);
  return packed([kind, stamp.incarnation, stamp.sequence, carried.message]);
}

export function readEnvelope(frame: Uint8Array): Result<Envelope, Garbled> {
  const unpacked = unpack(frame);
  if (!unpacked.ok) return unpacked;
  const value = unpacked.value;
  if (!Array.isArray(value) || value.length !== 4) return garbled('not a frame');
  const [code, incarnation, sequence, body] = value as readonly unknown[];
  const kind = typeof code === 'number' ? KINDS[code & ~RELAYED] : undefined;
  if (kind === undefined) return garbled('unknown kind of frame');
  const relayed = ((code as number) & RELAYED) !== 0;
  if (!isCounter(incarnation) || !isCounter(sequence)) return garbled('bad sequence');
  if (!isObject(body)) return garbled('no message');
  const { from, to } = body;
  if (typeof from !== 'string' || typeof to !== 'string') return garbled('no sender or receiver');
  return success({ kind, relayed, incarnation, sequence, from, to, body });
}

/** A copy of a frame of another member, as this node hands it on. */
export function markRelayed(frame: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(frame);
  copy[KIND_AT] = (copy[KIND_AT] ?? 0) | RELAYED;
  return copy;
}

/** Whether two frames are one and the same. */
function isCopy(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && Buffer.compare(one, other) === 0;
}

export function readCarried(envelope: Envelope): Result<Carried, Garbled> {
  if (envelope.kind === 'raft') {
    const quick = quickRaftMessage(envelope.body);
    if (quick !== null) return success({ kind: 'raft', message: quick });
    const message = parsed(raftMessage, envelope.body);
    return message.ok ? success({ kind: 'raft', message: message.value }) : message;
  }
  const message = parsed(controlMessage, envelope.body);
  return message.ok ? success({ kind: 'control', message: message.value }) : message;
}

/** One heartbeat goes to every peer over every interconnect: it is packed once. */
let lastBeat: { readonly beat: Heartbeat; readonly bytes: Uint8Array } | null = null;

export function encodeHeartbeat(beat: Heartbeat): Uint8Array {
  if (lastBeat?.beat !== beat) lastBeat = { beat, bytes: packed(beat) };
  return lastBeat.bytes;
}

export function readHeartbeat(frame: Uint8Array): Result<Heartbeat, Garbled> {
  const unpacked = unpack(frame);
  return unpacked.ok ? parsed(heartbeat, unpacked.value) : unpacked;
}

/** How frames are made and read; a simulation whose members trust each other has another way. */
export type FrameCodec = {
  readonly encodeFrame: typeof encodeFrame;
  readonly readEnvelope: typeof readEnvelope;
  readonly readCarried: typeof readCarried;
  readonly markRelayed: typeof markRelayed;
  readonly isCopy: typeof isCopy;
  readonly encodeHeartbeat: typeof encodeHeartbeat;
  readonly readHeartbeat: typeof readHeartbeat;
};

export const MSGPACK: FrameCodec = {
  encodeFrame,
  readEnvelope,
  readCarried,
  markRelayed,
  isCopy,
  encodeHeartbeat,
  readHeartbeat,
};

function parsed<T>(schema: ZodType<T>, value: unknown): Result<T, Garbled> {
  const result = schema.safeParse(value);
  if (result.success) return success(result.data);
  const issue = result.error.issues[0];
  return garbled(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'wrong shape'}`);
}

function garbled(detail: string): { readonly ok: false; readonly error: Garbled } {
  return failure({ code: 'FRAME_GARBLED', detail });
}

function isCounter(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
