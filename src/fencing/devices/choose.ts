/**
 * From the name of a disk to the device that fences it: which adapter, which paths.
 *
 * It holds no opinion on the disk itself; whether it is the right one and fit for use is asked of
 * the device afterwards.
 */
import type { Millis } from '../../lib/ids.ts';
import { type BlockDevice, findBlockDevice, scsiGeneric } from '../../system/block-device.ts';
import type { FenceDevice } from '../fence-device.ts';
import { isEmulated, parseEmulated } from './emulated/address.ts';
import { EmulatedDevice } from './emulated/client.ts';
import { RealDisk } from './real-disk.ts';
import { ScsiPath } from './scsi/scsi-path.ts';
import { SgPersistPath } from './sg-persist/sg-persist-path.ts';

export const ADAPTERS = ['scsi', 'sg-persist', 'emulated'] as const;
export type Adapter = (typeof ADAPTERS)[number];

export type DeviceChoice = {
  /** `/dev/sdX`, `/dev/disk/by-id/…` or `emulated:SOCKET#LUN`; several are paths to one disk. */
  readonly device: string | readonly string[];
  /** Default: `emulated` for `emulated:…`, else `scsi`. */
  readonly adapter?: Adapter;
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
  const nodes = new Map<string, string>();
  for (const disk of disks) nodes.set(disk.path, (await scsiGeneric(disk)) ?? disk.path);
  const paths = [...nodes.keys()];
  const options = { paths, identity: choice.identity ?? null, timeoutMs };
  const device = new RealDisk(options, (path) =>
    choice.adapter === 'sg-persist'
      ? new SgPersistPath({ path, timeoutMs })
      : new ScsiPath({ path, node: nodes.get(path) ?? path, timeoutMs }),
  );
  return withLife(device, disks, () => device.close());
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
    execute: (command, signal) => device.execute(command, signal),
    capabilities: (signal) => device.capabilities(signal),
    probe: (signal) => device.probe(signal),
    close,
  };
}
