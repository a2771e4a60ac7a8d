/**
 * An IP address with the length of its network's prefix, as it goes to the kernel and into packet
 * filter scripts. Text that is not an address ends here: nothing else of the host's configuration is
 * built out of unchecked words.
 */
import { BlockList, isIP } from 'node:net';
import { HoldfastError } from '../lib/error.ts';

export type Address = {
  readonly family: 4 | 6;
  /** Without the prefix, as it was written. */
  readonly text: string;
  /** 4 or 16 bytes, network order. */
  readonly bytes: Uint8Array;
  readonly prefix: number;
};

/**
 * Reads `192.0.2.9/24`, `2001:db8::9/64`, or a bare address, which is a host's (/32, /128).
 *
 * @throws HoldfastError FLOATING_ADDRESS_INVALID
 */
export function parseAddress(text: string): Address {
  const [host = '', length, ...rest] = text.split('/');
  const family = isIP(host);
  if ((family !== 4 && family !== 6) || rest.length > 0 || host.includes('%')) {
    throw new HoldfastError('FLOATING_ADDRESS_INVALID', { address: text });
  }
  const longest = family === 4 ? 32 : 128;
  const prefix = length === undefined ? longest : Number(length);
  if (length === '' || !Number.isInteger(prefix) || prefix < 1 || prefix > longest) {
    throw new HoldfastError('FLOATING_ADDRESS_INVALID', { address: text });
  }
  return { family, text: host, bytes: family === 4 ? bytesOf4(host) : bytesOf6(host), prefix };
}

const AF_INET = 2;
const AF_INET6 = 10;

/** As the kernel numbers it. Reference: linux/socket.h. */
export function familyNumber({ family }: Address): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/** Whether both stand for the same host, however they are written. */
export function sameAddress(one: Address, other: Address): boolean {
  const list = new BlockList();
  list.addAddress(one.text, one.family === 4 ? 'ipv4' : 'ipv6');
  return list.check(other.text, other.family === 4 ? 'ipv4' : 'ipv6');
}

function bytesOf4(host: string): Uint8Array {
  return Uint8Array.from(host.split('.'), Number);
}

/** RFC 4291 §2.2: eight groups, one run of zeros shortened, the last 32 bits perhaps dotted. */
function bytesOf6(host: string): Uint8Array {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(host);
  let text = host;
  if (dotted !== null) {
    const [a = 0, b = 0, c = 0, d = 0] = bytesOf4(dotted[2] ?? '');
    text = `${dotted[1]}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  }
  const [head = '', tail] = text.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const zeros = Array<string>(8 - front.length - back.length).fill('0');
  const bytes = new Uint8Array(16);
  [...front, ...zeros, ...back].forEach((group, i) => {
    const value = Number.parseInt(group, 16);
    bytes[2 * i] = value >> 8;
    bytes[2 * i + 1] = value & 0xff;
  });
  return bytes;
}
