/** A second nexus of the same disk on one machine of the laboratory. */
import { type Guest, until } from '../lab/kernel/index.ts';

const patience = { what: 'the second session has its disk', limitMs: 120_000, intervalMs: 200 };

/** Logs in once more, under the name of the second machine; answers the block device. */
export async function secondSession(guest: Guest, disk: string): Promise<string> {
  const other = '/dev/lab/other';
  if ((await guest.exec(`test -b ${other}`)).status === 0) {
    return (await guest.ok(`readlink -f ${other}`)).trim();
  }
  const set = 'iscsiadm -m iface -I other --op=update';
  await guest.ok(`iscsiadm -m iface -I other --op=new
    ${set} -n iface.initiatorname -v iqn.2026-01.lab:node2
    ${set} -n iface.transport_name -v tcp
    iscsiadm -m discovery -t st -p 10.99.0.10 -I other >/dev/null 2>&1
    iscsiadm -m node -I other -l >/dev/null`);
  await until(async () => {
    const found = (await guest.ok('ls /sys/block')).match(/sd[a-z]/g) ?? [];
    const device = (await guest.ok(`readlink -f ${disk}`)).trim();
    const name = found.find((each) => `/dev/${each}` !== device);
    if (name === undefined) return false;
    return (await guest.exec(`test -b /dev/${name} && ln -sfn /dev/${name} ${other}`)).status === 0;
  }, patience);
  return (await guest.ok(`readlink -f ${other}`)).trim();
}
