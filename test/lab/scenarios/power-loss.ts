/** The owner loses its power: another node serves, nothing acknowledged is lost, the node comes back. */
import { FLOATING_IP } from '../lab-config.ts';
import { observe, violations } from '../observer.ts';
import { type Act, failoverScenario, noteOutage } from './story.ts';

const rounds = (): number => Number(process.env['HOLDFAST_ROUNDS'] ?? 1);

export const act: Act = async (all, report) => {
  const { lab } = all;
  let owner = await all.served();
  await all.answered();
  for (let round = 1; round <= rounds(); round += 1) {
    report.say(`round ${round}: power loss of ${owner.node}, epoch ${owner.epoch}`);
    const before = await all.load.status();
    await lab.guest(owner.id).powerOff();
    const next = await all.served({ not: owner.id, after: owner.epoch });
    await all.answered();
    report.check('another node serves', next.id !== owner.id, `${owner.node} → ${next.node}`);
    await noteOutage(all, report, before);
    report.check('the epoch has grown', next.epoch > owner.epoch, `${next.epoch}`);
    const seen = violations(await observe(lab, 1));
    report.check(
      'never two mounts that can write, nor two addresses',
      seen.length === 0,
      seen.join('; '),
    );
    await all.cluster.bootAgain(owner.id);
    await all.whole();
    const still = await all.served();
    report.check('the node that came back takes nothing', still.id !== owner.id, still.node);
    // Nobody asked for it: a machine that was starved for longer than the detection time.
    if (still.epoch !== next.epoch) report.measure('movesUnasked', still.epoch - next.epoch);
    owner = still;
  }
  report.check(
    'somebody was heard to speak for the address',
    all.watch.heard.length > 0,
    FLOATING_IP,
  );
};

export const powerLoss = failoverScenario({
  name: 'power-loss',
  about: 'the owner loses its power; HOLDFAST_ROUNDS=10 does it ten times in a row',
  sabotages: ['fsync', 'fence'],
  act,
});
