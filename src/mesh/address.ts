/**
 * `host:port`, the way a member's address is written, and what libp2p wants to hear. IPv6 literals
 * stand in brackets. Names are allowed and are looked up by the operating system at each dial; an
 * address is safer, since a look-up can hang in a thread that the log store needs.
 */
import { isIP } from 'node:net';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { HoldfastError } from '../lib/error.ts';

export type Address = {
  /** IPv4, IPv6 (without brackets) or a name. */
  readonly host: string;
  /** 1 … 65535: peers dial it, so it cannot be "any free one". */
  readonly port: number;
};

const FORM = /^(?:\[(?<six>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]/\s]+)):(?<port>[0-9]{1,5})$/;

/** @throws {HoldfastError} ADDRESS_INVALID */
export function parseAddress(text: string): Address {
  const groups = FORM.exec(text)?.groups;
  const host = groups?.['six'] ?? groups?.['host'] ?? '';
  const port = Number(groups?.['port'] ?? 0);
  const sixIsSix = groups?.['six'] === undefined || isIP(host) === 6;
  if (host === '' || port < 1 || port > 65535 || !sixIsSix) {
    throw new HoldfastError('ADDRESS_INVALID', { address: text });
  }
  return { host, port };
}

export function toMultiaddr(address: Address): Multiaddr {
  const family = isIP(address.host);
  const protocol = family === 4 ? 'ip4' : family === 6 ? 'ip6' : 'dns';
  return multiaddr(`/${protocol}/${address.host}/tcp/${address.port}`);
}

/**
 * What an outgoing connection is bound to: where the interconnect's own address is gone, a dial must
 * fail. One that "works" by the default route over another network would show a dead one as alive.
 */
export function sourceAddress(own: Address): { readonly localAddress?: string } {
  return isIP(own.host) === 0 ? {} : { localAddress: own.host };
}
