/**
 * The configuration of the laboratory's cluster: one group with everything in it, on the times of the
 * `safe` profile, stretched, since a guest is ten times slower than the host at starting processes.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { loadOrCreateIdentity } from '../../src/mesh/identity.ts';
import { daemonFiles } from './daemon-command.ts';
import { guestAddress, repositoryRoot } from './kernel/index.ts';
import type { Lab } from './lab.ts';

export const GROUP = 'ledger';
export const FLOATING_IP = '10.99.3.100';
export const FLOATING_MAC = '02:00:5e:10:00:01';
export const LEDGER_PORT = 7000;
export const MESH_PORT = 7400;
export const MOUNT_POINT = '/srv/ledger';

export type LabConfigOptions = {
  readonly lab: Lab;
  /** Parameters of the resource `disk` of each LUN of the group; the first has the file system. */
  readonly disks: readonly Readonly<Record<string, string | number | boolean>>[];
  readonly filesystem: 'ext4' | 'xfs';
  readonly sabotage: string | undefined;
  /** The product's own times; without: its safe ones, stretched for guests. */
  readonly profile?: 'fast' | 'safe' | undefined;
  /** The application's resource; without: the ledger. */
  readonly application?: object | undefined;
  /** Further resources of the group. */
  readonly more?: readonly object[] | undefined;
  /** The owner writes stamps to every LUN. */
  readonly stamps: boolean;
  /** The machine's watchdog, which the guardian feeds. */
  readonly watchdog?: { readonly device: string; readonly timeout: string } | undefined;
  /** All groups; without: one with a disk, a mount, an address and the application. */
  readonly groups?: readonly object[] | undefined;
};

/** Makes a key for each node on the host and lays it where the guest finds it; answers the peer ids. */
export async function makeIdentities(lab: Lab): Promise<readonly string[]> {
  return await Promise.all(
    lab.nodes.map(async (guest) => {
      const directory = join(guest.share, 'identity');
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const { peerId } = await loadOrCreateIdentity(directory);
      const target = `${daemonFiles.state}/identity.key`;
      await guest.ok(
        `cp /lab/identity/identity.key ${target} && chmod 600 ${target} && sync ${target}`,
      );
      return peerId;
    }),
  );
}

const STRETCHED = {
  profile: 'safe',
  times: {
    heartbeat: '200ms',
    // Four machines on two cores: one that does not run for a second is not dead.
    detection: '2s',
    'election-timeout': '2s',
    'election-gap': '200ms',
    'check-quorum': '2500ms',
    lease: '5s',
    'lease-renew': '400ms',
    teardown: '800ms',
    'quorum-loss-grace': '3s',
    'defend-interval': '1s',
    'fitness-interval': '2s',
    assume: { lateness: '400ms', 'round-trip': '40ms', sync: '40ms' },
  },
};

/** The file of one node: the same for all but for `node`. */
export function labConfig(
  options: LabConfigOptions,
  peerIds: readonly string[],
): (node: number) => string {
  const { lab, profile, watchdog } = options;
  const members = lab.nodes.map((guest, i) => ({
    name: `node${guest.id}`,
    number: guest.id,
    'peer-id': peerIds[i],
    addresses: {
      'lan-a': `${guestAddress(guest.id, 1)}:${MESH_PORT}`,
      'lan-b': `${guestAddress(guest.id, 2)}:${MESH_PORT}`,
    },
  }));
  const file = {
    cluster: `lab-${lab.namespace}`,
    'data-directory': daemonFiles.state,
    socket: daemonFiles.socket,
    ...(profile === undefined ? STRETCHED : { profile }),
    ...(watchdog === undefined ? {} : { watchdog }),
    interconnects: ['lan-a', 'lan-b'],
    members,
    groups: options.groups ?? [
      { name: GROUP, preferred: ['node1'], resources: resources(options) },
    ],
  };
  return (node) => stringify({ node: `node${node}`, ...file });
}

function resources(options: LabConfigOptions): readonly object[] {
  const { disks, filesystem, application, sabotage, stamps } = options;
  const nameOf = (lun: number): string => (lun === 0 ? 'lun' : `lun${lun}`);
  return [
    ...disks.map((parameters, lun) => ({ name: nameOf(lun), type: 'disk', parameters })),
    {
      name: 'data',
      type: 'filesystem',
      parameters: { disk: 'lun', directory: MOUNT_POINT, type: filesystem },
    },
    { name: 'mac', type: 'virtual-mac', parameters: { parent: 'eth3', mac: FLOATING_MAC } },
    {
      name: 'address',
      type: 'floating-ip',
      parameters: { address: `${FLOATING_IP}/24`, on: 'mac' },
    },
    application ?? ledger(sabotage),
    ...(options.more ?? []),
    ...(stamps ? [stamper(disks.map((_, lun) => [nameOf(lun), `/dev/lab/lun${lun}`]))] : []),
  ];
}

function ledger(sabotage: string | undefined): object {
  const server = `${repositoryRoot}/test/ledger/server.ts`;
  return {
    name: 'server',
    type: 'application',
    needs: ['data', 'address'],
    'start-timeout': '30s',
    parameters: {
      command: [process.execPath, server, `${FLOATING_IP}:${LEDGER_PORT}`, MOUNT_POINT],
      ...(sabotage === 'fsync' ? { environment: { LEDGER_SABOTAGE: 'no-fsync' } } : {}),
      readiness: { tcp: `${FLOATING_IP}:${LEDGER_PORT}` },
    },
  };
}

/** @param disks name of the resource and device of each */
function stamper(disks: readonly (readonly [string, string])[]): object {
  const program = `${repositoryRoot}/test/lab/campaign/stamper.ts`;
  return {
    name: 'stamper',
    type: 'application',
    needs: disks.map(([name]) => name),
    parameters: { command: [process.execPath, program, ...disks.map(([, device]) => device)] },
  };
}
