/**
 * From the name of a disk to the device that fences it: which adapter, which paths. The adapter is
 * what the configuration says, or what the disk is: a dm-multipath map, a namespace of NVMe, or a
 * SCSI disk.
 *
 * It holds no opinion on the disk itself; whether it is the right one and fit for use is asked of
 * the device afterwards.
 */

import { known } from '../../lib/assert.ts';
import { HoldfastError } from '../../lib/error.ts';
import type { Millis } from '../../lib/ids.ts';
import {
  type BlockDevice,
  findBlockDevice,
  multipathMembers,
  scsiGeneric,
} from '../../system/block-device.ts';
import { NvmeDevice } from '../../system/nvme.ts';
import type { FenceDevice } from '../fence-device.ts';
import { isEmulated, parseEmulated } from './emulated/address.ts';
import { EmulatedDevice } from './emulated/client.ts';
import { MultipathDisk } from './multipath/multipath-disk.ts';
import { straysOf } from './multipath/strays.ts';
import { NvmePath } from './nvme/nvme-path.ts';
import { type PathCommands, RealDisk } from './real-disk.ts';
import { ScsiPath } from './scsi/scsi-path.ts';
import { SgPersistPath } from './sg-persist/sg-persist-path.ts';

export const ADAPTERS = ['scsi', 'sg-persist', 'multipath', 'nvme', 'emulated'] as const;
export type Adapter = (typeof ADAPTERS)[number];

export type DeviceChoice = {
  /** `/dev/sdX`, `/dev/disk/by-id/…` or `emulated:SOCKET#LUN`; several are paths to one disk. */
  readonly device: string | readonly string[];
  /** Left out, or null: by what the disk is. */
  readonly adapter?: Adapter | null;
  /** Emulated disks: name of this node's initiator port. Real ones have theirs from the kernel. */
  readonly initiator: string;
  /** Held against every path before each command that changes something. */
  readonly identity?: string | null;
  /** Of one command; default 2000. */
  readonly timeoutMs?: Millis;
};

export type OpenDevice = FenceDevice & {
  /**
   * What the kernel of this machine sees of it; null for an emulated disk, which it does not see.
   */
  readonly blockDevices: readonly BlockDevice[] | null;
  close(): Promise<void>;
};

const COMMAND_TIMEOUT_MS: Millis = 2000;

/** @throws HoldfastError DISK_DEVICE_INVALID */
export async function openFenceDevice(choice: DeviceChoice): Promise<OpenDevice> {
  const names = typeof choice.device === 'string' ? [choice.device] : choice.device;
  const timeoutMs = choice.timeoutMs ?? COMMAND_TIMEOUT_MS;
  const [first] = names;
  if (first !== undefined && (choice.adapter === 'emulated' || isEmulated(first))) {
    return emulated(first, choice.initiator, timeoutMs);
  }
  const disks = await Promise.all(names.map(findBlockDevice));
  const adapter = choice.adapter ?? (await adapterFor(disks));
  const identity = choice.identity ?? null;
  if (adapter === 'multipath') return await multipath(disks, identity, timeoutMs);
  const opened = new Map<string, PathCommands>();
  for (const disk of disks) opened.set(disk.path, await openPath(disk, adapter, timeoutMs));
  const options = { paths: [...opened.keys()], identity, timeoutMs };
  const device = new RealDisk(options, (path) => known(opened.get(path), 'a path that was opened'));
  return withLife(device, disks, () => device.close());
}

async function adapterFor(disks: readonly BlockDevice[]): Promise<Adapter> {
  const [disk] = disks;
  if (disk === undefined) return 'scsi';
  if (disk.name.startsWith('nvme')) return 'nvme';
  return (await multipathMembers(disk)) === null ? 'scsi' : 'multipath';
}

async function openPath(
  disk: BlockDevice,
  adapter: Adapter,
  timeoutMs: Millis,
): Promise<PathCommands> {
  const { path } = disk;
  switch (adapter) {
    case 'sg-persist':
      return new SgPersistPath({ path, timeoutMs });
    case 'nvme':
      return new NvmePath({ path, port: new NvmeDevice(path), timeoutMs });
    default:
      return new ScsiPath({ path, node: (await scsiGeneric(disk)) ?? path, timeoutMs });
  }
}

/** @throws HoldfastError DISK_DEVICE_INVALID unless it is one map. */
async function multipath(
  disks: readonly BlockDevice[],
  identity: string | null,
  timeoutMs: Millis,
): Promise<OpenDevice> {
  const [map, another] = disks;
  const members = map === undefined ? null : await multipathMembers(map);
  if (map === undefined || another !== undefined || members === null) {
    const device = disks.map(({ path }) => path).join();
    throw new HoldfastError('DISK_DEVICE_INVALID', { device, wanted: 'one multipath map' });
  }
  const device = new MultipathDisk({
    members: async () => (await multipathMembers(map)) ?? [],
    open: async (path) => openPath(await findBlockDevice(path), 'scsi', timeoutMs),
    strays: (name) => straysOf(map, name, timeoutMs),
    identity,
    timeoutMs,
  });
  return withLife(device, [map], () => device.close());
}

function emulated(name: string, initiator: string, timeoutMs: Millis): OpenDevice {
  const device = new EmulatedDevice({
    ...parseEmulated(name),
    initiator,
    paths: ['a'],
    timeoutMs,
  });
  return withLife(device, null, async () => device.close());
}

function withLife(
  device: FenceDevice,
  blockDevices: readonly BlockDevice[] | null,
  close: () => Promise<void>,
): OpenDevice {
  return {
    blockDevices,
    identity: (signal) => device.identity(signal),
    paths: () => device.paths(),
    ...(device.livePaths === undefined
      ? {}
      : { livePaths: () => device.livePaths?.() ?? device.paths() }),
    ...(device.strayPaths === undefined
      ? {}
      : { strayPaths: async (signal) => (await device.strayPaths?.(signal)) ?? [] }),
    execute: (command, signal) => device.execute(command, signal),
    capabilities: (signal) => device.capabilities(signal),
    probe: (signal) => device.probe(signal),
    close,
  };
}
