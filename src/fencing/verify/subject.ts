/**
 * The disk that is to be verified, seen from this node: found by its path or its identity, proven
 * to be free, and kept free until it is let go. Nothing is sent that changes anything.
 *
 * Reference: `../idle-proof.ts`.
 */
import { HoldfastError } from '../../lib/error.ts';
import type { Millis } from '../../lib/ids.ts';
import { findBlockDevice, findByIdentity, scsiGeneric } from '../../system/block-device.ts';
import { isEmulated, parseEmulated } from '../devices/emulated/address.ts';
import { proveIdle } from '../idle-proof.ts';
import { EmulatedInitiator } from './initiators/emulated.ts';
import { ScsiInitiator } from './initiators/scsi.ts';
import type { Initiator } from './words.ts';

export type Subject = {
  readonly initiator: Initiator;
  /** Stale pages are dropped, and the disk may be used again. */
  release(): Promise<void>;
};

export type SubjectOptions = {
  /** `/dev/sdX`, `/dev/disk/by-id/…`, an identity such as `naa.6001405…`, `emulated:SOCKET#LUN`. */
  readonly device: string;
  /** Name of the initiator port on emulated disks. */
  readonly initiator: string;
};

/** Of one command. */
const TIMEOUT_MS: Millis = 10_000;

/**
 * @throws HoldfastError DISK_DEVICE_INVALID, DISK_NOT_FOUND, DISK_MOUNTED, DISK_HAS_HOLDERS,
 *   DISK_IN_USE, DISK_PATHS_LOST
 */
export async function openSubject({ device, initiator }: SubjectOptions): Promise<Subject> {
  if (isEmulated(device)) {
    const made = new EmulatedInitiator({
      ...parseEmulated(device),
      name: device,
      initiator,
      timeoutMs: TIMEOUT_MS,
    });
    return { initiator: made, release: () => made.close() };
  }
  const disk = await findBlockDevice(device.startsWith('/') ? device : await byIdentity(device));
  const proof = await proveIdle([disk]);
  if (!proof.ok) {
    const { code, users } = proof.error;
    throw new HoldfastError(code, { device: disk.path, users: users.join(', ') });
  }
  try {
    const node = (await scsiGeneric(disk)) ?? disk.path;
    const made = new ScsiInitiator({ name: disk.path, disk, node, timeoutMs: TIMEOUT_MS });
    const release = async () => {
      await made.close();
      try {
        await proof.value.dropPages();
      } finally {
        await proof.value.release();
      }
    };
    return { initiator: made, release };
  } catch (error) {
    await proof.value.release();
    throw error;
  }
}

async function byIdentity(identity: string): Promise<string> {
  const [path] = await findByIdentity(identity);
  if (path === undefined) throw new HoldfastError('DISK_NOT_FOUND', { identity });
  return path;
}
