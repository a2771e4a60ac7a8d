/**
 * A third hand clears the disk of a serving owner: everybody could write it now. The owner notices
 * within its defence interval, stops, and the group is served again only under a newer epoch that holds
 * the disk anew.
 */
import { splitOwnership } from '../campaign/split-ownership.ts';
import { observe } from '../observer.ts';
import { sgPersist } from '../sg-persist.ts';
import { Words } from '../words.ts';
import { type Act, failoverScenario, noteOutage } from './story.ts';

const DISK = '/dev/lab/lun0';
const STRANGER = '0xbad0bad0';

export const act: Act = async (all, report) => {
  const { lab } = all;
  const owner = await all.served();
  await all.answered();
  const before = await all.load.status();
  const hand = lab.nodes.find(({ id }) => id !== owner.id) ?? lab.guest(1);
  report.say(`${hand.name} clears the disk of ${owner.node}, epoch ${owner.epoch}`);
  await sgPersist(hand, `-o -G -S ${STRANGER}`, DISK);
  const words = new Words(lab.guest(owner.id), report);
  await sgPersist(hand, `-o -C -K ${STRANGER}`, DISK);
  const told = await words.letsGo();
  report.check(
    'the owner says that the disk was taken',
    /^DISK_(FENCED|REGISTRATION_LOST)/.test(told),
    told,
  );
  const next = await all.served({ after: owner.epoch });
  await all.answered();
  report.check(
    'it is served under a newer epoch',
    next.epoch > owner.epoch,
    `${next.node} ${next.epoch}`,
  );
  await noteOutage(all, report, before);
  const split = splitOwnership((await observe(lab, 1)).reservations, next);
  report.check('and the disk is held again', split.length === 0, split.join());
  await all.whole();
};

export const thirdHand = failoverScenario({
  name: 'third-hand',
  about:
    'sg_persist --clear by a third hand: the owner stops, and a newer epoch takes the disk anew',
  sabotages: ['fence'],
  act,
});
