/**
 * The disk that is to be verified, seen from this node: found by its path or its identity, proven
 * to be free, and kept free until it is let go. Nothing is sent that changes anything.
 *
 * Reference: `../idle-proof.ts`.
 */
import { HoldfastError } from '../../lib/error.ts';
import type { Millis } from '../../lib/ids.ts';
import {
  type BlockDevice,
  findBlockDevice,
  findByIdentity,
  multipathMembers,
  scsiGeneric,
} from '../../system/block-device.ts';
import { isEmulated, parseEmulated } from '../devices/emulated/address.ts';
import { type IdleProof, proveIdle } from '../idle-proof.ts';
import { EmulatedInitiator } from './initiators/emulated.ts';
import { ScsiInitiator } from './initiators/scsi.ts';
import type { Initiator } from './words.ts';

export type Subject = {
  readonly initiator: Initiator;
  /** `/dev/sdX`; null for an emulated disk, which this kernel does not know. */
  readonly path: string | null;
  /** Lets a program have the disk that wants a claim of its own, and claims it again. */
  lend<T>(work: () => Promise<T>): Promise<T>;
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
    return {
      initiator: made,
      path: null,
      lend: (work) => work(),
      release: () => made.close(),
    };
  }
  const disk = await findBlockDevice(device.startsWith('/') ? device : await byIdentity(device));
  if (disk.name.startsWith('nvme') || (await multipathMembers(disk)) !== null) {
    const wanted = 'one path of a SCSI disk';
    throw new HoldfastError('DISK_DEVICE_INVALID', { device: disk.path, wanted });
  }
  let proof = await idle(disk);
  try {
    const node = (await scsiGeneric(disk)) ?? disk.path;
    const made = new ScsiInitiator({ name: disk.path, disk, node, timeoutMs: TIMEOUT_MS });
    return {
      initiator: made,
      path: disk.path,
      lend: async (work) => {
        await proof.release();
        try {
          return await work();
        } finally {
          proof = await idle(disk);
        }
      },
      release: async () => {
        await made.close();
        try {
          await proof.dropPages();
        } finally {
          await proof.release();
        }
      },
    };
  } catch (error) {
    await proof.release();
    throw error;
  }
}

async function idle(disk: BlockDevice): Promise<IdleProof> {
  const proof = await proveIdle([disk]);
  if (proof.ok) {
    // What was read before may be stale: another machine may have written since.
    await proof.value.dropPages();
    return proof.value;
  }
  const { code, users } = proof.error;
  throw new HoldfastError(code, { device: disk.path, users: users.join(', ') });
}

async function byIdentity(identity: string): Promise<string> {
  const [path] = await findByIdentity(identity);
  if (path === undefined) throw new HoldfastError('DISK_NOT_FOUND', { identity });
  return path;
}
