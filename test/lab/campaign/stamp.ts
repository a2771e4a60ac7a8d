/**
 * What an owner writes to its disks so that anybody can see later who wrote a sector and when: one
 * sector with epoch, node and number, and a checksum. Each node has slots of its own, so that no
 * write of the next owner hides one of the last; and those that go through the page cache have
 * others than those that go past it, since the cache writes whole pages.
 *
 * The area lies behind the file system, on every LUN of the group at the same place. Pure.
 */
import { crc32 } from 'node:zlib';
import type { Millis } from '../../../src/lib/ids.ts';

export const SECTOR_BYTES = 512;
export const SLOTS = 32;
/** The file system of LUN 0 ends before. */
export const AREA_MB = 400;

const MAGIC = 'HFSTAMP1';
const SUM_AT = SECTOR_BYTES - 4;

export const WAYS = ['direct', 'cached'] as const;

export type Stamp = {
  readonly epoch: number;
  readonly node: number;
  readonly lun: number;
  /** Past the page cache, or into it: then the kernel writes it when it likes. */
  readonly way: (typeof WAYS)[number];
  /** Counts the writes of one owner to one LUN in this way. */
  readonly sequence: number;
  /** When it was given to the kernel, on the owner's own monotonic clock. */
  readonly guestMs: Millis;
};

const REGION_BYTES = SLOTS * SECTOR_BYTES;
export const AREA_AT: number = AREA_MB * 1024 * 1024;

export function areaBytes(nodes: number): number {
  return nodes * WAYS.length * REGION_BYTES;
}

/** Byte offset of the sector that a stamp belongs to. */
export function offsetOf({ node, way, sequence }: Stamp): number {
  const region = (node - 1) * WAYS.length + WAYS.indexOf(way);
  return AREA_AT + region * REGION_BYTES + (sequence % SLOTS) * SECTOR_BYTES;
}

/** Fills one sector. */
export function writeStamp(sector: Buffer, stamp: Stamp): void {
  const { epoch, node, lun, way, sequence, guestMs } = stamp;
  sector.fill(sequence & 0xff);
  sector.write(MAGIC, 0, 'latin1');
  sector.writeUInt32LE(epoch, 8);
  sector.writeUInt16LE(node, 12);
  sector.writeUInt16LE(lun, 14);
  sector.writeDoubleLE(sequence, 16);
  sector.writeDoubleLE(guestMs, 24);
  sector.writeUInt8(WAYS.indexOf(way), 32);
  sector.writeUInt32LE(crc32(sector.subarray(0, SUM_AT)), SUM_AT);
}

/** Null: never written, or read in the middle of a write. */
export function readStamp(sector: Buffer): Stamp | null {
  if (sector.toString('latin1', 0, MAGIC.length) !== MAGIC) return null;
  if (crc32(sector.subarray(0, SUM_AT)) !== sector.readUInt32LE(SUM_AT)) return null;
  const way = WAYS[sector.readUInt8(32)];
  if (way === undefined) return null;
  return {
    way,
    epoch: sector.readUInt32LE(8),
    node: sector.readUInt16LE(12),
    lun: sector.readUInt16LE(14),
    sequence: sector.readDoubleLE(16),
    guestMs: sector.readDoubleLE(24),
  };
}
