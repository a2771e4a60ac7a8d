/**
 * A further iSCSI session of a guest, under another initiator's name: another I_T nexus of the same
 * disks, as a second machine or a second host adapter would be.
 */
import { until } from './kernel/index.ts';
import type { Machine } from './lab.ts';

export const SAN_PORTAL = '10.99.0.10:3260';
const LIMIT_MS = 60_000;

export type ExtraSession = {
  /** One of those that the target lets in: `iqn.2026-01.lab:nodeN`. */
  readonly initiator: string;
  readonly portal?: string;
  /** Of the disk that is wanted. */
  readonly lun: number;
};

/** Logs in and answers the block device that appeared. */
export async function extraSession(
  guest: Machine,
  { initiator, portal = SAN_PORTAL, lun }: ExtraSession,
): Promise<string> {
  const before = await disks(guest, lun);
  const iface = `${initiator.replaceAll(/[^a-z0-9]/g, '-')}-${portal.split(':')[1]}`;
  const set = `iscsiadm -m iface -I ${iface} --op=update`;
  await guest.ok(`iscsiadm -m iface -I ${iface} --op=new
    ${set} -n iface.initiatorname -v ${initiator}
    ${set} -n iface.transport_name -v tcp
    iscsiadm -m discovery -t st -p ${portal} -I ${iface} >/dev/null 2>&1
    iscsiadm -m node -p ${portal} -I ${iface} -l >/dev/null`);
  return await until(
    async () => {
      const fresh = (await disks(guest, lun)).find((device) => !before.includes(device));
      return fresh !== undefined && (await guest.exec(`test -b ${fresh}`)).status === 0 && fresh;
    },
    { what: `${guest.name}: the session as ${initiator} has its disk`, limitMs: LIMIT_MS },
  );
}

async function disks(guest: Machine, lun: number): Promise<readonly string[]> {
  const { output } = await guest.exec(`ls -d /sys/bus/scsi/devices/*:${lun}/block/*`);
  return output.split('\n').flatMap((line) => {
    const name = /block\/(sd[a-z]+)$/.exec(line)?.[1];
    return name === undefined ? [] : [`/dev/${name}`];
  });
}
