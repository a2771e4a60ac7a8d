/**
 * A former owner is frozen; its successor is asked by an operator to hand the group on; then the
 * first one thaws. Nobody gave the disk back at any time, so it is refused all the same.
 */
import { daemonFiles } from '../daemon-command.ts';
import { GROUP } from '../lab-config.ts';
import { observe, violations } from '../observer.ts';
import { Words } from '../words.ts';
import { type Act, failoverScenario, holdsNothing, staleWrite } from './story.ts';

const HOLDFAST = 'node $HOLDFAST_ROOT/src/holdfast.js';

export const act: Act = async (all, report) => {
  const { lab } = all;
  const first = await all.served();
  await all.answered();
  const guest = lab.guest(first.id);
  report.say(`freezing ${first.node}, epoch ${first.epoch}`);
  guest.freeze();
  const second = await all.served({ not: first.id, after: first.epoch });
  await all.answered();
  const third = lab.nodes.find(({ id }) => id !== first.id && id !== second.id);
  if (third === undefined) throw new RangeError('three nodes are needed');
  report.say(`moving the group from ${second.node} to ${third.name}`);
  await lab
    .guest(second.id)
    .ok(`${HOLDFAST} move ${GROUP} ${third.name} --socket ${daemonFiles.socket}`);
  const next = await all.served({ not: first.id, after: second.epoch });
  await all.answered();
  report.check('the operator has moved it', next.id === third.id, `${second.node} → ${next.node}`);
  const seen = await observe(lab, 1, [first.id]);
  report.check(
    'the disk is held by the third owner',
    seen.reservations[0]?.holder === next.id,
    JSON.stringify(seen.reservations[0]),
  );
  report.say(`thawing ${first.node}`);
  const words = new Words(guest, report);
  guest.thaw();
  const write = await staleWrite(guest);
  report.check('the disk refuses its write', write.status !== 0, write.output);
  const after = violations(await observe(lab, 1)).filter((one) => one.startsWith('lun'));
  report.check('never two that can write', after.length === 0, after.join('; '));
  const told = await words.letsGo().catch(() => '');
  report.check('it says why it lets go', told !== '', told);
  const gone = await holdsNothing(all, first.id);
  report.check('it lets go of address and mount', gone === '', gone);
  await all.whole();
  const still = await all.served();
  report.check('the group stays where it is', still.id === next.id, still.node);
};

export const movedWhileFrozen = failoverScenario({
  name: 'moved-while-frozen',
  about: 'an operator moves the group on while a former owner is frozen: thawed, it is refused',
  sabotages: ['fence'],
  act,
});
