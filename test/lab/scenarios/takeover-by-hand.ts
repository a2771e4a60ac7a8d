/**
 * A failover without Holdfast: the same storage, mounts, address and application, moved by hand
 * with sg_persist and ext4. First the owner loses its power, then the next owner is frozen, loses
 * the disk and thaws. It shows what the *laboratory and the kernel* hold by themselves (P2, P3),
 * and is the yardstick for the time that a takeover cannot go below.
 *
 * Sabotage: `no-fsync`, the ledger acknowledges early; `no-fence`, nobody registers or reserves;
 * `no-silence`, the thawed machine keeps its address. Each must be noticed.
 */

import { Background } from '../background.ts';
import { Load, Watch } from '../clients.ts';
import { until } from '../kernel/index.ts';
import type { Lab, Machine } from '../lab.ts';
import { observe, violations } from '../observer.ts';
import type { Report, Scenario, ScenarioContext, ScenarioReport } from '../scenario.ts';
import { sgPersist } from '../sg-persist.ts';
import { relapses, stillHeardMs, turnsOf } from '../watch/double-answers.ts';

const address = '10.99.3.100';
const port = 7000;
const device = '/dev/lab/lun0';
const at = '/srv/data';
const outageLimitMs = 60_000;

export const takeoverByHand: Scenario = {
  name: 'takeover-by-hand',
  about: 'power loss and a frozen owner, with sg_persist and ext4 by hand under a live ledger',
  lab: { nodes: 3, luns: 1 },
  sabotages: ['no-fsync', 'no-fence', 'no-silence'],
  run,
};

async function run({ lab, report, sabotage }: ScenarioContext): Promise<ScenarioReport> {
  const fence = sabotage !== 'no-fence';
  const take = (epoch: number, victim: number | null): Promise<Background> =>
    serve(lab, report, {
      epoch,
      victim,
      fence,
      env: sabotage === 'no-fsync' ? { LEDGER_SABOTAGE: sabotage } : {},
    });
  await lab.guest(1).ok(`mkfs.ext4 -q -F -J size=4 ${device}`, 120_000);
  const watch = new Watch(lab, address);
  await watch.ready;
  await take(1, null);
  const load = new Load((argv) => lab.client.spawn(argv), `${address}:${port}`, [
    '--answer-timeout-ms',
    '1000',
  ]);
  await load.waitForAcknowledged(100, outageLimitMs);
  const before = violations(await observe(lab, 1));
  report.check('one writer and one address at the start', before.length === 0, before.join());

  await lab.guest(1).powerOff();
  report.say('node1 has lost its power');
  const lostAt = Date.now();
  await take(2, 1);
  await load.waitForAcknowledged(50, outageLimitMs);
  report.check(
    'the ledger answers again on node2',
    (await load.status()).owners.at(-1)?.node === 'node2',
  );

  const thawedAt = await frozenOwner(lab, report, { take, silence: sabotage !== 'no-silence' });
  await load.waitForAcknowledged(50, outageLimitMs);
  const status = await load.stop();
  for (const epoch of [2, 3]) {
    const outage = status.outages.find((o) => o.after.endsWith(`#${epoch}`));
    if (outage !== undefined) report.measure(`outage${epoch}Ms`, outage.durationMs);
  }
  report.measure('acknowledged', status.acknowledged);
  report.measure('addressHeardMs', (watch.heard.find((h) => h.guest === 2)?.at ?? 0) - lostAt);
  const verdict = await load.verify();
  const { lost, phantom, acknowledged, examples } = verdict;
  const story = `${lost} lost, ${phantom} phantom of ${acknowledged} ${examples.join(', ')}`;
  report.check('nothing acknowledged is lost', verdict.ok, story);
  const turns = turnsOf(watch.heard, address);
  const heard = turns.map((turn) => `node${turn.guest}: ${turn.frames} ${turn.kinds.join('+')}`);
  report.check(
    'no earlier owner was heard again',
    relapses(turns, [1, 2, 3]).length === 0,
    heard.join(', '),
  );
  report.measure('thawedStillHeardMs', stillHeardMs(watch.heard, 2, thawedAt));
  report.check('no client saw an older owner after a newer one', status.violations.length === 0);
  return report.done();
}

