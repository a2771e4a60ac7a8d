/**
 * The key of another cluster on the disk. A serving owner goes on, since the stranger holds nothing,
 * and says so; nobody takes the disk over while the key is there, since it is not ours to remove; and
 * when it is gone, the group is served again.
 */

import { until } from '../kernel/index.ts';
import { GROUP } from '../lab-config.ts';
import { sgPersist } from '../sg-persist.ts';
import { Words } from '../words.ts';
import { type Act, failoverScenario } from './story.ts';

const DISK = '/dev/lab/lun0';
const STRANGER = '0xbad0bad0';
const LIMIT_MS = 60_000;

export const act: Act = async (all, report) => {
  const { lab } = all;
  const owner = await all.served();
  await all.answered();
  const [hand, other] = lab.nodes.filter(({ id }) => id !== owner.id);
  if (hand === undefined || other === undefined) throw new RangeError('three nodes are needed');
  report.say(`${hand.name} registers a key that is not ours`);
  const words = new Words(lab.guest(owner.id), report);
  await sgPersist(hand, `-o -G -S ${STRANGER}`, DISK);
  const codes = async (asking: number): Promise<readonly (string | null)[]> =>
    (await all.group(asking))?.fitness.filter(({ fit }) => !fit).map(({ code }) => code) ?? [];
  const seen = await until(
    async () => {
      const found = await codes(owner.id);
      return found.length >= 2 && found;
    },
    { what: 'the others say that they could not take it', limitMs: LIMIT_MS, intervalMs: 200 },
  );
  report.check(
    'nobody else could take the disk, because of the stranger',
    seen.every((code) => code === 'FOREIGN_RESERVATION'),
    seen.join(),
  );
  await all.answered();
  const still = await all.served();
  report.check(
    'the owner goes on',
    still.epoch === owner.epoch && !words.hasLetGo(),
    `${still.node}, epoch ${still.epoch}`,
  );
  report.say(`${owner.node} loses its power`);
  await lab.guest(owner.id).powerOff();
  const why = await until(
    async () => {
      const told = await Promise.all([hand, other].map(({ id }) => all.group(id)));
      return told.map((group) => group?.why ?? '').find((one) => one !== '');
    },
    { what: 'it is said why nothing is served', limitMs: LIMIT_MS, intervalMs: 200 },
  );
  report.check(
    'nobody takes it over, and it is said why',
    why.includes('FOREIGN_RESERVATION'),
    why,
  );
  const { output } = await sgPersist(hand, '-i -y -k', DISK);
  report.check("the stranger's key is still there", output.includes(STRANGER), output.trim());
  report.say('the stranger goes');
  await sgPersist(hand, `-o -G -K ${STRANGER} -S 0`, DISK);
  const next = await all.served({ not: owner.id, after: owner.epoch });
  await all.answered();
  report.check(
    `${GROUP} is served again`,
    next.id !== owner.id,
    `${next.node}, epoch ${next.epoch}`,
  );
  await all.cluster.bootAgain(owner.id);
  await all.whole();
};

export const stranger = failoverScenario({
  name: 'stranger',
  about:
    'the key of another cluster on the disk: the owner goes on, nobody takes it over, nobody removes it',
  act,
});
