/**
 * The target loses its power and comes back: once with what it knew (APTPL), once without. With it,
 * the disk is held as before, whoever serves then; without it, everybody could write, so the owner stops,
 * and a newer epoch takes the disk anew. And once only its service is restarted, which is over before any
 * path counts as lost: the owner finds by its defence that nothing is known of it any more.
 */
import { splitOwnership } from '../campaign/split-ownership.ts';
import type { Owner } from '../failover-lab.ts';
import { repositoryRoot, until } from '../kernel/index.ts';
import type { Reservation } from '../lab.ts';
import { observe } from '../observer.ts';
import { Words } from '../words.ts';
import { type Act, failoverScenario, noteOutage, powerCycled } from './story.ts';

const LIMIT_MS = 60_000;
/** Where LIO keeps its records; the disk is mounted synchronously. */
const FORGET = 'rm -f /etc/target/pr/aptpl_*';

/** Over the mount of its records, from nothing. */
const RESTART = `sh ${repositoryRoot}/test/lab/kernel/guest/storage-down.sh && ${FORGET} &&
  sh ${repositoryRoot}/test/lab/kernel/guest/storage.sh`;

const reboot =
  (remembers: boolean): Act =>
  async (all, report) => {
    const { lab } = all;
    const owner = await all.served();
    await all.answered();
    const before = await all.load.status();
    report.say(`the target of ${owner.node}, epoch ${owner.epoch}, loses its power`);
    if (!remembers) await lab.storage.ok(FORGET);
    const words = new Words(lab.guest(owner.id), report);
    await lab.storage.powerOff();
    await report.time('targetBoot', () => lab.boot(0));
    const [first] = (await observe(lab, 1)).reservations;
    report.check(
      remembers ? 'it comes back with the reservation' : 'it has forgotten',
      remembers ? first?.holder === owner.id : first?.holder === null,
      JSON.stringify(first),
    );
    // A target that is off for longer than the owner waits for an answer ends the ownership either way.
    if (!remembers || words.hasLetGo()) {
      const told = await words.letsGo();
      report.check('the owner says why it lets go', /^DISK_|^MONITOR_/.test(told), told);
      const { how, why } = await words.isOver();
      report.check('and ends what it had', why !== '', `${how}: ${why}`);
      await all.served({ after: owner.epoch });
      if (how === 'reset') await powerCycled(all, owner.id);
    }
    await all.answered();
    await noteOutage(all, report, before);
    const now = await settled(async () => ({
      owner: await all.served(),
      reservations: (await observe(lab, 1)).reservations,
    }));
    report.check('the owner of the group holds the disk', now !== null, JSON.stringify(now));
    report.measure('epochs', (now?.epoch ?? Number.NaN) - owner.epoch);
    await all.whole();
  };

/** The owner, once the disk is held under its epoch; null: never. */
async function settled(
  look: () => Promise<{ readonly owner: Owner; readonly reservations: readonly Reservation[] }>,
): Promise<Owner | null> {
  return await until(
    async () => {
      const { owner, reservations } = await look();
      return splitOwnership(reservations, owner).length === 0 && owner;
    },
    { what: 'the owner holds the disk', limitMs: LIMIT_MS, intervalMs: 200 },
  ).catch(() => null);
}

const restart: Act = async (all, report) => {
  const { lab } = all;
  const owner = await all.served();
  await all.answered();
  const before = await all.load.status();
  report.say(`the target of ${owner.node}, epoch ${owner.epoch}, is restarted and has forgotten`);
  const words = new Words(lab.guest(owner.id), report);
  await report.time('targetRestart', () => lab.storage.ok(`${RESTART} ${lab.nodes.length} 1`));
  const told = await words.letsGo();
  report.check(
    'the owner says that nothing on the disk names it any more',
    /^DISK_(FENCED|REGISTRATION_LOST)/.test(told),
    told,
  );
  const { how, why } = await words.isOver();
  report.check('and ends what it had', how === 'down', `${how}: ${why}`);
  await all.served({ after: owner.epoch });
  await all.answered();
  await noteOutage(all, report, before);
  const now = await settled(async () => ({
    owner: await all.served(),
    reservations: (await observe(lab, 1)).reservations,
  }));
  report.check(
    'a newer epoch holds the disk',
    (now?.epoch ?? 0) > owner.epoch,
    JSON.stringify(now),
  );
  await all.whole();
};

export const actReboot: Act = reboot(true);
export const actForgets: Act = reboot(false);

export const targetReboot = failoverScenario({
  name: 'target-reboot',
  about: 'the target loses its power and comes back with its reservations (APTPL)',
  act: actReboot,
});

export const targetForgets = failoverScenario({
  name: 'target-forgets',
  about:
    'the target loses its power and comes back without its reservations: a newer epoch takes the disk',
  act: actForgets,
});

export const targetRestart = failoverScenario({
  name: 'target-restart',
  about: 'the service of the target is restarted without its reservations: the owner finds out',
  act: restart,
});
