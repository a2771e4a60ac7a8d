/** A second nexus of LUN 0 on one machine of the laboratory, logged in once. */
import { extraSession } from '../lab/extra-session.ts';
import type { Guest } from '../lab/kernel/index.ts';

const OTHER = '/dev/lab/other';

/** Logs in once more, under the name of the second machine; answers the block device. */
export async function secondSession(guest: Guest): Promise<string> {
  if ((await guest.exec(`test -b ${OTHER}`)).status !== 0) {
    const device = await extraSession(guest, { initiator: 'iqn.2026-01.lab:node2', lun: 0 });
    await guest.ok(`ln -sfn ${device} ${OTHER}`);
  }
  return (await guest.ok(`readlink -f ${OTHER}`)).trim();
}
