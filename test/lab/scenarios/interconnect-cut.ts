/** One interconnect of all nodes is cut: nothing is elected, nothing moves, no client notices. */
import { type Act, failoverScenario, noteOutage } from './story.ts';

export const act: Act = async (all, report) => {
  const { lab } = all;
  const owner = await all.served();
  await all.whole();
  await all.answered();
  const before = await all.load.status();
  const term = (await all.status(owner.id))?.term;
  const cuts = lab.nodes.map(({ id }) => ({ guest: id, network: 1 }) as const);
  report.say('cutting lan-a of every node');
  await lab.cut(...cuts);
  const status = await all.waitForStatus(
    owner.id,
    ({ members }) =>
      members
        .filter(({ self }) => !self)
        .every(({ links }) =>
          links.some(({ interconnect, state }) => interconnect === 'lan-a' && state !== 'alive'),
        ),
    'shows lan-a as lost',
  );
  report.check('status shows the interconnect as lost', true);
  report.check(
    'every node is still heard over the other one',
    status.members.every(({ state }) => state === 'alive'),
  );
  await all.answered();
  const after = await all.served();
  report.check('the group stays, in its epoch', after.epoch === owner.epoch, `${after.epoch}`);
  const now = await all.status(owner.id);
  report.check('nobody was elected', now?.term === term, `term ${term} → ${now?.term}`);
  // Measured, not judged: a client that gets no answer for 300 ms may wait for a starved machine.
  await noteOutage(all, report, before);
  const { outages } = await all.load.status();
  const moved = outages.slice(before.outages.length).filter((one) => one.before !== one.after);
  report.check('every client was answered by the same owner', moved.length === 0);
  await lab.restore(...cuts);
  await all.whole();
};

export const interconnectCut = failoverScenario({
  name: 'interconnect-cut',
  about: 'one interconnect fails everywhere: nothing fails over, and status shows it',
  act,
});
