/** Where the interconnects of this node run, and whether the others are reached over them. */
import { readdir, realpath } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { basename } from 'node:path';
import { parseEndpoint } from '../../config/values.ts';
import { run } from '../../system/run.ts';
import type { InterconnectFacts } from './check-interconnects.ts';
import type { PortFacts } from './check-ports.ts';
import { kernelText } from './measure-machine.ts';

export type Addresses = Readonly<Record<string, string>>;

const SYS_NET = '/sys/class/net';
const LLDP_LIMIT_MS = 3_000;
const CONNECT_LIMIT_MS = 1_500;

export async function interconnectFacts(own: Addresses): Promise<readonly InterconnectFacts[]> {
  const switches = await switchesByDevice();
  return await Promise.all(
    Object.entries(own).map(async ([interconnect, address]) => {
      const host = parseEndpoint(address)?.host ?? '';
      const found = localDevice(host);
      const cards = found === null ? [] : await cardsOf(found.device);
      const slots = await Promise.all(cards.map(slotOf));
      const carrier =
        found === null ? null : await kernelText(`${SYS_NET}/${found.device}/carrier`);
      return {
        interconnect,
        address: host,
        device: found?.device ?? null,
        subnet: found?.subnet ?? null,
        loopback: found?.loopback ?? false,
        carrier: carrier === null ? null : carrier === '1',
        cards,
        slots: slots.filter((slot) => slot !== null),
        switches: cards.flatMap((card) => switches.get(card) ?? []),
      };
    }),
  );
}

type Local = {
  readonly device: string;
  readonly subnet: string | null;
  readonly loopback: boolean;
};

/** The whole of 127.0.0.0/8 is there without being listed. */
function localDevice(host: string): Local | null {
  if (/^127\./.test(host)) return { device: 'lo', subnet: '127.0.0.0/8', loopback: true };
  for (const [device, addresses] of Object.entries(networkInterfaces())) {
    const found = addresses?.find(({ address }) => address === host);
    if (found !== undefined) {
      return { device, subnet: subnetOf(found.cidr), loopback: found.internal };
    }
  }
  return null;
}

/** `10.1.0.7/24` lies in `10.1.0.0/24`; IPv6 is compared by its first 64 bits. */
export function subnetOf(cidr: string | null): string | null {
  const [address = '', length = ''] = (cidr ?? '').split('/');
  if (address === '') return null;
  if (address.includes(':')) {
    const [head = ''] = new URL(`http://[${address}]/`).hostname.slice(1).split('::');
    return `${head.split(':').slice(0, 4).join(':')}::/64`;
  }
  const bits = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(length));
  const first = Math.floor(bits / size) * size;
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
  return `${octets.join('.')}/${length}`;
}

const MOST_LAYERS = 8;

/** Down through VLANs, bonds and bridges to what carries them. */
async function cardsOf(device: string, depth = 0): Promise<readonly string[]> {
  const names = await readdir(`${SYS_NET}/${device}`).catch(() => []);
  const lower = names.filter((name) => name.startsWith('lower_')).map((name) => name.slice(6));
  if (lower.length === 0 || depth >= MOST_LAYERS) return [device];
  const below = await Promise.all(lower.map((one) => cardsOf(one, depth + 1)));
  return [...new Set(below.flat())];
}

/** `0000:03:00.1` sits in slot `0000:03:00`; null: not a PCI card. */
async function slotOf(device: string): Promise<string | null> {
  const path = await realpath(`${SYS_NET}/${device}/device`).catch(() => '');
  const match = /^([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2})\.\d$/.exec(basename(path));
  return match?.[1] ?? null;
}

/** What lldpd has heard; nothing where it does not run. */
async function switchesByDevice(): Promise<ReadonlyMap<string, readonly string[]>> {
  try {
    const signal = new AbortController().signal;
    const argv = ['lldpctl', '-f', 'keyvalue'];
    const { stdout } = await run(argv, { signal, timeoutMs: LLDP_LIMIT_MS });
    return parseLldp(stdout);
  } catch {
    // No lldpd: which switch it is cannot be known, and the check says so.
    return new Map();
  }
}

/** `lldp.eth0.chassis.mac=00:11:…`, a line each. */
export function parseLldp(text: string): ReadonlyMap<string, readonly string[]> {
  const lines = text.matchAll(/^lldp\.([^.=]+)\.chassis\.(?:mac|local|ip)=(.+)$/gm);
  const pairs = [...lines].map(([, device = '', chassis = '']) => ({ device, chassis }));
  const grouped = Map.groupBy(pairs, ({ device }) => device);
  return new Map(
    [...grouped].map(([device, all]) => [device, all.map(({ chassis }) => chassis)] as const),
  );
}

/** All ports of all members, this node's own included: somebody must listen there. */
export async function portFacts(
  members: readonly { readonly node: string; readonly addresses: Addresses }[],
): Promise<readonly PortFacts[]> {
  const all = members.flatMap(({ node, addresses }) =>
    Object.entries(addresses).map(([interconnect, address]) => ({ node, interconnect, address })),
  );
  return await Promise.all(all.map(async (one) => ({ ...one, outcome: await knock(one.address) })));
}

/** A connection that is closed at once; a daemon takes it for somebody who changed their mind. */
function knock(address: string): Promise<PortFacts['outcome']> {
  const endpoint = parseEndpoint(address);
  if (endpoint === null) return Promise.resolve('unreachable');
  return new Promise((resolve) => {
    const socket = connect(endpoint);
    const ended = (outcome: PortFacts['outcome']): void => {
      socket.destroy();
      resolve(outcome);
    };
    socket.setTimeout(CONNECT_LIMIT_MS, () => ended('silent'));
    socket.once('connect', () => ended('accepted'));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      ended(error.code === 'ECONNREFUSED' ? 'refused' : 'unreachable'),
    );
  });
}
