/** What the disks of the groups say on every path, and how large the journals on them are. */
import type { GroupDefinition, ResourceDefinition } from '../../cluster/definition.ts';
import { resolveGroup } from '../../cluster/parameters.ts';
import type { NodeConfig } from '../../config/types.ts';
import { type OpenDevice, openFenceDevice } from '../../fencing/devices/choose.ts';
import { HoldfastError } from '../../lib/error.ts';
import type { ClusterStatus } from '../../operator/api.ts';
import { diskParameters } from '../../resources/agents/disk-parameters.ts';
import { findByIdentity } from '../../system/block-device.ts';
import { mountAt } from '../../system/mounts.ts';
import { run } from '../../system/run.ts';
import type { JournalFacts } from './check-journals.ts';
import type { DiskFacts, PathFacts } from './check-reservations.ts';

const LIMIT_MS = 5_000;

type Placed = { readonly group: string; readonly resource: ResourceDefinition };

function resourcesOf(config: NodeConfig, type: string): readonly Placed[] {
  return config.groups
    .map((group): GroupDefinition => resolveGroup(group, config.node))
    .flatMap(({ group, resources }) =>
      resources.filter((one) => one.type === type).map((resource) => ({ group, resource })),
    );
}

export async function diskFacts(
  config: NodeConfig,
  status: ClusterStatus | null,
): Promise<readonly DiskFacts[]> {
  return await Promise.all(
    resourcesOf(config, 'disk').map(async ({ group, resource }): Promise<DiskFacts> => {
      const owner = ownerOf(status, group);
      const accepted = { volatile: resource.parameters['volatile-reservations'] === true };
      const common = { group, disk: resource.name, accepted, owner };
      let device: OpenDevice | null = null;
      try {
        device = await openDisk(resource, config.node);
        const signal = AbortSignal.timeout(LIMIT_MS);
        const { aptplActive } = await device.capabilities(signal);
        const paths = await pathFacts(device);
        const registered = paths.some(({ keys }) => keys.length > 0);
        return { ...common, error: null, paths, persistent: registered ? aptplActive : null };
      } catch (error) {
        return { ...common, error: wordsOf(error), paths: [], persistent: null };
      } finally {
        await device?.close();
      }
    }),
  );
}

async function openDisk(resource: ResourceDefinition, initiator: string): Promise<OpenDevice> {
  const read = diskParameters(resource);
  if (!read.ok) throw new HoldfastError(read.error.code, { detail: read.error.detail });
  const { identity, devices, adapter } = read.value;
  const found = devices.length > 0 ? devices : await findByIdentity(identity ?? '');
  if (found.length === 0) throw new HoldfastError('DISK_NOT_FOUND', { identity });
  return await openFenceDevice({ device: found, initiator, identity, adapter });
}

async function pathFacts(device: OpenDevice): Promise<readonly PathFacts[]> {
  const paths = await device.paths();
  return await Promise.all(
    paths.map(async (path): Promise<PathFacts> => {
      const signal = AbortSignal.timeout(LIMIT_MS);
      const keys = await device.execute({ path, kind: 'read-keys' }, signal);
      const held = await device.execute({ path, kind: 'read-reservation' }, signal);
      if (keys.kind !== 'keys' || held.kind !== 'reservation') {
        const error = keys.kind === 'keys' ? held.kind : keys.kind;
        return { path, error, keys: [], holder: null, type: null };
      }
      return { path, error: null, keys: keys.keys, holder: held.holder, type: held.type };
    }),
  );
}

/** Only a takeover that is over has anything to say about the disk. */
function ownerOf(status: ClusterStatus | null, name: string): DiskFacts['owner'] {
  const group = status?.groups.find((one) => one.group === name);
  const member = status?.members.find(({ node }) => node === group?.owner);
  if (group === undefined || member === undefined || group.phase !== 'serving') return null;
  return { number: member.number, epoch: group.epoch };
}

export async function journalFacts(config: NodeConfig): Promise<readonly JournalFacts[]> {
  return await Promise.all(
    resourcesOf(config, 'filesystem').map(async ({ group, resource }): Promise<JournalFacts> => {
      const { type = 'ext4', directory } = resource.parameters;
      const common = { group, resource: resource.name, type: String(type) };
      try {
        const mount = mountAt(String(directory));
        if (mount === null) return { ...common, journalBytes: null, error: 'not mounted here' };
        return { ...common, journalBytes: await journalBytes(String(type), mount), error: '' };
      } catch (error) {
        return { ...common, journalBytes: null, error: wordsOf(error) };
      }
    }),
  );
}

async function journalBytes(
  type: string,
  { source, directory }: { readonly source: string; readonly directory: string },
): Promise<number | null> {
  const options = { signal: new AbortController().signal, timeoutMs: LIMIT_MS };
  if (type === 'xfs') return parseXfsLog((await run(['xfs_info', directory], options)).stdout);
  return parseExtJournal((await run(['dumpe2fs', '-h', source], options)).stdout);
}

const UNITS: Readonly<Record<string, number>> = { k: 1 << 10, M: 1 << 20, G: 1 << 30 };

/** `Total journal size:       64M`, or `Journal size:             64M`; null: no such line. */
export function parseExtJournal(text: string): number | null {
  const match = /journal size:\s+(\d+)([kMG]?)/i.exec(text);
  return match === null ? null : Number(match[1]) * (UNITS[match[2] ?? ''] ?? 1);
}

/** `log      =internal log           bsize=4096   blocks=16384, version=2` */
export function parseXfsLog(text: string): number | null {
  const match = /^log\s*=.*?bsize=(\d+)\s+blocks=(\d+)/m.exec(text);
  return match === null ? null : Number(match[1]) * Number(match[2]);
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
