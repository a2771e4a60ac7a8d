/** Who is where in the cluster of containers, and its configuration. Addresses as in the compose file. */
import { stringify } from 'yaml';
import type { Attachment } from './node-container.ts';

export const FOUNDERS = ['node1', 'node2', 'node3'] as const;
export const GROUP = 'ledger';
export const INTERCONNECTS = ['lan-a', 'lan-b'] as const;
export type Net = 'lan-a' | 'lan-b' | 'public' | 'storage';
export const NETS: readonly Net[] = ['lan-a', 'lan-b', 'public', 'storage'];

const PREFIX: Readonly<Record<Net, string>> = {
  'lan-a': '10.77.1',
  'lan-b': '10.77.2',
  public: '10.77.3',
  storage: '10.77.4',
};
export const FLOATING = '10.77.3.100';
export const LEDGER_PORT = 7_000;
const STORAGE_HOST = 10;
const STORAGE_PORT = 7_500;
const MESH_PORT = 7_400;
const IDENTITY = 'naa.60014050000000000000000000000001';

export const subnetOf = (net: Net): string => `${PREFIX[net]}.0/24`;

/** node1 is 11, node2 is 12, … on every network. */
export function addressOf(node: string, net: Net): string {
  return `${PREFIX[net]}.${10 + Number(node.replace('node', ''))}`;
}

export const STORAGE_ADDRESS = `${PREFIX.storage}.${STORAGE_HOST}`;
export const STORAGE_COMMAND: readonly string[] = [
  'node',
  '/opt/holdfast/emulated-storage.js',
  '--listen',
  `0.0.0.0:${STORAGE_PORT}`,
  '--lun',
  `0=${IDENTITY}`,
];

export const LEDGER_PATH = '/opt/ledger.mjs';
const LEDGER = `exec node ${LEDGER_PATH} 0.0.0.0:${LEDGER_PORT} ${device()} "$HOLDFAST_NODE"`;

export function attachmentsOf(node: string, named: (net: Net) => string): readonly Attachment[] {
  return NETS.map((net) => ({ network: named(net), address: addressOf(node, net) }));
}

export const meshAddress = (node: string, net: Net): string =>
  `${addressOf(node, net)}:${MESH_PORT}`;

/** `PUBLIC-DEVICE` is filled in by the container (`docker/example/node.sh`). */
export function configuration(peers: Readonly<Record<string, string>>): string {
  return stringify({
    cluster: 'containers',
    'data-directory': '/var/lib/holdfast',
    socket: '/run/holdfast/holdfast.sock',
    profile: 'safe',
    // Six containers and their engine on few cores, which others use too.
    times: {
      detection: '2s',
      'election-timeout': '2s',
      'check-quorum': '2500ms',
      lease: '5s',
    },
    interconnects: [...INTERCONNECTS],
    members: FOUNDERS.map((name, i) => ({
      name,
      number: i + 1,
      'peer-id': peers[name],
      addresses: Object.fromEntries(INTERCONNECTS.map((net) => [net, meshAddress(name, net)])),
    })),
    groups: [
      {
        name: GROUP,
        preferred: [FOUNDERS[0]],
        resources: [
          {
            name: 'disk',
            type: 'disk',
            parameters: { identity: IDENTITY, device: device(), adapter: 'emulated' },
          },
          {
            name: 'server',
            type: 'application',
            needs: ['disk'],
            'start-timeout': '100s',
            parameters: {
              command: ['sh', '-c', LEDGER],
              readiness: { tcp: `127.0.0.1:${LEDGER_PORT}` },
            },
          },
          {
            name: 'address',
            type: 'floating-ip',
            needs: ['server'],
            parameters: { address: `${FLOATING}/24`, device: 'PUBLIC-DEVICE' },
          },
        ],
      },
    ],
  });
}

function device(): string {
  return `emulated:${STORAGE_ADDRESS}:${STORAGE_PORT}#0`;
}
