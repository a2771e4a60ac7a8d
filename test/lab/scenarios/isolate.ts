/**
 * All interconnects of the owner are cut while its way to the disk and to the clients lives: it must
 * let go of address and application before another starts them, and its disk is fenced.
 */
import { until } from '../kernel/index.ts';
import { FLOATING_IP, LEDGER_PORT } from '../lab-config.ts';
import { observe, violations } from '../observer.ts';
import { turnsOf } from '../watch/double-answers.ts';
import { type Act, failoverScenario, noteOutage } from './story.ts';

export const act: Act = async (all, report) => {
  const { lab } = all;
  const owner = await all.served();
  await all.answered();
  const before = await all.load.status();
  const cuts = [
    { guest: owner.id, network: 1 },
    { guest: owner.id, network: 2 },
  ] as const;
  report.say(`cutting all interconnects of ${owner.node}`);
  const cutAt = Date.now();
  await lab.cut(...cuts);
  const next = await all.served({ not: owner.id, after: owner.epoch });
  await all.answered();
  report.check('another node serves', next.id !== owner.id, `${owner.node} → ${next.node}`);
  await noteOutage(all, report, before);
  const seen = await observe(lab, 1);
  const found = violations(seen);
  report.check('never two that can write, nor two addresses', found.length === 0, found.join('; '));
  const old = seen.guests.find(({ guest }) => guest === owner.id);
  report.check(
    'the cut-off owner has let go of the address',
    old?.floating.includes(FLOATING_IP) === false,
    JSON.stringify(old?.floating),
  );
  const server = await lab
    .guest(owner.id)
    .exec(`pgrep -f 'ledger/server.ts ${FLOATING_IP}:${LEDGER_PORT}'`);
  const state = await lab
    .guest(owner.id)
    .exec(
      `for p in $(pgrep -f 'ledger/server.ts ${FLOATING_IP}'); do cut -d' ' -f3 /proc/$p/stat; done`,
    );
  report.check(
    'its application is gone, or stands still',
    server.status !== 0 || /^[TZ\s]*$/.test(state.output),
    state.output.trim(),
  );
  const [holder] = seen.reservations;
  report.check('its disk is fenced', holder?.holder === next.id, `held by node${holder?.holder}`);
  const turns = turnsOf(
    all.watch.heard.filter(({ at }) => at >= cutAt),
    FLOATING_IP,
  );
  report.check(
    'it was silent before the next one spoke',
    turns.filter(({ guest }) => guest === owner.id).length <= 1,
    turns.map(({ guest, frames }) => `node${guest}: ${frames}`).join(', '),
  );
  const told = await until(async () => (await all.status(owner.id))?.why, {
    what: `${owner.node} says why it serves nothing`,
    limitMs: 30_000,
    intervalMs: 200,
  });
  report.check('the cut-off node says why it serves nothing', told !== '', told);
  await lab.restore(...cuts);
  await all.whole();
  const still = await all.served();
  report.check('the group stays where it is', still.id === next.id, still.node);
};

export const isolate = failoverScenario({
  name: 'isolate',
  about: 'all interconnects of the owner are cut; its disk and its clients still reach it',
  sabotages: ['lease', 'fence', 'guardian'],
  act,
});
