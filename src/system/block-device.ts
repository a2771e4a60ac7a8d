/**
 * A disk as this machine's kernel knows it: its identity, who holds it, whether it can be had
 * exclusively, and one read that no cache answers.
 *
 * The intuition: the proof that nobody uses a disk is not a list of users that one might have
 * looked up incompletely, but the kernel's own exclusive claim. An open with O_EXCL succeeds only
 * if no file system of any mount namespace, no swap, no device mapper, no RAID has claimed the disk
 * or one of its partitions, and keeps them out while it lasts. The lists only explain a refusal,
 * except for two kinds of users that claim nothing: loop devices and raw writers. Those are looked
 * for.
 *
 * What `/dev` and `/sys` say is asked at once, without a thread: they answer from memory, in
 * microseconds, and a takeover asks some fifty times. Whatever may wait for a device has a thread.
 *
 * It opens nothing for writing and decides nothing. Reference: linux/block/bdev.c (bd_may_claim),
 * proc(5), sysfs-block; SPC-4 §7.8.6 (VPD page 83h).
 */
import {
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { type FileHandle, open, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { parseMountInfo } from './mounts.ts';
import { addressOf, ioctl } from './sg-io.ts';
import { deviceNumber } from './superblock.ts';

export type BlockDevice = {
  /** `/dev/sda`, without links. */
  readonly path: string;
  /** `sda` */
  readonly name: string;
  readonly rdev: number;
};

/**
 * @throws HoldfastError DISK_DEVICE_INVALID when it is missing, no block device, or a partition.
 */
export async function findBlockDevice(path: string): Promise<BlockDevice> {
  try {
    const real = realpathSync(path);
    const facts = statSync(real);
    const name = facts.isBlockDevice() ? kernelName(real) : '';
    if (name !== '' && existsSync(`/sys/block/${name}`)) {
      return { path: real, name, rdev: facts.rdev };
    }
  } catch (cause) {
    throw new HoldfastError('DISK_DEVICE_INVALID', { device: path, found: 'nothing' }, { cause });
  }
  throw new HoldfastError('DISK_DEVICE_INVALID', { device: path, found: 'no whole disk' });
}

/** `/dev/mapper/x` may be a node of its own: the kernel calls it `dm-0`. */
function kernelName(path: string): string {
  return basename(readlinkSync(`/sys/dev/block/${deviceNumber(path)}`));
}

/**
 * The disks whose VPD page 83h, as the kernel read it when it found them, names this identity. More
 * than one: they are paths to one disk. The caller reads the page anew before it trusts them.
 */
export async function findByIdentity(identity: string): Promise<readonly string[]> {
  const names = await readdir('/sys/block').catch(() => []);
  const found: string[] = [];
  for (const name of names.toSorted()) {
    const page = await readFile(`/sys/block/${name}/device/vpd_pg83`).catch(() => null);
    // A namespace of NVMe has no such page; the kernel writes its identity into `wwid`.
    const wwid = await readFile(`/sys/block/${name}/wwid`, 'utf8').catch(() => '');
    const known = page === null ? wwid.trim() : identityOf(page);
    if (known === identity) found.push(`/dev/${name}`);
  }
  return found;
}

/**
 * The character device that carries the disk's SCSI commands, `/dev/sg3`; null without the sg
 * module.
 */
export async function scsiGeneric(device: BlockDevice): Promise<string | null> {
  const [name] = namesIn(`/sys/block/${device.name}/device/scsi_generic`);
  return name !== undefined && existsSync(`/dev/${name}`) ? `/dev/${name}` : null;
}

/**
 * The identity that a VPD page 83h gives its logical unit, as Linux' `wwid` writes it: `naa.…`,
 * else `eui.…`, else the SCSI name string, else `t10.…`. Null: it names none.
 */
export function identityOf(page: Uint8Array): string | null {
  if (page[1] !== 0x83) return null;
  const end = Math.min(page.length, 4 + (((page[2] ?? 0) << 8) | (page[3] ?? 0)));
  const names = new Map<number, string>();
  for (let at = 4; at + 4 <= end; ) {
    const length = page[at + 3] ?? 0;
    const association = ((page[at + 1] ?? 0) >> 4) & 3;
    const type = (page[at + 1] ?? 0) & 0x0f;
    const value = page.subarray(at + 4, Math.min(end, at + 4 + length));
    if (association === 0 && !names.has(type)) names.set(type, designator(type, value));
    at += 4 + length;
  }
  const best = [NAA, EUI, NAME_STRING, T10_VENDOR].find((type) => names.has(type));
  return best === undefined ? null : (names.get(best) ?? null);
}

const NAA = 3;
const EUI = 2;
const NAME_STRING = 8;
const T10_VENDOR = 1;

function designator(type: number, value: Uint8Array): string {
  const bytes = Buffer.from(value);
  const text = bytes.toString('latin1').replace(/\0+$/, '').trim();
  switch (type) {
    case NAA:
      return `naa.${bytes.toString('hex')}`;
    case EUI:
      return `eui.${bytes.toString('hex')}`;
    case NAME_STRING:
      return text;
    default:
      return `t10.${text}`;
  }
}

/** The kernel's exclusive claim on a disk: while it lasts, nothing of this machine can mount it. */
export class ExclusiveClaim {
  readonly device: BlockDevice;
  readonly #handle: FileHandle;

  constructor(device: BlockDevice, handle: FileHandle) {
    this.device = device;
    this.#handle = handle;
  }

  /**
   * Drops every page of the disk and its partitions that was read earlier. BLKFLSBUF writes dirty
   * pages before it drops; under the claim, and with no writer, there are none: a page is dirtied
   * only through a mount (excluded by the claim) or by a raw writer (excluded by `rawWriters`), and
   * the kernel writes back what a writer left when the last one closes the disk.
   *
   * @throws HoldfastError DISK_IN_USE when the kernel refuses.
   */
  async dropPages(): Promise<void> {
    const { name, path } = this.device;
    if ((await ioctl(this.#handle.fd, BLKFLSBUF, null)) < 0) {
      throw new HoldfastError('DISK_IN_USE', { device: path, refused: 'BLKFLSBUF' });
    }
    for (const partition of partitions(name)) {
      const handle = await open(`/dev/${partition}`, constants.O_RDONLY);
      const answer = await ioctl(handle.fd, BLKFLSBUF, null).finally(() => handle.close());
      if (answer < 0) throw new HoldfastError('DISK_IN_USE', { device: `/dev/${partition}` });
    }
  }

  release(): Promise<void> {
    return this.#handle.close();
  }
}

const BLKFLSBUF = 0x1261;

/**
 * Null: somebody has claimed the disk or a partition of it. @throws HoldfastError DISK_PATHS_LOST
 */
export async function claim(device: BlockDevice): Promise<ExclusiveClaim | null> {
  try {
    // Read only: closing a device that was open for writing makes udev look at it again.
    const handle = await open(device.path, constants.O_RDONLY | constants.O_EXCL);
    return new ExclusiveClaim(device, handle);
  } catch (cause) {
    if (isSystemError(cause) && cause.code === 'EBUSY') return null;
    throw new HoldfastError('DISK_PATHS_LOST', { device: device.path }, { cause });
  }
}

/** Where the disk or a partition is mounted, in any mount namespace that a process lives in. */
export async function mountsEverywhere(device: BlockDevice): Promise<readonly string[]> {
  const names = [device.name, ...partitions(device.name)];
  const numbers = new Set(names.map(numberOf));
  const sources = new Set(names.map((name) => `/dev/${name}`));
  const seen = new Set<string>();
  const found = new Set<string>();
  for (const pid of processes()) {
    const namespace = await readlink(`/proc/${pid}/ns/mnt`).catch(() => null);
    if (namespace === null || seen.has(namespace)) continue;
    seen.add(namespace);
    const table = await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '');
    for (const mount of parseMountInfo(table)) {
      // Btrfs shows an anonymous device number and names the disk only as its source.
      if (numbers.has(mount.device) || sources.has(mount.source)) found.add(mount.directory);
    }
  }
  return [...found];
}

/** Device mapper, RAID and loop devices that lie on the disk or a partition of it. */
export async function holdersOf(device: BlockDevice): Promise<readonly string[]> {
  const names = [device.name, ...partitions(device.name)];
  const found = new Set<string>();
  for (const name of names) {
    const directory = name === device.name ? name : `${device.name}/${name}`;
    for (const holder of namesIn(`/sys/block/${directory}/holders`)) found.add(holder);
  }
  const paths = new Set(names.map((name) => `/dev/${name}`));
  for (const loop of namesIn('/sys/block')) {
    if (!loop.startsWith('loop')) continue;
    if (paths.has(textOf(`/sys/block/${loop}/loop/backing_file`))) found.add(loop);
  }
  return [...found];
}

/**
 * The paths of a dm-multipath map, as it uses them now; null for any other device. `root`: where
 * sysfs is.
 */
export async function multipathMembers(
  { name }: Pick<BlockDevice, 'name'>,
  root = '/sys/block',
): Promise<readonly string[] | null> {
  if (!textOf(`${root}/${name}/dm/uuid`).startsWith(MULTIPATH_UUID)) return null;
  const members = namesIn(`${root}/${name}/slaves`);
  return members.toSorted().map((member) => `/dev/${member}`);
}

/** The dm-multipath map that uses this disk as a path, such as `/dev/dm-0`; null without one. */
export async function multipathAbove(
  { name }: Pick<BlockDevice, 'name'>,
  root = '/sys/block',
): Promise<string | null> {
  for (const holder of namesIn(`${root}/${name}/holders`)) {
    if ((await multipathMembers({ name: holder }, root)) !== null) return `/dev/${holder}`;
  }
  return null;
}

/** What multipath-tools writes before the identity of the disk. */
const MULTIPATH_UUID = 'mpath-';

/**
 * Processes that have the disk or a partition open for writing: `pid (command)`.
 *
 * Links of `/proc` are read at once, without a thread: one costs microseconds, and there are
 * thousands. So that nothing else waits for long, the loop has its turn every other millisecond.
 */
export async function rawWriters(device: BlockDevice): Promise<readonly string[]> {
  const names = partitions(device.name);
  const facts = names.map((name) => statSync(`/dev/${name}`, { throwIfNoEntry: false }));
  const numbers = new Set([device.rdev, ...facts.flatMap((each) => (each ? [each.rdev] : []))]);
  const found: string[] = [];
  let sliceMs = performance.now();
  for (const pid of processes()) {
    for (const fd of namesIn(`/proc/${pid}/fd`)) {
      if (performance.now() - sliceMs > SLICE_MS) {
        await turn();
        sliceMs = performance.now();
      }
      // Only what is named like a device is looked at: to ask a file of a dead server would hang.
      if (!linkOf(`/proc/${pid}/fd/${fd}`).includes('/dev/')) continue;
      if (!(await writesTo(pid, fd, numbers))) continue;
      const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?');
      found.push(`${pid} (${command.trim()})`);
    }
  }
  return found;
}

const SLICE_MS: Millis = 2;

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // not there, or a process that has ended
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return ''; // not there, which is what the answer says
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed meanwhile
  }
}

async function writesTo(pid: string, fd: string, numbers: ReadonlySet<number>): Promise<boolean> {
  const facts = await stat(`/proc/${pid}/fd/${fd}`).catch(() => null);
  if (facts === null || !facts.isBlockDevice() || !numbers.has(facts.rdev)) return false;
  const info = await readFile(`/proc/${pid}/fdinfo/${fd}`, 'utf8').catch(() => '');
  const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? '0', 8);
  return (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
}

const READ_BYTES = 4096;
/** EBADE, which Node has no name for: what Linux makes of the status RESERVATION CONFLICT. */
const RESERVATION_CONFLICT = -52;
/**
 * Paths whose last read has not come back: a dead disk is given one thread, not one per attempt.
 */
const outstanding = new Set<string>();

/**
 * One read of the first 4 KiB that no cache answers (O_DIRECT); answers how long it took. The
 * signal is the deadline; a read that is stuck in the kernel is left there, and no second one is
 * sent after it.
 *
 * @throws HoldfastError DISK_PATH_SLOW (no answer in time, or an earlier read is still out),
 *   DISK_PATHS_LOST (the read failed)
 */
export async function readDirect(path: string, signal: AbortSignal): Promise<Millis> {
  if (outstanding.has(path) || signal.aborted) {
    throw new HoldfastError('DISK_PATH_SLOW', { device: path });
  }
  const begunMs = performance.now();
  outstanding.add(path);
  const read = readFirst(path).finally(() => outstanding.delete(path));
  await new Promise<void>((resolve, reject) => {
    const late = () => reject(new HoldfastError('DISK_PATH_SLOW', { device: path }));
    signal.addEventListener('abort', late, { once: true });
    read
      .then(resolve, (cause: unknown) => {
        reject(new HoldfastError('DISK_PATHS_LOST', { device: path }, { cause }));
      })
      .finally(() => signal.removeEventListener('abort', late));
  });
  return performance.now() - begunMs;
}

async function readFirst(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECT);
  try {
    // O_DIRECT wants memory at a multiple of the block size.
    const room = Buffer.alloc(2 * READ_BYTES);
    const offset = Number(BigInt(READ_BYTES) - (addressOf(room) % BigInt(READ_BYTES)));
    await handle.read(room, offset % READ_BYTES, READ_BYTES, 0);
  } catch (error) {
    // Somebody's exclusive access: the disk itself has answered, and that is what was asked.
    if (!isSystemError(error) || error.errno !== RESERVATION_CONFLICT) throw error;
  } finally {
    await handle.close();
  }
}

function partitions(name: string): readonly string[] {
  return namesIn(`/sys/block/${name}`).filter(
    (each) => each.startsWith(name) && existsSync(`/sys/block/${name}/${each}/partition`),
  );
}

function numberOf(name: string): string {
  return textOf(`/sys/class/block/${name}/dev`);
}

function processes(): readonly string[] {
  return namesIn('/proc').filter((name) => /^\d+$/.test(name));
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error;
}
