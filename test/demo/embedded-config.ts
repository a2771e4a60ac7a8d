/** Ports, keys and the one configuration file of the embedded demonstration. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { loadOrCreateIdentity } from '../../src/mesh/identity.ts';
import { freeEndpoints } from './loopback.ts';

export const NODES = ['node1', 'node2', 'node3'] as const;
export const GROUP = 'ledger';
const IDENTITY = 'naa.60014050000000000000000000000ade';
const PORTS_PER_NODE = 3;
const LEDGER = fileURLToPath(new URL('embedded-ledger.ts', import.meta.url));

export type EmbeddedConfig = {
  readonly path: string;
  readonly clusterId: string;
  /** `host:port` of the floating address, where clients go. */
  readonly floating: string;
  readonly identity: string;
  /** `host:port` of each node on each interconnect. */
  readonly addresses: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Where each node's own ledger listens, behind the floating address. */
  readonly targets: Readonly<Record<string, string>>;
  readonly socketOf: (node: string) => string;
  readonly dataOf: (node: string) => string;
};

/** For a story in which nothing may move by itself, however busy the machine is. */
export const PATIENT_TIMES = {
  detection: '5s',
  'election-timeout': '5s',
  'check-quorum': '6s',
  lease: '11s',
} as const;

export type EmbeddedOptions = { readonly times?: Readonly<Record<string, string>> };

export async function writeConfig(
  directory: string,
  { times }: EmbeddedOptions = {},
): Promise<EmbeddedConfig> {
  const endpoints = await freeEndpoints(NODES.length * PORTS_PER_NODE + 1);
  const endpoint = (node: number, which: number): string =>
    endpoints[node * PORTS_PER_NODE + which] ?? '';
  const dataOf = (node: string): string => join(directory, node);
  const members = await Promise.all(
    NODES.map(async (name, i) => {
      mkdirSync(dataOf(name), { recursive: true, mode: 0o700 });
      const { peerId } = await loadOrCreateIdentity(dataOf(name));
      const addresses = { 'lan-a': endpoint(i, 0), 'lan-b': endpoint(i, 1) };
      return { name, number: i + 1, 'peer-id': peerId, addresses };
    }),
  );
  const targets = Object.fromEntries(NODES.map((node, i) => [node, endpoint(i, 2)]));
  const device = `emulated:${join(directory, 'disk.sock')}#0`;
  const commands = NODES.map((node) => [
    node,
    [process.execPath, LEDGER, targets[node], device, node],
  ]);
  const perNode = (entries: object): object => ({ 'per-node': entries });
  const clusterId = `embedded-${process.pid}`;
  const file = {
    cluster: clusterId,
    'data-directory': join(directory, 'unused'),
    profile: 'safe',
    ...(times === undefined ? {} : { times }),
    interconnects: ['lan-a', 'lan-b'],
    members,
    groups: [
      {
        name: GROUP,
        preferred: [NODES[0]],
        resources: [
          {
            name: 'disk',
            type: 'disk',
            parameters: { identity: IDENTITY, device, adapter: 'emulated' },
          },
          {
            name: 'server',
            type: 'application',
            needs: ['disk'],
            parameters: {
              command: perNode(Object.fromEntries(commands)),
              readiness: perNode(
                Object.fromEntries(NODES.map((node) => [node, { tcp: targets[node] }])),
              ),
            },
          },
          {
            name: 'address',
            type: 'emulated-address',
            needs: ['server'],
            parameters: {
              segment: join(directory, 'segment.sock'),
              address: 'ledger',
              target: perNode(targets),
            },
          },
        ],
      },
    ],
  };
  const path = join(directory, 'holdfast.yaml');
  writeFileSync(path, stringify(file));
  return {
    path,
    clusterId,
    addresses: Object.fromEntries(members.map(({ name, addresses }) => [name, addresses])),
    floating: endpoints.at(-1) ?? '',
    identity: IDENTITY,
    targets,
    socketOf: (node) => join(directory, `${node}.sock`),
    dataOf,
  };
}
