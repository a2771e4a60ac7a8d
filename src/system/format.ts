/**
 * Makes a file system for a failover group: ext4 or XFS, with a journal that is replayed quickly,
 * and says what a disk carries already.
 *
 * A journal is read and replayed on each failover while everybody waits; the default of a large disk
 * (a gibibyte for ext4, two for XFS) buys throughput that few services need. Barriers stay, and an
 * error makes ext4 read-only, which the agent watches.
 *
 * Reference: mke2fs(8), mkfs.xfs(8), wipefs(8).
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { run } from './run.ts';

export const FILESYSTEMS = ['ext4', 'xfs'] as const;
export type FilesystemType = (typeof FILESYSTEMS)[number];

export type Format = {
  readonly device: string;
  readonly type: FilesystemType;
  readonly label: string | null;
  readonly bytes: number;
};

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const ZERO_CHECK_BYTES = MIB;
const LOOK_TIMEOUT_MS: Millis = 30_000;
/** A large disk is discarded first, which some arrays do slowly. */
const FORMAT_TIMEOUT_MS: Millis = 30 * 60_000;

/** The command line; what was on the disk was asked about before. */
export function formatCommand({ device, type, label, bytes }: Format): readonly string[] {
  const named = label === null ? [] : ['-L', label];
  if (type === 'xfs') return ['mkfs.xfs', '-q', '-f', '-l', 'size=64m', ...named, device];
  const journal = ['-J', `size=${ext4JournalMib(bytes)}`];
  const plain = ['-q', '-F', '-m', '0', '-e', 'remount-ro', '-E', 'lazy_journal_init=0'];
  return ['mkfs.ext4', ...plain, ...journal, ...named, device];
}

/** mke2fs wants 1024 blocks at least, and half of the file system at most. */
function ext4JournalMib(bytes: number): number {
  if (bytes >= 8 * GIB) return 64;
  return bytes >= GIB ? 16 : 4;
}

/**
 * What the disk carries: the names of signatures, or `data` where there is none but the first MiB
 * is not zero; empty for a disk that was never used.
 *
 * @throws HoldfastError DEVICE_UNREADABLE, COMMAND_NOT_FOUND
 */
export async function contentOf(device: string, signal: AbortSignal): Promise<readonly string[]> {
  const bound = { signal, timeoutMs: LOOK_TIMEOUT_MS };
  const { status, stdout, stderr } = await run(['wipefs', '--no-act', '--parsable', device], bound);
  if (status !== 0) throw new HoldfastError('DEVICE_UNREADABLE', { device, detail: stderr.trim() });
  const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  // Offset, UUID, label, type.
  const signatures = lines.map((line) => line.split(',').at(-1) ?? '');
  if (signatures.length > 0) return [...new Set(signatures)];
  return (await isZero(device)) ? [] : ['data'];
}

async function isZero(device: string): Promise<boolean> {
  try {
    const handle = await open(device, constants.O_RDONLY);
    try {
      const { buffer, bytesRead } = await handle.read(
        Buffer.alloc(ZERO_CHECK_BYTES),
        0,
        ZERO_CHECK_BYTES,
        0,
      );
      return buffer.subarray(0, bytesRead).every((byte) => byte === 0);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new HoldfastError('DEVICE_UNREADABLE', { device }, { cause });
  }
}

/** @throws HoldfastError FORMAT_FAILED, COMMAND_NOT_FOUND, COMMAND_TIMED_OUT */
export async function format(what: Format, signal: AbortSignal): Promise<void> {
  const argv = formatCommand(what);
  const { status, stdout, stderr } = await run(argv, { signal, timeoutMs: FORMAT_TIMEOUT_MS });
  if (status === 0) return;
  const said = `${stdout}${stderr}`.trim().slice(-500);
  throw new HoldfastError('FORMAT_FAILED', { command: argv.join(' '), status, said });
}

/** Bytes of a block device, or of a file. @throws HoldfastError DEVICE_UNREADABLE */
export async function sizeOf(device: string): Promise<number> {
  const bound = { signal: AbortSignal.timeout(LOOK_TIMEOUT_MS), timeoutMs: LOOK_TIMEOUT_MS };
  const { status, stdout } = await run(['blockdev', '--getsize64', device], bound);
  const bytes = Number(stdout.trim());
  if (status !== 0 || !Number.isSafeInteger(bytes)) {
    throw new HoldfastError('DEVICE_UNREADABLE', { device });
  }
  return bytes;
}
