/**
 * The owner's machine stands still, with writes in flight and dirty pages; another takes over; it
 * runs again: the disk refuses its writes, its address is gone, and it lets go of everything.
 */
import type { FailoverLab } from '../failover-lab.ts';
import type { Report } from '../scenario.ts';
import { stillHeardMs } from '../watch/double-answers.ts';
import { Words } from '../words.ts';
import { type Act, failoverScenario, holdsNothing, noteOutage, staleWrite } from './story.ts';

const HOUR_MS = 3_600_000;
/** P4: a frozen machine that runs again may be heard for so long; a guest's clock ticks at 100 Hz. */
const SPOKEN_AFTER_THAW_MS = 50;

export const act: Act = freezing(0);

/** @param hours by how much its clock has run on, when it thaws, beyond the seconds that were waited */
function freezing(hours: number): Act {
  return async (all, report) => await frozen(all, report, hours);
}

async function frozen(all: FailoverLab, report: Report, hours: number): Promise<void> {
  const { lab } = all;
  const owner = await all.served();
  await all.answered();
  const before = await all.load.status();
  report.say(`freezing ${owner.node}, epoch ${owner.epoch}`);
  const guest = lab.guest(owner.id);
  guest.freeze();
  const next = await all.served({ not: owner.id, after: owner.epoch });
  await all.answered();
  report.check('another node serves', next.id !== owner.id, `${owner.node} → ${next.node}`);
  await noteOutage(all, report, before);
  report.say(`thawing ${owner.node}`);
  if (hours > 0) guest.moveClock?.(hours * HOUR_MS);
  const words = new Words(guest, report);
  const thawedAt = Date.now();
  guest.thaw();
  if (hours > 0) {
    const seconds = Number.parseFloat(await guest.ok('cat /proc/uptime'));
    report.check('its clock has run for an hour', seconds * 1000 > hours * HOUR_MS, `${seconds} s`);
  }
  // Before it has torn anything down: a write with the old rights, below the file system.
  const write = await staleWrite(guest);
  report.check('the disk refuses a write of the thawed machine', write.status !== 0, write.output);
  const told = await words.letsGo().catch(() => '');
  report.check('it says why it lets go', told !== '', told);
  const gone = await holdsNothing(all, owner.id);
  report.check('the thawed machine lets go of address and mount', gone === '', gone);
  const spoke = stillHeardMs(all.watch.heard, owner.id, thawedAt);
  report.measure('spokenAfterThawMs', spoke);
  report.check(
    `the thawed machine spoke for the address no longer than ${SPOKEN_AFTER_THAW_MS} ms`,
    spoke <= SPOKEN_AFTER_THAW_MS,
    `${spoke} ms`,
  );
  await all.whole();
  const still = await all.served();
  report.check('the group stays where it is', still.id === next.id, still.node);
}

export const freeze = failoverScenario({
  name: 'freeze',
  about:
    'the owner freezes, is replaced, and thaws: its writes are refused and its address is gone',
  sabotages: ['fence', 'epoch', 'lease', 'guardian'],
  act,
});

export const freezeForAnHour = failoverScenario({
  name: 'freeze-for-an-hour',
  about: 'as freeze, and the clock of the thawed machine says that an hour has gone by',
  lab: { clocks: true },
  sabotages: ['fence', 'lease'],
  act: freezing(1),
});
