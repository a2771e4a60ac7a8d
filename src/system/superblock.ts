/**
 * What file system a device carries, read past every cache (O_DIRECT): a page that was read before the
 * disk was fenced may be stale.
 *
 * Only what a failover must know: the type, whether there is a journal to replay, and where it lies.
 * It repairs nothing and reads no more than one block, or two.
 *
 * Reference: Linux Documentation/filesystems/ext4/super.rst, ifork.rst; XFS Algorithms & Data
 * Structures, §13.1; btrfs.readthedocs.io, "On-disk format: superblock".
 */
import { constants, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { HoldfastError } from '../lib/error.ts';
import { addressOf } from './sg-io.ts';

export type Superblock = {
  readonly type: 'ext' | 'xfs' | 'btrfs' | 'reiserfs' | 'unknown';
  /** XFS always has one; Btrfs has its log tree. */
  readonly journal: boolean;
  readonly uuid: string;
  /** Over how many devices it lies; more than one only with Btrfs. */
  readonly devices: number;
  /** Mount options that the superblock itself asks for; the mount table does not show them (ext4). */
  readonly defaultOptions: readonly string[];
  /** Where the journal lies that has to be replayed; empty when there is nothing to do, or unknown. */
  readonly replay: readonly Extent[];
};

/** Bytes of the device. */
export type Extent = { readonly offset: number; readonly length: number };

const BLOCK_BYTES = 4096;
/** Shorter devices carry neither Btrfs nor ReiserFS. */
const SECOND_SUPERBLOCK = 65_536;
const EMPTY = Buffer.alloc(BLOCK_BYTES);
const EXT_SUPERBLOCK = 1024;
const EXT_MAGIC = 0xef53;
const EXT_HAS_JOURNAL = 0x4;
/** EXT4_FEATURE_INCOMPAT_RECOVER */
const EXT_NEEDS_RECOVERY = 0x4;
const EXTENT_MAGIC = 0xf30a;
const EXTENTS_IN_INODE = 4;
/** EXT4_DEFM_NOBARRIER in s_default_mount_opts. */
const EXT_DEFAULT_NOBARRIER = 0x100;

const NOTHING: Superblock = {
  type: 'unknown',
  journal: false,
  uuid: '',
  devices: 1,
  defaultOptions: [],
  replay: [],
};

/** @throws HoldfastError DEVICE_UNREADABLE */
export async function readSuperblock(device: string): Promise<Superblock> {
  const first = parseSuperblock(await readBlock(device, 0));
  if (first.type !== 'unknown') return first;
  return parseSecondSuperblock(await readBlock(device, SECOND_SUPERBLOCK).catch(() => EMPTY));
}

export function parseSuperblock(block: Buffer): Superblock {
  if (block.subarray(0, 4).toString('latin1') === 'XFSB') {
    return { ...NOTHING, type: 'xfs', journal: true, uuid: uuidAt(block, 32) };
  }
  if (block.readUInt16LE(EXT_SUPERBLOCK + 0x38) === EXT_MAGIC) {
    const compatible = block.readUInt32LE(EXT_SUPERBLOCK + 0x5c);
    const journal = (compatible & EXT_HAS_JOURNAL) !== 0;
    const uuid = uuidAt(block, EXT_SUPERBLOCK + 0x68);
    const defaultOptions = extDefaultOptions(block);
    return { ...NOTHING, type: 'ext', journal, uuid, defaultOptions, replay: extReplay(block) };
  }
  return NOTHING;
}

/** The block at 64 KiB, where Btrfs and ReiserFS keep theirs. */
export function parseSecondSuperblock(block: Buffer): Superblock {
  if (block.subarray(0x40, 0x48).toString('latin1') === '_BHRfS_M') {
    const devices = Number(block.readBigUInt64LE(0x88));
    return { ...NOTHING, type: 'btrfs', journal: true, uuid: uuidAt(block, 0x20), devices };
  }
  const magic = block.subarray(52, 62).toString('latin1');
  if (/^ReIsEr[23]?Fs/.test(magic)) return { ...NOTHING, type: 'reiserfs' };
  return NOTHING;
}

/**
 * `major:minor` as the mount table writes it.
 *
 * @throws HoldfastError DEVICE_UNREADABLE when it is missing or no block device.
 */
export function deviceNumber(device: string): string {
  try {
    const facts = statSync(device);
    if (facts.isBlockDevice()) {
      const number = BigInt(facts.rdev);
      const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & 0xffff_f000n);
      const minor = (number & 0xffn) | ((number >> 12n) & 0xffff_ff00n);
      return `${major}:${minor}`;
    }
  } catch (cause) {
    throw new HoldfastError('DEVICE_UNREADABLE', { device }, { cause });
  }
  throw new HoldfastError('DEVICE_UNREADABLE', { device, found: 'no block device' });
}

async function readBlock(device: string, offset: number): Promise<Buffer> {
  try {
    const handle = await open(device, constants.O_RDONLY | constants.O_DIRECT);
    try {
      // O_DIRECT wants memory at a multiple of the block size.
      const room = Buffer.alloc(2 * BLOCK_BYTES);
      const past = Number(addressOf(room) % BigInt(BLOCK_BYTES));
      const from = (BLOCK_BYTES - past) % BLOCK_BYTES;
      const { bytesRead } = await handle.read(room, from, BLOCK_BYTES, offset);
      if (bytesRead < BLOCK_BYTES) throw new HoldfastError('DEVICE_UNREADABLE', { bytesRead });
      return room.subarray(from, from + BLOCK_BYTES);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new HoldfastError('DEVICE_UNREADABLE', { device }, { cause });
  }
}

/** `tune2fs -o nobarrier` sets a bit, `tune2fs -E mount_opts=…` writes a text of 64 bytes. */
function extDefaultOptions(block: Buffer): readonly string[] {
  const bits = block.readUInt32LE(EXT_SUPERBLOCK + 0x100);
  const text = block.subarray(EXT_SUPERBLOCK + 0x200, EXT_SUPERBLOCK + 0x240).toString('latin1');
  const written = text.slice(0, text.indexOf('\0')).split(',');
  const nobarrier = (bits & EXT_DEFAULT_NOBARRIER) === 0 ? [] : ['nobarrier'];
  return [...nobarrier, ...written].filter((option) => option !== '');
}

/** s_jnl_blocks holds a copy of the journal inode's i_block; only extents without an index are read. */
function extReplay(block: Buffer): readonly Extent[] {
  const incompatible = block.readUInt32LE(EXT_SUPERBLOCK + 0x60);
  const backupType = block.readUInt8(EXT_SUPERBLOCK + 0xfd);
  const at = EXT_SUPERBLOCK + 0x10c;
  const isLeaf = block.readUInt16LE(at) === EXTENT_MAGIC && block.readUInt16LE(at + 6) === 0;
  if ((incompatible & EXT_NEEDS_RECOVERY) === 0 || backupType !== 1 || !isLeaf) return [];
  const blockBytes = 1024 << block.readUInt32LE(EXT_SUPERBLOCK + 0x18);
  const count = Math.min(EXTENTS_IN_INODE, block.readUInt16LE(at + 2));
  return Array.from({ length: count }, (_, i) => {
    const entry = at + 12 * (i + 1);
    const start = block.readUInt16LE(entry + 6) * 2 ** 32 + block.readUInt32LE(entry + 8);
    return { offset: start * blockBytes, length: block.readUInt16LE(entry + 4) * blockBytes };
  });
}

function uuidAt(block: Buffer, offset: number): string {
  return block.subarray(offset, offset + 16).toString('hex');
}
