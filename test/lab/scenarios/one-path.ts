/**
 * Two paths to the disk, and a dm-multipath map above them. One is lost: the owner serves by the other and
 * says so. It answers again: it kept its registration, and is welcome. It comes back by a new login: it is
 * registered outside the map, proven, and put in, without a new epoch; then it alone carries the group.
 * And a node that was preempted meanwhile gains nothing by such a path.
 */
import { LogTail } from '../campaign/log-tail.ts';
import { FailoverLab, type Owner } from '../failover-lab.ts';
import { until } from '../kernel/index.ts';
import { secondPortal, TwoPaths } from '../multipath.ts';
import type { Report, Scenario, ScenarioContext, ScenarioReport } from '../scenario.ts';
import { sgPersist } from '../sg-persist.ts';
import { Words } from '../words.ts';
import { noteOutage, verdict } from './story.ts';

const LIMIT_MS = 60_000;

export const onePath: Scenario = {
  name: 'one-path',
  about:
    'one of two paths is lost and comes back, also by a new login: the owner serves on; a preempted one gains nothing',
  run,
};

async function run({ lab, report, sabotage }: ScenarioContext): Promise<ScenarioReport> {
  let maps: readonly TwoPaths[] = [];
  await secondPortal(lab);
  const all = await report.time('form', () =>
    FailoverLab.start({
      ...{ lab, sabotage, disk: { 'reservation-type': 5 } },
      say: (line) => report.say(line),
      prepare: async () => {
        report.say('a second path and a map on every node');
        maps = await Promise.all(lab.nodes.map((guest) => TwoPaths.of(guest)));
      },
    }),
  );
  const owner = await all.served();
  await all.answered();
  const paths = maps[owner.id - 1];
  if (paths === undefined) throw new RangeError('an owner without a map');
  await oneLost(all, report, { owner, paths });
  await byNewLogin(all, report, { owner, paths });
  await preemptedMeanwhile(all, report, { owner, paths });
  return await verdict(all, report);
}

type Subject = { readonly owner: Owner; readonly paths: TwoPaths };

async function oneLost(all: FailoverLab, report: Report, { owner, paths }: Subject): Promise<void> {
  const before = await all.load.status();
  const words = new Words(paths.guest, report);
  const tail = new LogTail(paths.guest);
  const cut = { guest: owner.id, network: 0 } as const;
  report.say(`${owner.node} loses its path over the SAN`);
  const lostAt = performance.now();
  await all.lab.cut(cut);
  const told = await said(tail, /is degraded here$/);
  report.measure('pathLostSaidMs', performance.now() - lostAt);
  report.check('the owner says which path does not answer', /DISK_PATH_LOST/.test(told), told);
  await all.answered();
  await noteOutage(all, report, before);
  await same(all, report, owner, 'the owner serves on by the other path');
  await all.lab.restore(cut);
  const backAt = performance.now();
  await paths.reinstate(paths.first);
  await said(tail, /is well here$/);
  report.measure('pathBackSaidMs', performance.now() - backAt);
  await all.answered();
  await same(all, report, owner, 'a path that kept its registration is welcome again');
  report.check('the group was not let go of', !words.hasLetGo());
}

async function byNewLogin(
  all: FailoverLab,
  report: Report,
  { owner, paths }: Subject,
): Promise<void> {
  report.say(`${owner.node}: the second path is taken out, and logged in anew`);
  await paths.takeOutSecond();
  await paths.logInSecond();
  const refused = await paths.guest.exec(
    `dd if=/dev/zero of=${paths.second} bs=4096 count=1 seek=100000 oflag=direct 2>&1`,
  );
  report.check(
    'for the target it is nobody, or registered by now',
    refused.status === 0 || /Invalid exchange|busy/.test(refused.output),
    refused.output.trim().split('\n')[0] ?? '',
  );
  await report.time('joined', () =>
    until(async () => (await paths.inMap()) === 2, {
      ...{ what: `${paths.second} is in the map`, limitMs: LIMIT_MS },
    }),
  );
  await same(all, report, owner, 'it was registered and put into the map without a new epoch');
  const before = await all.load.status();
  const cut = { guest: owner.id, network: 0 } as const;
  report.say('the other path is lost: the one that came back carries the group alone');
  await all.lab.cut(cut);
  const tail = new LogTail(paths.guest);
  await said(tail, /is degraded here$/);
  await all.answered();
  await noteOutage(all, report, before);
  await same(all, report, owner, 'the owner serves by the path that came back');
  await all.lab.restore(cut);
  await paths.reinstate(paths.first);
  await said(tail, /is well here$/);
}

async function preemptedMeanwhile(
  all: FailoverLab,
  report: Report,
  { owner, paths }: Subject,
): Promise<void> {
  await paths.takeOutSecond();
  report.say(`freezing ${owner.node}, its second path logged out`);
  all.lab.guest(owner.id).freeze();
  const next = await all.served({ not: owner.id, after: owner.epoch });
  await all.answered();
  report.say(`thawing ${owner.node}, and logging its second path in anew`);
  const words = new Words(paths.guest, report);
  all.lab.guest(owner.id).thaw();
  await paths.logInSecond();
  const told = await words.letsGo();
  report.check('the thawed owner lets go', told !== '', told);
  await words.isOver();
  const { output } = await sgPersist(all.lab.guest(next.id), '-i -y -k', paths.first);
  const foreign = output.match(/0x[0-9a-f]{9,}/g) ?? [];
  report.check(
    'on the disk there is no key but the new owner’s',
    foreign.length > 0 && new Set(foreign).size === 1,
    foreign.join(' '),
  );
  const write = await paths.guest.exec(
    `dd if=/dev/zero of=${paths.second} bs=4096 count=1 seek=100000 oflag=direct 2>&1`,
  );
  const refused = write.output.split('\n').find((line) => line.startsWith('dd: ')) ?? '';
  report.check('the path that came back writes nothing', write.status !== 0, refused);
  report.check('and is in no map', (await paths.inMap()) <= 1);
  const still = await all.served();
  report.check('the group stays where it is', still.id === next.id, still.node);
}

async function same(all: FailoverLab, report: Report, owner: Owner, what: string): Promise<void> {
  const { epoch, node } = await all.served();
  report.check(what, epoch === owner.epoch, `${node}, epoch ${epoch}`);
}

async function said(tail: LogTail, pattern: RegExp): Promise<string> {
  return await until(
    () => {
      const line = tail.read().find(({ event }) => pattern.test(event));
      return line === undefined ? undefined : String(line.facts['detail']);
    },
    { what: `${tail.guest.name} says ${pattern.source}`, limitMs: LIMIT_MS, intervalMs: 20 },
  );
}
