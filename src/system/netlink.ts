/**
 * The wire form of route netlink: one request, its answer. Messages are little blocks of native
 * endianness, aligned to four bytes; attributes are length, type, value.
 *
 * Everything about addresses and devices goes through here and not through `ip`, because a request
 * takes 30 µs and a process start several milliseconds, many more on a loaded machine.
 *
 * Reference: netlink(7), rtnetlink(7), linux/netlink.h.
 */
import { getSystemErrorName } from 'node:util';
import { HoldfastError } from '../lib/error.ts';
import { cLibrary, lastError } from './native.ts';

const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const HEADER = 16;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
/** The kernel answers within `send`; this bounds a wait that should not happen. */
const ANSWER_TIMEOUT_S = 5;
const ANSWER_BYTES = 64 * 1024;
const MOST_ANSWERS = 10_000;

export const NLM_F_EXCL = 0x200;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_CREATE = 0x400;
export const NLM_F_DUMP = 0x300;

export type NetlinkRequest = {
  readonly type: number;
  readonly flags: number;
  /** The fixed header of the message's family, then attributes. */
  readonly body: Uint8Array;
};

export type NetlinkAnswer = {
  /** 0, or the kernel's refusal, such as `EEXIST`. */
  readonly refusal: string | null;
  /** Bodies of the messages that came back. */
  readonly messages: readonly Buffer[];
};

/**
 * Sends the request from this thread and waits for its answer. For what is done in microseconds.
 *
 * @throws HoldfastError NETWORK_CHANGE_REFUSED when netlink itself cannot be used.
 */
export function ask(request: NetlinkRequest): NetlinkAnswer {
  const fd = open();
  try {
    const message = encode(request);
    check(cLibrary().send(fd, message, message.length, 0), 'send');
    return receive(fd);
  } finally {
    cLibrary().close(fd);
  }
}

/**
 * The same from another thread: removing a device waits until the kernel has forgotten it (tens of
 * milliseconds), and the heartbeats must not wait too.
 *
 * @throws HoldfastError NETWORK_CHANGE_REFUSED when netlink itself cannot be used.
 */
export async function askAside(request: NetlinkRequest): Promise<NetlinkAnswer> {
  const fd = open();
  try {
    const message = encode(request);
    const sent = await new Promise<number>((resolve, reject) => {
      cLibrary().send.async(fd, message, message.length, 0, (error: unknown, count: number) =>
        error ? reject(error) : resolve(count),
      );
    });
    check(sent, 'send');
    return receive(fd);
  } finally {
    cLibrary().close(fd);
  }
}

/** One attribute, padded to four bytes. */
export function attribute(type: number, value: Uint8Array): Buffer {
  const length = 4 + value.length;
  const bytes = Buffer.alloc((length + 3) & ~3);
  bytes.writeUInt16LE(length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(value, 4);
  return bytes;
}

export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, 'utf8');
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

/** The attributes that follow a fixed header of `from` bytes; the last of a type wins. */
export function attributes(body: Buffer, from: number): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = from; at + 4 <= body.length; ) {
    const length = body.readUInt16LE(at);
    if (length < 4 || at + length > body.length) break;
    found.set(body.readUInt16LE(at + 2) & 0x3fff, body.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
  return found;
}

function open(): number {
  const libc = cLibrary();
  const fd = check(libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), 'socket');
  const timeout = Buffer.alloc(16);
  timeout.writeBigInt64LE(BigInt(ANSWER_TIMEOUT_S));
  libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length);
  return fd;
}

function encode({ type, flags, body }: NetlinkRequest): Buffer {
  const message = Buffer.alloc(HEADER + body.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(flags | NLM_F_REQUEST | NLM_F_ACK, 6);
  message.writeUInt32LE(1, 8);
  message.set(body, HEADER);
  return message;
}

function receive(fd: number): NetlinkAnswer {
  const messages: Buffer[] = [];
  for (let round = 0; round < MOST_ANSWERS; round += 1) {
    const chunk = Buffer.allocUnsafe(ANSWER_BYTES);
    const count = check(cLibrary().recv(fd, chunk, chunk.length, 0), 'recv');
    for (let at = 0; at + HEADER <= count; ) {
      const length = chunk.readUInt32LE(at);
      const type = chunk.readUInt16LE(at + 4);
      if (length < HEADER) break;
      const body = chunk.subarray(at + HEADER, at + length);
      if (type === NLMSG_DONE) return { refusal: null, messages };
      if (type === NLMSG_ERROR) return { refusal: refusal(body.readInt32LE(0)), messages };
      messages.push(body);
      at += (length + 3) & ~3;
    }
  }
  throw new HoldfastError('NETWORK_CHANGE_REFUSED', { reason: 'an answer without end' });
}

function refusal(negative: number): string | null {
  return negative === 0 ? null : getSystemErrorName(negative);
}

function check(result: number, call: string): number {
  if (result >= 0) return result;
  throw new HoldfastError('NETWORK_CHANGE_REFUSED', { call, reason: lastError() });
}
