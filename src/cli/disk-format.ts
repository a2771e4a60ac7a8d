/**
 * `holdfast disk format`: a file system for a failover group on a disk that nobody uses. While it is
 * made the disk is reserved, so that two nodes cannot do it at once.
 */
import { randomInt } from 'node:crypto';
import type { ReservationKey } from '../fencing/fence-device.ts';
import type { Initiator, Verb } from '../fencing/verify/words.ts';
import { HoldfastError } from '../lib/error.ts';
import type { FilesystemType } from '../system/format.ts';
import type { CommandContext } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { untilInterrupted } from './interrupted.ts';

export type FormatWords = {
  readonly type: FilesystemType;
  readonly label?: string | undefined;
  readonly force?: boolean | undefined;
};

/** XFS takes 12 letters, ext4 16. */
const LABEL = /^[A-Za-z0-9._-]{1,12}$/;

/** @throws {HoldfastError} DISK_*, FORMAT_FAILED, USAGE */
export async function formatDisk(
  context: CommandContext,
  device: string,
  { type, label, force }: FormatWords,
): Promise<ExitCode> {
  if (label !== undefined && !LABEL.test(label)) {
    throw new HoldfastError('USAGE', { detail: '--label is 1 to 12 letters, digits, . _ -' });
  }
  const { openSubject } = await import('../fencing/verify/subject.ts');
  const { contentOf, format, sizeOf } = await import('../system/format.ts');
  const { readSuperblock } = await import('../system/superblock.ts');
  const ending = untilInterrupted();
  const subject = await openSubject({ device, initiator: 'format' });
  try {
    const { path, initiator } = subject;
    if (path === null) throw new HoldfastError('DISK_DEVICE_INVALID', { device, wanted: '/dev/…' });
    const content = await contentOf(path, ending.signal);
    if (content.length > 0 && force !== true) {
      throw new HoldfastError('DISK_NOT_EMPTY', { device: path, found: content.join(', ') });
    }
    const what = { device: path, type, label: label ?? null, bytes: await sizeOf(path) };
    await reserved(initiator, ending.signal, () => subject.lend(() => format(what, ending.signal)));
    const { uuid, journal } = await readSuperblock(path);
    if (context.json) context.printJson({ ok: true, device: path, type, uuid, journal });
    else context.print([`${path}: ${type}, uuid ${uuid}`]);
    return EXIT.ok;
  } finally {
    await subject.release();
    ending.over();
  }
}

const CLEANING_MS = 30_000;

/** @throws {HoldfastError} DISK_RESERVED when anybody has a key on the disk. */
async function reserved(
  initiator: Initiator,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  const { converse, look } = await import('../fencing/verify/release.ts');
  const { verificationKeys } = await import('../fencing/verify/keys.ts');
  const { formatKey } = await import('../fencing/protocol/key.ts');
  const { first: key } = verificationKeys(randomInt(2 ** 24));
  const { keys } = await converse(look(), initiator, signal);
  if (keys.length > 0) throw new HoldfastError('DISK_RESERVED', { keys: keys.map(formatKey) });
  await good(initiator, { kind: 'register', current: 0n, key, aptpl: false }, signal);
  try {
    await good(initiator, { kind: 'reserve', key, type: 1 }, signal);
    await work();
  } finally {
    await unregister(initiator, key);
  }
}

async function unregister(initiator: Initiator, key: ReservationKey): Promise<void> {
  const signal = AbortSignal.timeout(CLEANING_MS);
  await good(initiator, { kind: 'register', current: key, key: 0n, aptpl: false }, signal);
}

async function good(initiator: Initiator, verb: Verb, signal: AbortSignal): Promise<void> {
  const { ask } = await import('../fencing/verify/talk.ts');
  const { converse } = await import('../fencing/verify/release.ts');
  const { kind } = await converse(ask('first', verb), initiator, signal);
  if (kind !== 'good') throw new HoldfastError('DISK_RESERVED', { [verb.kind]: kind });
}
