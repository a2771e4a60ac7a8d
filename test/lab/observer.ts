/**
 * An independent look at what the machines really do: mounts and addresses out of each guest's
 * kernel, reservations out of the *target's*, so that neither the daemon nor the initiators are
 * asked what they believe. Then `violations`, pure, says what must not be.
 *
 * A look takes some ten milliseconds a guest and the guests are not looked at in one instant: what
 * lasts shorter is not seen here (addresses: see `watch/`). A frozen guest does not answer, and is
 * reported as silent.
 */

import type { Lab, Reservation } from './lab.ts';

export type Mount = {
  readonly lun: number;
  readonly path: string;
  readonly type: string;
  readonly writable: boolean;
};
export type GuestView = {
  readonly guest: number;
  readonly state: 'answers' | 'silent' | 'off';
  readonly mounts: readonly Mount[];
  /** Addresses on the public network, without the machine's own. */
  readonly floating: readonly string[];
};
export type Observation = {
  readonly at: number;
  readonly guests: readonly GuestView[];
  readonly reservations: readonly Reservation[];
};

const lookTimeoutMs = 5_000;

/** @param silent machines that are known not to answer, and are not waited for */
export async function observe(
  lab: Lab,
  luns: number,
  silent: readonly number[] = [],
): Promise<Observation> {
  const [reservations, ...guests] = await Promise.all([
    lab.reservations(luns, lookTimeoutMs),
    ...lab.nodes.map(({ id }) => look(lab, id, silent.includes(id))),
  ]);
  return { at: Date.now(), guests, reservations };
}

/** What must not be: writable twice and not fenced, or an address on two machines. */
export function violations({ guests, reservations }: Observation): readonly string[] {
  const found: string[] = [];
  for (const { lun, holder, keys } of reservations) {
    const writers = guests.filter((g) => g.mounts.some((m) => m.lun === lun && m.writable));
    // A mount of a machine whose key is gone is a corpse: the target refuses its writes.
    const able = writers.filter((g) => holder === null || holder === g.guest || g.guest in keys);
    if (able.length > 1) {
      found.push(`lun${lun} can be written by ${able.map((g) => `node${g.guest}`).join(' and ')}`);
    }
  }
  const owners = Map.groupBy(
    guests.flatMap((g) => g.floating.map((address) => ({ address, guest: g.guest }))),
    ({ address }) => address,
  );
  for (const [address, at] of owners) {
    if (at.length > 1)
      found.push(`${address} is on ${at.map((o) => `node${o.guest}`).join(' and ')}`);
  }
  return found;
}

async function look(lab: Lab, id: number, isSilent: boolean): Promise<GuestView> {
  const guest = lab.guest(id);
  const none = { guest: id, mounts: [], floating: [] };
  if (!guest.isOn) return { ...none, state: 'off' };
  if (isSilent) return { ...none, state: 'silent' };
  const { status, output } = await guest.exec(
    `for l in /dev/lab/lun*; do echo "lun $l $(readlink $l)"; done
     while read -r l; do echo "mount $l"; done < /proc/mounts
     ip -o -4 addr show | grep ' 10\\.99\\.3\\.'`,
    lookTimeoutMs,
  );
  if (status === -1) return { ...none, state: guest.isOn ? 'silent' : 'off' };
  const luns = new Map<string, number>();
  const mounts: Mount[] = [];
  const floating: string[] = [];
  for (const line of output.split('\n')) {
    const words = line.split(' ');
    if (words[0] === 'lun') luns.set(words[2] ?? '', Number(/\d+$/.exec(words[1] ?? '')?.[0]));
    else if (words[0] === 'mount') {
      const lun = luns.get(words[1] ?? '');
      const [path = '', type = '', options = ''] = words.slice(2);
      if (lun !== undefined)
        mounts.push({ lun, path, type, writable: options.split(',').includes('rw') });
    } else {
      const address = /inet (\S+)\//.exec(line)?.[1];
      if (address !== undefined && address !== `10.99.3.${10 + id}`) floating.push(address);
    }
  }
  return { guest: id, state: 'answers', mounts, floating };
}
