/**
 * `holdfast disk release`: takes every reservation key off a disk. Without `--force` it only says
 * whose they are. Where the daemon of this node answers, a disk that a group owns is never released.
 */
import { randomInt } from 'node:crypto';
import { formatKey, isOurs, unpackKey } from '../fencing/protocol/key.ts';
import type { OnDisk } from '../fencing/verify/release.ts';
import { HoldfastError } from '../lib/error.ts';
import type { ClusterStatus } from '../operator/api.ts';
import type { CommandContext } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { untilInterrupted } from './interrupted.ts';

export type ReleaseWords = { readonly force?: boolean | undefined };

/** What the daemon of this node knows; null where none answers. */
type Known = { readonly tag: number; readonly status: ClusterStatus } | null;

/** @throws {HoldfastError} RELEASE_*, DISK_*: nothing was changed, but for RELEASE_INCOMPLETE. */
export async function releaseDisk(
  context: CommandContext,
  device: string,
  { force }: ReleaseWords,
): Promise<ExitCode> {
  const { openSubject } = await import('../fencing/verify/subject.ts');
  const { converse, look, release } = await import('../fencing/verify/release.ts');
  const { verificationKeys } = await import('../fencing/verify/keys.ts');
  const ending = untilInterrupted();
  const subject = await openSubject({ device, initiator: 'release' });
  try {
    const found = await converse(look(), subject.initiator, ending.signal);
    const known = await askDaemon(context);
    refuseOwned(found, known);
    const keys = found.keys.map((key) => describe(key, found, known));
    if (found.keys.length > 0 && force !== true) {
      if (!context.json) context.print(keys);
      throw new HoldfastError('RELEASE_NOT_FORCED', { device, keys });
    }
    const { first } = verificationKeys(randomInt(2 ** 24));
    const left = await converse(release(first), subject.initiator, ending.signal);
    if (left.keys.length > 0 || left.type !== null) {
      throw new HoldfastError('RELEASE_INCOMPLETE', { device, left: left.keys.map(formatKey) });
    }
    if (context.json) context.printJson({ ok: true, device, released: keys });
    else if (keys.length === 0) context.print([`${device}: nobody has a key on it`]);
    else context.print([...keys, `${device}: released; every machine that sees it may write`]);
    return EXIT.ok;
  } finally {
    await subject.release();
    ending.over();
  }
}

async function askDaemon(context: CommandContext): Promise<Known> {
  const { clusterTag } = await import('../fencing/protocol/key.ts');
  try {
    const { clusterId, data } = await context.client.get<ClusterStatus>('/v1/status');
    return { tag: clusterTag(clusterId), status: data };
  } catch (error) {
    // No daemon here, and so nobody to ask: the operator answers for it with `--force`.
    if (error instanceof HoldfastError && error.code === 'DAEMON_UNREACHABLE') return null;
    throw error;
  }
}

/** An epoch is given to one group only, so a key tells which group it serves. */
function refuseOwned({ keys }: OnDisk, known: Known): void {
  if (known === null) return;
  for (const { group, owner, epoch } of known.status.groups) {
    const key = keys.find((each) => isOurs(each, known.tag) && unpackKey(each).epoch === epoch);
    if (owner === null || key === undefined) continue;
    throw new HoldfastError('RELEASE_OWNED', { group, owner, epoch, key: formatKey(key) });
  }
}

function describe(key: bigint, { holder, type }: OnDisk, known: Known): string {
  const { node, epoch } = unpackKey(key);
  const holds = holder === key || holder === 0n ? `, holds (type ${type})` : '';
  const member = known?.status.members.find(({ number }) => number === node)?.node;
  const ours = known !== null && isOurs(key, known.tag);
  const whose = ours ? `${member ?? `node ${node}`}, epoch ${epoch}` : 'not of this cluster';
  return `${formatKey(key)}  ${known === null ? 'whose is not known here' : whose}${holds}`;
}
