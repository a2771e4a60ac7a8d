/**
 * The proof that this node holds nothing of a disk, to be had before it registers a key, and kept
 * while it takes the disk over.
 *
 * Purpose: a registration gives *this machine* the right to write, not this attempt. Were an old
 * mount still there, its dirty pages would be written with the new right, over what the disk's
 * other owners have done since. So whoever holds something registers nothing.
 *
 * The proof is the kernel's exclusive claim on every path (see `system/block-device.ts`), no loop
 * device or upper layer on it, and no process that has it open for writing. The claim is kept until
 * the takeover is over and stale pages are dropped, so that nothing can come in between. An
 * emulated disk is not known to the kernel: there is nothing to prove, and its users are told by
 * the disk itself.
 *
 * It does not unmount, kill or repair anything. Reference: DESIGN §8 ("A node that holds something
 * registers nothing").
 */
import { failure, type Result, success } from '../lib/result.ts';
import {
  type BlockDevice,
  claim,
  type ExclusiveClaim,
  findBlockDevice,
  holdersOf,
  mountsEverywhere,
  multipathMembers,
  rawWriters,
} from '../system/block-device.ts';

export type NotIdle = {
  readonly code: 'DISK_MOUNTED' | 'DISK_HAS_HOLDERS' | 'DISK_IN_USE';
  readonly device: string;
  /** Directories, devices or processes: what an operator has to end. */
  readonly users: readonly string[];
};

export class IdleProof {
  readonly #claims: readonly ExclusiveClaim[];

  constructor(claims: readonly ExclusiveClaim[]) {
    this.#claims = claims;
  }

  /**
   * Drops the pages that were read before the disk was fenced: a stale page under a mount is
   * corruption.
   *
   * @throws HoldfastError DISK_IN_USE
   */
  async dropPages(): Promise<void> {
    for (const held of this.#claims) await held.dropPages();
  }

  /** From here on the disk may be mounted. Idempotent use is not needed: once. */
  async release(): Promise<void> {
    await Promise.all(this.#claims.map((held) => held.release()));
  }
}

/**
 * `disks`: every path; null for a disk that this kernel does not know. @throws HoldfastError
 * DISK_PATHS_LOST
 */
export async function proveIdle(
  disks: readonly BlockDevice[] | null,
): Promise<Result<IdleProof, NotIdle>> {
  const claims: ExclusiveClaim[] = [];
  const refuse = async (problem: NotIdle) => {
    await new IdleProof(claims).release();
    return failure(problem);
  };
  for (const disk of disks ?? []) {
    try {
      const held = await claim(disk);
      if (held === null) return await refuse(await whoClaimed(disk));
      claims.push(held);
      const problem = await whoUses(disk);
      if (problem !== null) return await refuse(problem);
    } catch (error) {
      await new IdleProof(claims).release();
      throw error;
    }
  }
  return success(new IdleProof(claims));
}

/** The claim was refused, so somebody is there: the lists say who, as well as they can. */
async function whoClaimed(disk: BlockDevice): Promise<NotIdle> {
  const device = disk.path;
  const mounts = await mountsEverywhere(disk);
  if (mounts.length > 0) return { code: 'DISK_MOUNTED', device, users: mounts };
  const holders = await holdersOf(disk);
  if (holders.length > 0) return { code: 'DISK_HAS_HOLDERS', device, users: holders };
  return { code: 'DISK_IN_USE', device, users: await rawWriters(disk) };
}

/** Users that claim nothing. The claim is held, so they are all there is left to find. */
async function whoUses(disk: BlockDevice): Promise<NotIdle | null> {
  const device = disk.path;
  const holders = await holdersOf(disk);
  if (holders.length > 0) return { code: 'DISK_HAS_HOLDERS', device, users: holders };
  const writers = await rawWriters(disk);
  if (writers.length > 0) return { code: 'DISK_IN_USE', device, users: writers };
  return await whoUsesAPath(disk);
}

/** The paths of a multipath map belong to the map, and to nobody else. */
async function whoUsesAPath(map: BlockDevice): Promise<NotIdle | null> {
  for (const path of (await multipathMembers(map)) ?? []) {
    const member = await findBlockDevice(path);
    const others = (await holdersOf(member)).filter((holder) => holder !== map.name);
    if (others.length > 0) return { code: 'DISK_HAS_HOLDERS', device: path, users: others };
    const writers = await rawWriters(member);
    if (writers.length > 0) return { code: 'DISK_IN_USE', device: path, users: writers };
  }
  return null;
}
