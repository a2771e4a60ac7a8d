/**
 * `sg_persist` in a guest, as an operator types it: asked again until the target itself has
 * answered.
 *
 * The traps: exit status 6 is a unit attention and means that the command was not executed; and on
 * a dead path it ends with status 0 and "there is NO reservation held", where only the words
 * `Host_status` tell that nobody was asked (or it cannot open the disk at all). Laboratories beside
 * each other meet that: a target that boots for longer than the sessions' replacement timeout finds
 * them given up.
 */
import { until } from './kernel/index.ts';
import type { Answer, Machine } from './lab.ts';

const LIMIT_MS = 60_000;
const UNIT_ATTENTION = 6;

/** Whether the target gave this answer: the command was executed, or refused for good. */
export function isAnswered({ status, output }: Answer): boolean {
  if (status === -1 || status === UNIT_ATTENTION) return false;
  return !/Host_status=|error opening file/.test(output);
}

/** @param args without `-n` and the device, such as `-o -G -S 0xa1 -Z` */
export async function sgPersist(guest: Machine, args: string, device: string): Promise<Answer> {
  let last: Answer | undefined;
  return await until(
    async () => {
      last = await guest.exec(`sg_persist -n ${args} ${device}`);
      return isAnswered(last) && last;
    },
    { what: `${guest.name}: the target answers sg_persist ${args}`, limitMs: LIMIT_MS },
    () => JSON.stringify(last),
  );
}

/** Waits until the guest has given its path up: the replacement timeout of its session. */
export async function pathGivenUp(guest: Machine, device: string): Promise<void> {
  await until(
    async () => {
      const state = `/sys/block/$(basename $(readlink -f ${device}))/device/state`;
      return (await guest.exec(`cat ${state}`)).output.trim() === 'transport-offline';
    },
    { what: `${guest.name} gives up its path to ${device}`, limitMs: LIMIT_MS, intervalMs: 200 },
  );
}
