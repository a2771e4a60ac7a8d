/**
 * The kinds of values that a configuration is made of, each with the words for what is wrong with
 * it: durations, names, addresses. Parsers of single values; what fits together is checked elsewhere.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { isName } from '../cluster/name.ts';
import type { Millis } from '../lib/ids.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };
const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|min|h)$/;
/** What setTimeout can still count. */
const MAX_DURATION_MS = 2_147_483_647;

/** `200ms`, `2s`, `1.5s`, `2min`, `1h`, or a number of milliseconds; null when it is none of them. */
export function parseDuration(value: unknown): Millis | null {
  const match = typeof value === 'string' ? DURATION.exec(value.trim()) : null;
  const ms =
    match === null ? value : Number(match[1] ?? Number.NaN) * (UNITS[match[2] ?? ''] ?? Number.NaN);
  return typeof ms === 'number' && ms > 0 && ms <= MAX_DURATION_MS ? ms : null;
}

/**
 * A schema from a parser that answers null for what it does not take. `json`: what an editor is told
 * of its kind; the rest is for the parser alone.
 */
export function parsed<T>(
  parse: (value: unknown) => T | null,
  expected: string,
  json: { readonly type: string | string[] } = { type: 'string' },
) {
  return z
    .unknown()
    .transform((value, context): T => {
      const result = value === undefined ? null : parse(value);
      if (result !== null) return result;
      context.issues.push({
        code: 'custom',
        input: value,
        message: value === undefined ? `missing: ${expected}` : `expected ${expected}`,
      });
      return z.NEVER;
    })
    .meta({ description: expected, ...json });
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

export const duration = parsed(parseDuration, 'a duration above zero such as 200ms, 2s or 1min', {
  type: ['string', 'number'],
});

export const name = parsed(
  (value) => (typeof value === 'string' && isName(value) ? value : null),
  'a name of 1 to 64 letters, digits, dots, dashes or underscores that begins with one of the first two',
);

export const absolutePath = parsed((value) => {
  const path = text(value);
  return path?.startsWith('/') && !path.includes('\0') ? path : null;
}, 'an absolute path');

export type Endpoint = { readonly host: string; readonly port: number };

const ENDPOINT = /^(?:\[(?<six>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]/\s]+)):(?<port>\d{1,5})$/;

/** `host:port`, with an IPv6 literal in brackets. */
export function parseEndpoint(value: unknown): Endpoint | null {
  const groups = typeof value === 'string' ? ENDPOINT.exec(value)?.groups : undefined;
  if (groups === undefined) return null;
  const port = Number(groups['port']);
  if (port < 1 || port > 65_535) return null;
  const six = groups['six'];
  if (six !== undefined) return isIPv6(six) ? { host: canonicalAddress(six), port } : null;
  const host = groups['host'] ?? '';
  // All digits and dots, yet no IPv4 address: a slip, not the name of a host.
  if (/^[\d.]+$/.test(host) && !isIPv4(host)) return null;
  return { host: host.toLowerCase(), port };
}

export const endpoint = parsed(
  (value) => (parseEndpoint(value) === null ? null : text(value)),
  'host:port, an IPv6 address in brackets',
);

/** One spelling for each address, so that two spellings of one are found to be the same. */
export function canonicalAddress(address: string): string {
  if (!isIPv6(address)) return address;
  const host = new URL(`http://[${address}]/`).hostname;
  return host.slice(1, -1);
}

/** Nobody can be reached at these, or everybody is. */
export function isUnspecific(address: string): boolean {
  return address === '0.0.0.0' || address === '::' || address === '255.255.255.255';
}

export function isLoopback(address: string): boolean {
  return /^127\./.test(address) || address === '::1' || address === 'localhost';
}

/** `192.0.2.10/24`, `2001:db8::10/64`: an address with the length of its network's prefix. */
export function parseCidr(
  value: unknown,
): { readonly address: string; readonly text: string } | null {
  const match = typeof value === 'string' ? /^([^/]+)\/(\d{1,3})$/.exec(value) : null;
  const address = match?.[1] ?? '';
  const prefix = Number(match?.[2] ?? Number.NaN);
  const family = isIP(address);
  if (family === 0 || prefix < 1 || prefix > (family === 4 ? 32 : 128)) return null;
  const canonical = canonicalAddress(address);
  if (isUnspecific(canonical) || isLoopback(canonical)) return null;
  return { address: canonical, text: `${canonical}/${prefix}` };
}

export const cidr = parsed(
  (value) => parseCidr(value)?.text ?? null,
  'an address with its prefix length, such as 192.0.2.10/24',
);

export const ipAddress = parsed((value) => {
  const address = text(value);
  if (address === null || isIP(address) === 0) return null;
  return isUnspecific(address) ? null : canonicalAddress(address);
}, 'an IP address, such as 192.0.2.1');

/** Where a route leads: a network, or `default`. */
export const network = parsed((value) => {
  if (value === 'default') return value;
  const match = typeof value === 'string' ? /^([^/]+)\/(\d{1,3})$/.exec(value) : null;
  const address = match?.[1] ?? '';
  const family = isIP(address);
  const prefix = Number(match?.[2] ?? Number.NaN);
  if (family === 0 || prefix > (family === 4 ? 32 : 128)) return null;
  return `${canonicalAddress(address)}/${prefix}`;
}, 'a network with its prefix length, such as 198.51.100.0/24, or `default`');

/** Six octets, lower case; a group address (lowest bit of the first octet) cannot be a station's. */
export const macAddress = parsed((value) => {
  const mac = text(value)?.toLowerCase();
  if (mac === undefined || !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac)) return null;
  const groupBit = Number.parseInt(mac.slice(0, 2), 16) & 1;
  return groupBit === 0 && mac !== '00:00:00:00:00:00' ? mac : null;
}, 'a unicast MAC address in quotes, such as "02:00:5e:10:00:01"');

/** IFNAMSIZ is 16 with the closing zero; `/` and blanks are refused by the kernel. */
export const deviceName = parsed((value) => {
  const device = text(value);
  return device !== null && /^[^\s/:]{1,15}$/.test(device) && !/^\.\.?$/.test(device)
    ? device
    : null;
}, 'the name of a network device, at most 15 characters');

/** useradd(8), and what Debian allows; a number is a user as well. */
export const userName = parsed((value) => {
  const user = text(value);
  return user !== null && /^[a-z_][a-z0-9_.-]{0,31}$|^\d{1,10}$/i.test(user) ? user : null;
}, 'the name of a user');

/** Ed25519 keys fit into their peer id: identity multihash, base58btc, 52 characters. */
export const peerId = parsed((value) => {
  const id = text(value);
  return id !== null && /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/.test(id) ? id : null;
}, 'an Ed25519 peer id as `holdfast identity` prints it (12D3KooW…)');
