/**
 * The owner loses every path to its disk while its clients and its peers reach it: what it does, how
 * fast, and what it says. Then the paths come back.
 */
import { Words } from '../words.ts';
import { type Act, failoverScenario, noteOutage } from './story.ts';

export const act: Act = async (all, report) => {
  const { lab } = all;
  const owner = await all.served();
  await all.answered();
  const before = await all.load.status();
  const guest = lab.guest(owner.id);
  report.say(`${owner.node}, epoch ${owner.epoch}, loses its paths`);
  const words = new Words(guest, report);
  const cut = { guest: owner.id, network: 0 } as const;
  await lab.cut(cut);
  const told = await words.letsGo();
  report.check('the owner says that it lost its disk', told !== '', told);
  const next = await all.served({ not: owner.id, after: owner.epoch });
  await all.answered();
  report.check('another node serves', next.id !== owner.id, `${owner.node} → ${next.node}`);
  await noteOutage(all, report, before);
  const group = await all.group(next.id);
  const unfit = group?.fitness.find(({ node }) => node === owner.node);
  report.check('the former owner counts as unfit', unfit?.fit === false, unfit?.code ?? 'no code');
  await lab.restore(cut);
  await all.waitForStatus(
    next.id,
    ({ groups }) => groups[0]?.fitness.every((one) => one.fit) === true,
    'hears that every node is fit again',
  );
  const still = await all.served();
  report.check('the group stays where it is', still.id === next.id, still.node);
};

export const pathsLost = failoverScenario({
  name: 'paths-lost',
  about:
    'the owner loses every path to its disk: it lets go, another serves, and it becomes fit again',
  act,
});
