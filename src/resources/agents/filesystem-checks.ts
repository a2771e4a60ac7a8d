/**
 * What a failover must never mount, and where it must not mount it: the questions that are answered before
 * a file system is let in. They read; they change nothing.
 *
 * Btrfs has no journal as ext4 has: it never overwrites what the last commit refers to, and keeps what
 * fsync promised since then in a log tree that is replayed when it is mounted. So it needs the same two
 * things, the replay and the barriers. One over several devices is refused: they would be fenced one
 * by one.
 *
 * Reference: ext4(5), xfs(5), btrfs(5); Linux Documentation/filesystems/btrfs.rst.
 */
import { realpath } from 'node:fs/promises';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import { HoldfastError } from '../../lib/error.ts';
import { type Mount, mountAt, mounts } from '../../system/mounts.ts';
import { deviceNumber, readSuperblock, type Superblock } from '../../system/superblock.ts';
import type { ActionContext } from '../agent.ts';
import { misconfigured, requiredText, words } from '../parameters.ts';

const TYPES: readonly string[] = ['ext3', 'ext4', 'xfs', 'btrfs'];
/** As the superblock tells them; ext3 and ext4 are one format. */
const ON_DISK: Readonly<Record<string, string>> = { ext3: 'ext', ext4: 'ext' };
const WITHOUT_JOURNAL = /^(ext2|vfat|msdos|exfat|minix|udf)$/;
/** Removed from Linux 6.13; no journal of it can be replayed by a kernel of today. */
const GONE = /^(reiserfs|reiser4)$/;
const SKIPS_THE_JOURNAL =
  /^(noload|norecovery|ro|nologreplay|usebackuproot|rescue=.*|recovery|degraded)$/i;

export type WantedMount = {
  readonly directory: string;
  readonly type: string;
  readonly options: readonly string[];
};

export function readFilesystem(definition: ResourceDefinition): WantedMount {
  const type = requiredText(definition, 'type');
  if (WITHOUT_JOURNAL.test(type)) throw new HoldfastError('NO_JOURNAL', { type });
  if (GONE.test(type)) throw new HoldfastError('FILESYSTEM_GONE', { type });
  if (!TYPES.includes(type)) throw misconfigured(definition, 'type', `not ${TYPES.join(' or ')}`);
  const directory = requiredText(definition, 'directory');
  if (!directory.startsWith('/')) throw misconfigured(definition, 'directory', 'not absolute');
  const options = words(definition, 'options').flatMap((text) => text.split(','));
  return { directory, type, options: options.map((text) => text.trim()).filter((text) => text) };
}

export function givesUpBarriers(option: string): boolean {
  return /^(nobarrier|barrier=(0|none|no|off))$/i.test(option);
}

/** @throws HoldfastError BARRIER_REFUSED, NO_JOURNAL */
export function refuseUnsafe(option: string): void {
  if (givesUpBarriers(option)) throw new HoldfastError('BARRIER_REFUSED', { option });
  if (SKIPS_THE_JOURNAL.test(option)) throw new HoldfastError('NO_JOURNAL', { option });
}

/** @throws HoldfastError RESOURCE_MISCONFIGURED */
export function diskOf(definition: ResourceDefinition, context: ActionContext): ResourceDefinition {
  const name = requiredText(definition, 'disk');
  const disk = context.resources.find((resource) => resource.name === name);
  if (disk === undefined) throw misconfigured(definition, 'disk', `no resource ${name}`);
  return disk;
}

/** @throws HoldfastError FILESYSTEM_BUSY when device or directory is used for something else. */
export function isMountedAlready(number: string, directory: string, type: string): boolean {
  const there = mountAt(directory);
  if (there !== null && numberOf(there) === number && there.type === type) return true;
  if (there !== null) {
    throw new HoldfastError('FILESYSTEM_BUSY', { directory, holds: there.source });
  }
  for (const mount of mounts()) {
    if (mount.device !== number && mount.type !== 'btrfs') continue;
    if (numberOf(mount) !== number) continue;
    throw new HoldfastError('FILESYSTEM_BUSY', { mountedOn: mount.directory, device: number });
  }
  return false;
}

/** Btrfs shows a number of its own in the table; its device is what it was mounted from. */
function numberOf(mount: Mount): string {
  if (mount.type !== 'btrfs') return mount.device;
  try {
    return deviceNumber(mount.source);
  } catch {
    return mount.device; // a source that is gone
  }
}

/** @throws HoldfastError FILESYSTEM_TYPE_MISMATCH, NO_JOURNAL, BARRIER_REFUSED, SEVERAL_DEVICES */
export async function checkSuperblock(device: string, type: string): Promise<Superblock> {
  const found = await readSuperblock(device);
  if (found.type !== (ON_DISK[type] ?? type)) {
    const context = { device, wanted: type, found: found.type };
    throw new HoldfastError('FILESYSTEM_TYPE_MISMATCH', context);
  }
  if (!found.journal) throw new HoldfastError('NO_JOURNAL', { device });
  if (found.devices > 1) throw new HoldfastError('SEVERAL_DEVICES', { device, ...found });
  for (const option of found.defaultOptions) refuseUnsafe(option);
  return found;
}

/** As the mount table writes it; a directory that is not there yet has no links to follow. */
export async function plainPath(directory: string): Promise<string> {
  return await realpath(directory).catch(() => directory);
}

export function describe({ source, directory, type }: Mount): string {
  return `${type} of ${source} on ${directory}`;
}
