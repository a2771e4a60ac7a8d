/** kill -9 of the owner's daemon: its guardian takes address and application down, another serves. */
import { until } from '../kernel/index.ts';
import { FLOATING_IP } from '../lab-config.ts';
import { type Act, failoverScenario, noteOutage } from './story.ts';

const GONE_LIMIT_MS = 30_000;

export const act: Act = async (all, report) => {
  const owner = await all.served();
  await all.answered();
  const before = await all.load.status();
  const { daemon, guest } = all.cluster.node(owner.id);
  report.say(`kill -9 of the daemon of ${owner.node}`);
  const killedAt = performance.now();
  await daemon.kill();
  const look = `ip -o -4 addr show | grep -c '${FLOATING_IP}/'; pgrep -fc 'ledger/server.ts ${FLOATING_IP}'; true`;
  const goneMs = await until(
    async () => {
      const { output } = await guest.exec(look);
      const gone = output
        .trim()
        .split('\n')
        .every((line) => line === '0');
      return gone && performance.now() - killedAt;
    },
    { what: 'address and application are gone', limitMs: GONE_LIMIT_MS },
  ).catch(() => Number.POSITIVE_INFINITY);
  report.check('address and application are gone', Number.isFinite(goneMs));
  if (Number.isFinite(goneMs)) report.measure('goneMs', goneMs);
  const next = await all.served({ not: owner.id, after: owner.epoch });
  await all.answered();
  report.check('another node serves', next.id !== owner.id, `${owner.node} → ${next.node}`);
  await noteOutage(all, report, before);
  await all.cluster.node(owner.id).start();
  await all.whole();
  const still = await all.served();
  report.check('the group stays where it is', still.id === next.id, still.node);
};

export const daemonKill = failoverScenario({
  name: 'daemon-kill',
  about: 'the owner’s daemon is killed: its guardian tears down at once, another node takes over',
  sabotages: ['guardian'],
  act,
});
