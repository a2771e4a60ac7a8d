/**
 * A second target in the storage guest: tgt, which lives in user space, with one logical unit of its
 * own beside LIO's. It has neither PREEMPT AND ABORT nor APTPL: what a poor array looks like.
 */
import { until } from './kernel/index.ts';
import type { Machine } from './lab.ts';

export const TGT_PORTAL = '10.99.0.10:3261';
export const TGT_NAME = 'iqn.2026-01.lab:tgt';
/** tgt's own controller is LUN 0. */
export const TGT_LUN = 1;

export async function startTgt(storage: Machine): Promise<void> {
  const image = '/var/lib/holdfast/tgt.img';
  await storage.ok(
    `truncate -s 32M ${image}
     setsid tgtd -f --iscsi portal=${TGT_PORTAL} >/lab/tgtd.log 2>&1 </dev/null &`,
  );
  await until(async () => (await storage.exec('tgtadm --mode target --op show')).status === 0, {
    what: 'tgtd answers',
    limitMs: 30_000,
  });
  await storage.ok(
    `tgtadm --lld iscsi --mode target --op new --tid 1 -T ${TGT_NAME}
     tgtadm --lld iscsi --mode logicalunit --op new --tid 1 --lun ${TGT_LUN} -b ${image}
     tgtadm --lld iscsi --mode target --op bind --tid 1 -I ALL`,
  );
}
