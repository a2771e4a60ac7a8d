/**
 * The owner loses every path to its disk while its clients and its peers reach it: what it does, how
 * fast, and what it says. Then the paths come back. First, as the control, a node that owns nothing loses
 * its paths: it says that it could not take the group, and nothing else happens.
 *
 * A process that waits for the dead disk cannot be ended before the initiator gives the disk up (`login.sh`:
 * after 5 to 10 s). Where that takes longer than three kills, the machine resets itself.
 */
import type { FailoverLab, Owner } from '../failover-lab.ts';
import type { Report } from '../scenario.ts';
import { Words } from '../words.ts';
import { type Act, failoverScenario, noteOutage, powerCycled } from './story.ts';

export const act: Act = async (all, report) => {
  const { lab } = all;
  const owner = await all.served();
  await all.answered();
  await byAnother(all, report, owner);
  const before = await all.load.status();
  const guest = lab.guest(owner.id);
  report.say(`${owner.node}, epoch ${owner.epoch}, loses its paths`);
  const words = new Words(guest, report);
  const cut = { guest: owner.id, network: 0 } as const;
  await lab.cut(cut);
  const told = await words.letsGo();
  report.check('the owner says that it lost its disk', /^(DISK|MONITOR)_/.test(told), told);
  const { how, why } = await words.isOver();
  report.check('with its paths still gone it ends what it had', why !== '', `${how}: ${why}`);
  const next = await all.served({ not: owner.id, after: owner.epoch });
  await all.answered();
  report.check('another node serves', next.id !== owner.id, `${owner.node} → ${next.node}`);
  await noteOutage(all, report, before);
  const unfit = await fitnessOf(all, next.id, owner.node, false);
  report.check('the former owner counts as unfit', unfit !== '', unfit);
  await lab.restore(cut);
  if (how === 'reset') await powerCycled(all, owner.id);
  await fitnessOf(all, next.id, owner.node, true);
  const still = await all.served();
  report.check('the group stays where it is', still.id === next.id, still.node);
};

async function byAnother(all: FailoverLab, report: Report, owner: Owner): Promise<void> {
  const other = all.lab.nodes.find(({ id }) => id !== owner.id);
  if (other === undefined) throw new RangeError('two nodes are needed');
  report.say(`${other.name}, which owns nothing, loses its paths`);
  const cut = { guest: other.id, network: 0 } as const;
  const words = new Words(all.lab.guest(owner.id), report);
  await all.lab.cut(cut);
  const code = await fitnessOf(all, owner.id, other.name, false);
  report.check('a node without paths says that it cannot take the group', code !== '', code);
  await all.answered();
  const { epoch } = await all.served();
  report.check('the owner goes on', epoch === owner.epoch && !words.hasLetGo(), `epoch ${epoch}`);
  await all.lab.restore(cut);
  await fitnessOf(all, owner.id, other.name, true);
}

/** Waits until `asking` has heard that `node` is fit, or is not; answers the code. */
async function fitnessOf(
  all: FailoverLab,
  asking: number,
  node: string,
  wanted: boolean,
): Promise<string> {
  const status = await all.waitForStatus(
    asking,
    ({ groups }) =>
      groups[0]?.fitness.some((one) => one.node === node && one.fit === wanted) === true,
    `hears that ${node} is ${wanted ? '' : 'un'}fit`,
  );
  return status.groups[0]?.fitness.find((one) => one.node === node)?.code ?? '';
}

export const pathsLost = failoverScenario({
  name: 'paths-lost',
  about:
    'the owner loses every path to its disk: it lets go, another serves, and it becomes fit again',
  act,
});
