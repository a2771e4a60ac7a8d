/**
 * Which file systems and mount options a failover can live with. What an application was told is
 * durable must be there afterwards (P3), so a mount has a journal, replays it, and keeps barriers;
 * anything else is refused here and not at three in the morning.
 */
import { z } from 'zod';

const JOURNALED: readonly string[] = ['ext4', 'xfs', 'ext3', 'btrfs'];
/** No kernel of today mounts it any more. */
const GONE: readonly string[] = ['reiserfs', 'reiser4'];
const WITHOUT_JOURNAL: readonly string[] = ['ext2', 'vfat', 'msdos', 'exfat', 'minix', 'udf'];

/** @throws as a fault: NO_JOURNAL, CONFIG_INVALID */
export const filesystemType = z.string().superRefine((type, context) => {
  if (JOURNALED.includes(type)) return;
  const message = `expected ${JOURNALED.join(' or ')}, not ${JSON.stringify(type)}`;
  const problem = WITHOUT_JOURNAL.includes(type) ? 'NO_JOURNAL' : null;
  const params = GONE.includes(type) ? { problem: 'FILESYSTEM_GONE' } : problem ? { problem } : {};
  context.addIssue({ code: 'custom', message, params });
});

/** ext3/ext4: `nobarrier`, `barrier=0`, `barrier=none`; XFS once had `nobarrier` (xfs(5)). */
const GIVES_UP_BARRIERS = /^(nobarrier|barrier=(0|none|no|off))$/i;
/** ext4: `noload`; XFS: `norecovery`; Btrfs: `nologreplay`, `rescue=…`: without replaying the journal. */
const SKIPS_THE_JOURNAL =
  /^(noload|norecovery|nologreplay|usebackuproot|rescue=.*|recovery|degraded)$/i;

const optionList = z
  .union(
    [z.string(), z.array(z.string())],
    'expected a list of mount options, or a text with commas',
  )
  .transform((value) =>
    (typeof value === 'string' ? value.split(',') : value).map((o) => o.trim()),
  );

/** A list of single options. @throws as a fault: BARRIER_REFUSED, NO_JOURNAL, CONFIG_INVALID */
export const mountOptions = optionList.superRefine((options, context) => {
  options.forEach((option, index) => {
    const fault = faultOf(option);
    if (fault === null) return;
    const params = fault.problem === null ? {} : { problem: fault.problem };
    context.addIssue({ code: 'custom', path: [index], message: fault.message, params });
  });
});

function faultOf(
  option: string,
): { readonly problem: string | null; readonly message: string } | null {
  const quoted = JSON.stringify(option);
  if (GIVES_UP_BARRIERS.test(option)) {
    return { problem: 'BARRIER_REFUSED', message: `${quoted} gives up write barriers` };
  }
  if (SKIPS_THE_JOURNAL.test(option)) {
    return { problem: 'NO_JOURNAL', message: `${quoted} mounts without replaying the journal` };
  }
  const wellFormed = /^[^\s,]+$/.test(option);
  return wellFormed ? null : { problem: null, message: `${quoted} is not one mount option` };
}
