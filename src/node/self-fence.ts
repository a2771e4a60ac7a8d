/**
 * The last resort: resets this machine at once, without flushing anything, because something that
 * clients can see cannot be brought down (DESIGN §7). Only root of a real machine can; otherwise the
 * process ends, which closes the guardian's pipe and lets the packet filter run out.
 */
import { writeFileSync } from 'node:fs';
import type { Logger } from '../observability/logger.ts';
import { tellKernel } from '../system/kernel-log.ts';

const SYSRQ_ENABLE = '/proc/sys/kernel/sysrq';
const SYSRQ_TRIGGER = '/proc/sysrq-trigger';

export function selfFence(cause: string, logger: Logger): void {
  logger.error('this machine resets itself', { cause });
  logger.flush();
  tellKernel(`this machine resets itself: ${cause}`);
  try {
    writeFileSync(SYSRQ_ENABLE, '1');
    writeFileSync(SYSRQ_TRIGGER, 'b');
  } catch (error) {
    logger.error('it cannot be reset; the daemon ends instead', { error: String(error) });
    logger.flush();
  }
  process.exit(1);
}
