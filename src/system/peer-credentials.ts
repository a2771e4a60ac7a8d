/**
 * Who is at the other end of a Unix socket, as the kernel noted it when the connection was made: no
 * word of the peer's own is needed, and none can change it.
 *
 * Reference: unix(7), SO_PEERCRED; socket(7), SO_PEERGROUPS (Linux 4.13).
 */
import type { Socket } from 'node:net';
import { HoldfastError } from '../lib/error.ts';
import { cLibrary, lastError } from './native.ts';

export type PeerCredentials = {
  readonly pid: number;
  readonly uid: number;
  /** The primary group and all others. */
  readonly groups: readonly number[];
};

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;
/** NGROUPS_MAX. */
const MAX_GROUPS = 65_536;
const INT_BYTES = 4;
const CREDENTIALS_BYTES = 3 * INT_BYTES;

/** @throws HoldfastError PEER_UNKNOWN, NATIVE_CALLS_UNAVAILABLE */
export function peerCredentials(socket: Socket): PeerCredentials {
  const fd = descriptorOf(socket);
  const credentials = option(fd, SO_PEERCRED, CREDENTIALS_BYTES);
  const groups = option(fd, SO_PEERGROUPS, MAX_GROUPS * INT_BYTES);
  const others = Array.from({ length: groups.length / INT_BYTES }, (_, i) =>
    groups.readUInt32LE(i * INT_BYTES),
  );
  return {
    pid: credentials.readInt32LE(0),
    uid: credentials.readUInt32LE(INT_BYTES),
    groups: [...new Set([credentials.readUInt32LE(2 * INT_BYTES), ...others])],
  };
}

/** libuv keeps the descriptor of a pipe; Node shows it on the handle only. */
function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown =
    typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : null;
  if (typeof fd === 'number' && fd >= 0) return fd;
  throw new HoldfastError('PEER_UNKNOWN', { detail: 'the connection is closed' });
}

function option(fd: number, name: number, bytes: number): Buffer {
  const value = Buffer.alloc(bytes);
  const length = Buffer.alloc(INT_BYTES);
  length.writeUInt32LE(bytes);
  const status = cLibrary().getsockopt(fd, SOL_SOCKET, name, value, length);
  if (status !== 0) throw new HoldfastError('PEER_UNKNOWN', { detail: lastError() });
  return value.subarray(0, length.readUInt32LE(0));
}
