/**
 * Frames between an emulated disk and its initiators: one JSON object a line, keys as hex strings
 * (a 64-bit key does not fit a JSON number), blocks in base64.
 *
 * What comes in is not trusted: a line that is too long or says something else is refused, and the
 * connection with it. Reference: none, this format is ours and of this version only.
 */
import { HoldfastError } from '../../../lib/error.ts';
import type {
  FenceCapabilities,
  PrCommand,
  PrReply,
  ReservationKey,
  ReservationType,
} from '../../fence-device.ts';

/** Bytes of one block of the emulated disk. */
export const BLOCK_BYTES = 4096;
/** A block in base64 and the words around it. */
export const MAX_LINE_BYTES = 16 * 1024;

export type Operation =
  | { readonly kind: 'reserve'; readonly command: PrCommand }
  | { readonly kind: 'identity' | 'capabilities' | 'flush' }
  | { readonly kind: 'read'; readonly block: number }
  | { readonly kind: 'write'; readonly block: number; readonly data: Buffer };

export type Request = {
  readonly id: number;
  readonly lun: string;
  readonly nexus: string;
  readonly operation: Operation;
};

/** `failed` is what an initiator's kernel would make an IO error of. */
export type Answer =
  | { readonly kind: 'reply'; readonly reply: PrReply }
  | { readonly kind: 'identity'; readonly identity: string }
  | { readonly kind: 'capabilities'; readonly capabilities: FenceCapabilities }
  | { readonly kind: 'data'; readonly data: Buffer }
  | { readonly kind: 'done' }
  | {
      readonly kind: 'failed';
      readonly reason:
        | 'reservation-conflict'
        | 'unit-attention'
        | 'aborted'
        | 'out-of-range'
        | 'no-such-lun'
        | 'not-supported'
        | 'busy';
    };

export type Response = { readonly id: number; readonly answer: Answer };

export function encode(frame: Request | Response): string {
  return `${JSON.stringify(frame, (_, value: unknown) => plain(value))}\n`;
}

/** @throws HoldfastError DISK_FRAME_GARBLED when the line is not a request of this version. */
export function decodeRequest(line: string): Request {
  const frame = object(parse(line));
  const operation = object(frame['operation']);
  return {
    id: integer(frame['id']),
    lun: text(frame['lun']),
    nexus: text(frame['nexus']),
    operation: decodeOperation(operation),
  };
}

/** @throws HoldfastError DISK_FRAME_GARBLED when the line is not a response of this version. */
export function decodeResponse(line: string): Response {
  const frame = object(parse(line));
  const answer = object(frame['answer']);
  const id = integer(frame['id']);
  switch (answer['kind']) {
    case 'reply':
      return { id, answer: { kind: 'reply', reply: decodeReply(object(answer['reply'])) } };
    case 'data':
      return { id, answer: { kind: 'data', data: Buffer.from(text(answer['data']), 'base64') } };
    case 'identity':
    case 'capabilities':
    case 'done':
    case 'failed':
      // The server is ours: what carries no key and no block is taken as it is.
      return { id, answer: answer as Answer };
    default:
      throw garbled(line);
  }
}

function decodeOperation(operation: Json): Operation {
  switch (operation['kind']) {
    case 'identity':
    case 'capabilities':
    case 'flush':
      return { kind: operation['kind'] };
    case 'read':
      return { kind: 'read', block: integer(operation['block']) };
    case 'write': {
      const data = Buffer.from(text(operation['data']), 'base64');
      if (data.length !== BLOCK_BYTES) throw garbled('a block of another size');
      return { kind: 'write', block: integer(operation['block']), data };
    }
    case 'reserve':
      return { kind: 'reserve', command: decodeCommand(object(operation['command'])) };
    default:
      throw garbled(String(operation['kind']));
  }
}

function decodeCommand(command: Json): PrCommand {
  const path = text(command['path']);
  const { kind } = command;
  switch (kind) {
    case 'read-keys':
    case 'read-reservation':
    case 'synchronize-cache':
    case 'logical-unit-reset':
    case 'test-unit-ready':
      return { kind, path };
    case 'register': {
      const aptpl = command['aptpl'] === true;
      return { kind, path, current: key(command['current']), key: key(command['key']), aptpl };
    }
    case 'reserve':
      return { kind, path, key: key(command['key']), type: type(command['type']) };
    case 'preempt':
    case 'preempt-and-abort':
      return {
        kind,
        path,
        key: key(command['key']),
        victim: key(command['victim']),
        type: type(command['type']),
      };
    default:
      throw garbled(String(kind));
  }
}

function decodeReply(reply: Json): PrReply {
  const path = text(reply['path']);
  switch (reply['kind']) {
    case 'keys': {
      const keys = Array.isArray(reply['keys']) ? reply['keys'].map(key) : [];
      return { kind: 'keys', path, generation: integer(reply['generation']), keys };
    }
    case 'reservation': {
      const holder = reply['holder'] === null ? null : key(reply['holder']);
      const held = reply['type'] === null ? null : type(reply['type']);
      const generation = integer(reply['generation']);
      return { kind: 'reservation', path, generation, holder, type: held };
    }
    case 'good':
    case 'reservation-conflict':
    case 'busy':
    case 'not-supported':
    case 'path-lost':
    case 'timeout':
      return { kind: reply['kind'], path };
    case 'unit-attention': {
      const code = reply['code'] === undefined ? {} : { code: text(reply['code']) };
      return { kind: 'unit-attention', path, ...code };
    }
    default:
      throw garbled(String(reply['kind']));
  }
}

type Json = Readonly<Record<string, unknown>>;

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  // JSON.stringify has called Buffer's toJSON already.
  const buffer = value as { readonly type?: unknown; readonly data?: unknown } | null;
  if (buffer !== null && typeof buffer === 'object' && buffer.type === 'Buffer') {
    return Buffer.from(buffer.data as number[]).toString('base64');
  }
  return value;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new HoldfastError('DISK_FRAME_GARBLED', { line: line.slice(0, 80) }, { cause });
  }
}

function object(value: unknown): Json {
  if (typeof value !== 'object' || value === null) throw garbled('no object');
  return value as Json;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw garbled('no text');
  return value;
}

function integer(value: unknown): number {
  if (!Number.isSafeInteger(value) || Number(value) < 0) throw garbled('no number');
  return Number(value);
}

function key(value: unknown): ReservationKey {
  if (typeof value !== 'string' || !/^0x[0-9a-f]{1,16}$/.test(value)) throw garbled('no key');
  return BigInt(value);
}

function type(value: unknown): ReservationType {
  const known = ([1, 3, 5, 6, 7, 8] as const).find((candidate) => candidate === value);
  if (known === undefined) throw garbled('no reservation type');
  return known;
}

function garbled(what: string): HoldfastError {
  return new HoldfastError('DISK_FRAME_GARBLED', { what: what.slice(0, 80) });
}
