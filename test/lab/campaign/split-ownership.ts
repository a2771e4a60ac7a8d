/**
 * The judge of a group with several disks: once a group is served, every disk of it is held by its
 * owner, under its epoch. Told by the target. Pure.
 */
import type { Owner } from '../failover-lab.ts';
import type { Reservation } from '../lab.ts';

/** The disks that somebody else holds, or nobody, in words. */
export function splitOwnership(
  reservations: readonly Reservation[],
  owner: Owner,
): readonly string[] {
  return reservations.flatMap(({ lun, holder, keys }) => {
    if (holder === null) return [`lun${lun} is held by nobody`];
    if (holder !== owner.id) return [`lun${lun} is held by node${holder}, not ${owner.node}`];
    const epoch = epochOf(keys[holder] ?? '0');
    return epoch === owner.epoch ? [] : [`lun${lun} is held under epoch ${epoch}`];
  });
}

/** The lower half of a reservation key. */
function epochOf(key: string): number {
  return Number.parseInt(key.slice(-8), 16);
}
