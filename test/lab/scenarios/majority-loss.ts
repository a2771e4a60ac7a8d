/** Two of three nodes are down: the remaining one serves nothing and says why; one returns: service. */
import { until } from '../kernel/index.ts';
import { FLOATING_IP } from '../lab-config.ts';
import { type Act, failoverScenario } from './story.ts';

export const act: Act = async (all, report) => {
  const { lab } = all;
  const owner = await all.served();
  await all.answered();
  const others = lab.nodes.filter(({ id }) => id !== owner.id);
  report.say(`power loss of ${others.map(({ name }) => name).join(' and ')}`);
  await Promise.all(others.map((guest) => guest.powerOff()));
  const look = `ip -o -4 addr show | grep -c '${FLOATING_IP}/'; pgrep -fc 'ledger/server.ts ${FLOATING_IP}'; true`;
  const silent = await until(
    async () => {
      const { output } = await lab.guest(owner.id).exec(look);
      return output
        .trim()
        .split('\n')
        .every((line) => line === '0');
    },
    { what: 'nothing is served', limitMs: 30_000 },
  ).catch(() => false);
  report.check('nothing is served without a majority', silent);
  const { why } = await all.waitForStatus(owner.id, (status) => !status.quorate, 'is not quorate');
  report.check('the remaining node says why', /majority/.test(why), why);
  const [back] = others;
  if (back === undefined) throw new Error('there is nobody to come back');
  report.say(`${back.name} comes back`);
  await all.cluster.bootAgain(back.id);
  await all.served({ after: owner.epoch - 1, asking: [owner.id, back.id] });
  await all.answered();
  report.check('when one returns, service does', true);
  await Promise.all(others.slice(1).map(({ id }) => all.cluster.bootAgain(id)));
  await all.whole();
};

export const majorityLoss = failoverScenario({
  name: 'majority-loss',
  about: 'two of three nodes lose power: nothing is served, the third says why; one returns',
  sabotages: ['lease'],
  act,
});
