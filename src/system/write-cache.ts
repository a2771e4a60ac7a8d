/**
 * Whether a flush that an application waits for reaches the medium: the cache of the device against what
 * the kernel believes of it.
 *
 * The fear: the device keeps writes in a volatile cache, and the kernel was told "write through" (by a
 * udev rule, a driver's quirk, an administrator in a hurry). Then an fsync sends no SYNCHRONIZE CACHE, is
 * answered at once, and what it promised is gone with the power of the device. Barriers of the file system
 * do not help: it is the block layer that leaves them out.
 *
 * The device itself is asked (MODE SENSE, caching page), since the kernel's own word is what is in doubt.
 * One that has no such page is not blamed. Reference: SPC-4 §6.13; SBC-3 §6.5.5 (WCE); Linux
 * Documentation/ABI/stable/sysfs-block (write_cache).
 */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Millis } from '../lib/ids.ts';
import { SgDevice } from './sg-io.ts';
import { deviceNumber } from './superblock.ts';

const TIMEOUT_MS: Millis = 2_000;
const MAX_ATTENTIONS = 8;
const CACHING_PAGE = 0x08;
const WRITE_CACHE_ENABLED = 0x04;
const HEADER_BYTES = 8;
/** MODE SENSE (10), current values, no block descriptors. */
const MODE_SENSE = [0x5a, 0x08, CACHING_PAGE, 0, 0, 0, 0, 0, 64, 0];

/**
 * The disk whose cache the kernel does not flush, such as `sda`; null when there is none.
 *
 * @param device a disk, a partition, or a device mapper's map above disks
 */
export async function hiddenCache(device: string, signal: AbortSignal): Promise<string | null> {
  const place = await realpath(`/sys/dev/block/${await deviceNumber(device)}`);
  const isPartition = (await stat(`${place}/partition`).catch(() => null)) !== null;
  return await hiddenBelow(isPartition ? dirname(place) : place, signal);
}

async function hiddenBelow(place: string, signal: AbortSignal): Promise<string | null> {
  for (const slave of await readdir(`${place}/slaves`).catch(() => [])) {
    const found = await hiddenBelow(await realpath(`/sys/class/block/${slave}`), signal);
    if (found !== null) return found;
  }
  const believed = await readFile(`${place}/queue/write_cache`, 'utf8').catch(() => '');
  if (believed.trim() !== 'write through') return null;
  const [generic] = await readdir(`${place}/device/scsi_generic`).catch(() => []);
  if (generic === undefined) return null;
  return (await hasCache(`/dev/${generic}`, signal)) ? basename(place) : null;
}

async function hasCache(node: string, signal: AbortSignal): Promise<boolean> {
  const device = new SgDevice(node);
  try {
    for (let attempt = 0; attempt <= MAX_ATTENTIONS; attempt += 1) {
      const command = { cdb: MODE_SENSE, out: null, inLength: 64, timeoutMs: TIMEOUT_MS };
      const result = await device.execute(command, signal);
      if (result.kind !== 'completed') return false;
      if (result.status === 0) return isWriteBack(result.data);
    }
    return false;
  } finally {
    await device.close();
  }
}

/** WCE of the caching page in an answer to MODE SENSE (10). */
export function isWriteBack(answer: Buffer): boolean {
  if (answer.length < HEADER_BYTES) return false;
  const page = answer.subarray(HEADER_BYTES + answer.readUInt16BE(6));
  return ((page[0] ?? 0) & 0x3f) === CACHING_PAGE && ((page[2] ?? 0) & WRITE_CACHE_ENABLED) !== 0;
}
