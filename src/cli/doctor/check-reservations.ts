/**
 * The reservations of each disk, read on every path and compared with what the cluster has committed.
 * Only PR IN commands are sent: nothing is registered, so that a look never gives a right.
 *
 * Reference: SPC-4 §5.13; DESIGN §8.
 */
import { clusterTag, formatKey, isOurs, unpackKey } from '../../fencing/protocol/key.ts';
import { type Finding, type Findings, findingsOf } from './finding.ts';

export type PathFacts = {
  readonly path: string;
  /** null: the path answered. */
  readonly error: string | null;
  readonly keys: readonly bigint[];
  readonly holder: bigint | null;
  readonly type: number | null;
};

export type DiskFacts = {
  readonly group: string;
  readonly disk: string;
  /** Why it could not be opened at all; null: it was. */
  readonly error: string | null;
  readonly paths: readonly PathFacts[];
  /** Reservations outlive a power loss of the target; null: nothing is registered yet. */
  readonly persistent: boolean | null;
  readonly accepted: { readonly volatile: boolean };
  /** As committed; null: nobody owns the group, or no daemon answers. */
  readonly owner: { readonly number: number; readonly epoch: number } | null;
};

const { good, unknown, warning, failure } = findingsOf('reservations');

export function checkReservations(clusterId: string, disks: readonly DiskFacts[]): Findings {
  if (disks.length === 0) {
    const advice = 'name a file that has the groups: `holdfast doctor --config FILE`';
    return [unknown('no disk is known from the configuration', advice)];
  }
  return disks.flatMap((disk) => checkDisk(clusterTag(clusterId), disk));
}

function checkDisk(tag: number, facts: DiskFacts): Findings {
  const { group, disk, error, paths, persistent, accepted } = facts;
  const name = `${group}/${disk}`;
  if (error !== null) {
    const advice = 'look at cable, zoning or session; until then this node cannot take the group';
    return [failure(`${name} is not reached: ${error}`, advice)];
  }
  const lost = paths.filter((path) => path.error !== null);
  const answered = paths.filter((path) => path.error === null);
  return [
    ...lost.map(({ path, error: why }) =>
      failure(`${name}: path ${path} does not answer: ${why}`, 'look at this path; others serve'),
    ),
    ...(persistent === false && !accepted.volatile
      ? [
          failure(
            `${name}: reservations do not outlive a power loss of the storage (PTPL_A is 0)`,
            'switch APTPL on at the storage; `holdfast disk verify` shows what is missing',
          ),
        ]
      : []),
    ...(answered.length === 0 ? [] : [checkHolder(tag, facts, answered)]),
  ];
}

function checkHolder(tag: number, facts: DiskFacts, paths: readonly PathFacts[]): Finding {
  const { group, disk, owner } = facts;
  const name = `${group}/${disk}`;
  const [first] = paths;
  const holder = first?.holder ?? null;
  if (paths.some((path) => path.holder !== holder)) {
    const seen = paths.map(({ path, holder: by }) => `${path}: ${keyText(by)}`).join('; ');
    const advice = 'two paths with two holders are two disks: compare their identities at once';
    return failure(`${name}: the paths name different holders (${seen})`, advice);
  }
  if (holder === null) {
    return owner === null
      ? warning(
          `${name} is reserved by nobody: any machine that sees it may write`,
          'it is reserved with the first takeover; if there was one, somebody released it',
        )
      : failure(
          `${name} is reserved by nobody, though it is owned: any machine may write`,
          `move the group once: \`holdfast move ${group}\` takes the disk anew`,
        );
  }
  if (!isOurs(holder, tag)) {
    return failure(
      `${name} is reserved by a stranger, ${formatKey(holder)}`,
      'find out whose it is; `holdfast disk release` gives up only what is no longer in use',
    );
  }
  const parts = unpackKey(holder);
  const who = `member ${parts.node} in epoch ${parts.epoch}`;
  if (owner === null) return good(`${name} is held by ${who} on ${paths.length} paths`);
  if (parts.epoch === owner.epoch && parts.node === owner.number) {
    const missing = paths.filter(({ keys }) => !keys.includes(holder)).map(({ path }) => path);
    if (missing.length === 0) {
      return good(`${name} is held by its owner, ${who}, on all ${paths.length} paths`);
    }
    const advice = 'a path that came back joins under a new epoch: move the group once';
    return warning(`${name}: the owner is not registered on ${missing.join(', ')}`, advice);
  }
  const wanted = `member ${owner.number} in epoch ${owner.epoch}`;
  return failure(
    `${name} is held by ${who}, but ${wanted} owns the group`,
    'wait for the takeover that is under way and look again; `holdfast why` says what it waits for',
  );
}

function keyText(key: bigint | null): string {
  return key === null ? 'nobody' : formatKey(key);
}