/** node2 writes, freezes, loses the disk to node3, thaws: its next fsync must fail. */
async function frozenOwner(
  lab: Lab,
  report: Report,
  {
    take,
    silence,
  }: { take: (epoch: number, victim: number) => Promise<Background>; silence: boolean },
): Promise<number> {
  const [, owner, next] = lab.nodes as [Machine, Machine, Machine];
  await owner.ok(
    `rm -f /lab/acked /lab/refused
    (i=0
    while i=$((i+1)); echo $i >> ${at}/log && sync ${at}/log 2>/lab/refused; do
      echo $i > /lab/acked
    done) >/dev/null 2>&1 &`,
  );
  const acked = async (): Promise<number> => Number((await owner.exec('cat /lab/acked')).output);
  await until(async () => (await acked()) >= 5, { what: 'node2 writes', limitMs: 20_000 });
  owner.freeze();
  report.say('node2 is frozen');
  await take(3, 2);
  // By lines, not by the last one: an append that nobody was told about may leave a torn end behind.
  const lines = new Set((await next.ok(`cat ${at}/log`)).split('\n'));
  // By hand there is no lease that silences the thawed machine's address; the switch does it here.
  if (silence) await lab.cut({ guest: 2, network: 3 });
  const thawedAt = Date.now();
  owner.thaw();
  report.say('node2 runs again');
  const refused = await until(
    async () => (await owner.exec('cat /lab/refused')).output.trim() || undefined,
    { what: 'the thawed writer is refused', limitMs: 15_000 },
  ).catch(() => undefined);
  report.check('the fsync of the thawed owner fails', refused !== undefined, refused);
  const said = await acked();
  const lost = Array.from({ length: said }, (_, i) => `${i + 1}`).filter(
    (line) => !lines.has(line),
  );
  report.check(
    'what it was told is durable is on node3',
    lost.length === 0,
    `${said} told, ${lost.length} lost`,
  );
  const found = violations(await observe(lab, 1)).filter((v) => !v.startsWith(address));
  report.check('one machine can write the disk', found.length === 0, found.join());
  return thawedAt;
}

type Take = {
  readonly epoch: number;
  readonly victim: number | null;
  readonly fence: boolean;
  readonly env: Readonly<Record<string, string>>;
};

/** Node N takes epoch N: fence, mount, address, application. Every step is timed. */
async function serve(
  lab: Lab,
  report: Report,
  { epoch, victim, fence, env }: Take,
): Promise<Background> {
  const guest = lab.guest(epoch);
  const name = (step: string): string => `${step}${epoch}`;
  if (fence) {
    await report.time(name('fence'), async () => {
      await persist(guest, `-G -S 0xa${epoch} -Z`);
      if (victim === null) await persist(guest, `-R -K 0xa${epoch} -T 1`);
      else await persist(guest, `-A -K 0xa${epoch} -S 0xa${victim} -T 1`);
    });
  }
  await report.time(name('mount'), () => guest.ok(`mkdir -p ${at} && mount ${device} ${at}`));
  await report.time(name('address'), () =>
    guest.ok(`ip link add vip0 link eth3 address 02:00:5e:00:01:01 type macvlan mode bridge
ip addr add ${address}/24 dev vip0 && ip link set vip0 up && (arping -q -A -c 2 -I vip0 ${address} >/dev/null 2>&1 &)`),
  );
  const ledger = new Background(guest, 'ledger');
  await report.time(name('application'), async () => {
    const command = `node $HOLDFAST_ROOT/test/ledger/server.ts 0.0.0.0:${port} ${at}`;
    await ledger.start(command, {
      ...env,
      HOLDFAST_GROUP: 'ledger',
      HOLDFAST_NODE: guest.name,
      HOLDFAST_EPOCH: String(epoch),
      HOLDFAST_REASON: victim === null ? 'boot' : 'failover',
      HOLDFAST_PREVIOUS_OWNER: victim === null ? '' : `node${victim}`,
    });
    await until(
      () => ledger.log.includes('"listening"'),
      { what: `the ledger listens on ${guest.name}`, limitMs: 30_000, intervalMs: 5 },
      () => ledger.log,
    );
  });
  return ledger;
}

async function persist(guest: Machine, args: string): Promise<void> {
  const { status, output } = await sgPersist(guest, `-o ${args}`, device);
  if (status !== 0) throw new Error(`${guest.name}: sg_persist ${args}: ${status} ${output}`);
}
