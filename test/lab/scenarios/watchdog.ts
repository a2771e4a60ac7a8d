/**
 * A stop that hangs for good: a process of the group waits in the kernel for a device that never
 * answers, so no signal ends it. Once with a daemon that is killed at the same time: the guardian
 * silences the address, cannot end the process, stops feeding the kernel's watchdog, and softdog resets
 * the machine. Once with a daemon that lives and was asked to move the group: it resets the machine
 * itself. The group is served elsewhere either way, and nobody hears two machines at its address.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { daemonFiles } from '../daemon-command.ts';
import { FailoverLab, type Owner } from '../failover-lab.ts';
import { until } from '../kernel/index.ts';
import type { Machine } from '../lab.ts';
import { FLOATING_IP, GROUP } from '../lab-config.ts';
import { observe, violations } from '../observer.ts';
import type { Report, Scenario, ScenarioContext, ScenarioReport } from '../scenario.ts';
import { turnsOf } from '../watch/double-answers.ts';
import { noteOutage, verdict } from './story.ts';

/** The first one is the kernel's own for user-mode-linux, which wants a program on the host. */
const WATCHDOG = { device: '/dev/watchdog1', timeout: '5s' };
const ARM = 'modprobe softdog nowayout=0';
const STUCK = '/dev/mapper/stuck';
const HOLDFAST = 'node $HOLDFAST_ROOT/src/holdfast.js';
/** In the kernel's log, which is on the console. */
const WHY = /holdfast: [^\n]*(?:the machine is reset in|resets itself)[^\n]*/;
const RESET_LIMIT_MS = 60_000;
const STUCK_LIMIT_MS = 30_000;

/** Reads past the page cache again and again: where the device does not answer it waits in the kernel. */
const READER = {
  name: 'reader',
  type: 'application',
  needs: ['lun'],
  'stop-timeout': '2s',
  parameters: {
    command: [
      '/bin/sh',
      '-c',
      `while sleep 0.2; do dd if=${STUCK} of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null; done`,
    ],
  },
};

type Blow = (all: FailoverLab, owner: Owner, report: Report) => Promise<void>;

function hangs(blow: Blow, said: RegExp): (context: ScenarioContext) => Promise<ScenarioReport> {
  return async ({ lab, report, sabotage }) => {
    await Promise.all(lab.nodes.map((guest) => guest.ok(ARM)));
    const watched = sabotage === 'watchdog' ? undefined : WATCHDOG;
    const all = await report.time('form', () =>
      FailoverLab.start({
        ...{ lab, sabotage, watchdog: watched, more: [READER] },
        say: (line) => report.say(line),
      }),
    );
    const owner = await all.served();
    await all.answered();
    await stuck(lab.guest(owner.id), report);
    const before = await all.load.status();
    const boot = await bootOf(lab.guest(owner.id));
    const blowAt = Date.now();
    await blow(all, owner, report);
    await Promise.all([
      elsewhere(all, owner, report),
      resetItself(all, owner, { boot, said, blowAt, report }),
    ]);
    await noteOutage(all, report, before);
    const turns = turnsOf(
      all.watch.heard.filter(({ at }) => at >= blowAt),
      FLOATING_IP,
    );
    report.check(
      'the address was silent there before the next one spoke, and for ever after',
      turns.filter(({ guest }) => guest === owner.id).length <= 1,
      turns.map(({ guest, frames }) => `node${guest}: ${frames}`).join(', '),
    );
    await back(all, owner);
    return await verdict(all, report);
  };
}

/** Its reader waits in the kernel, and SIGKILL does not end it. */
async function stuck(guest: Machine, report: Report): Promise<void> {
  await guest.ok(
    `modprobe -a dm-mod dm-zero && dmsetup create stuck --table '0 2048 zero' && dmsetup mknodes
     dmsetup suspend --nolockfs --noflush stuck`,
  );
  const look = `for p in $(pgrep -x dd); do kill -KILL $p; cut -d' ' -f3 /proc/$p/stat; done`;
  const state = await until(async () => /^D$/m.exec((await guest.exec(look)).output)?.[0], {
    what: `${guest.name}: a reader that nothing ends`,
    limitMs: STUCK_LIMIT_MS,
  });
  report.say(`${guest.name}: a process of the group cannot be killed (${state})`);
}

async function elsewhere(all: FailoverLab, owner: Owner, report: Report): Promise<void> {
  const began = performance.now();
  const asking = all.lab.nodes.map(({ id }) => id).filter((id) => id !== owner.id);
  const next = await all.served({ not: owner.id, after: owner.epoch, asking });
  report.measure('servedMs', performance.now() - began);
  await all.answered();
  report.check('another node serves', next.id !== owner.id, `${owner.node} → ${next.node}`);
  const found = violations(await observe(all.lab, 1, [owner.id]));
  report.check('never two that can write, nor two addresses', found.length === 0, found.join('; '));
}

type Reset = {
  readonly boot: string;
  readonly said: RegExp;
  readonly blowAt: number;
  readonly report: Report;
};

/**
 * The kernel began anew by itself: another boot answers, or nothing of it. (A kernel in user space cannot
 * always start itself again from the interrupt in which the watchdog fires.)
 */
async function resetItself(all: FailoverLab, owner: Owner, facts: Reset): Promise<void> {
  const { boot, said, blowAt, report } = facts;
  const guest = all.lab.guest(owner.id);
  const words = (): string =>
    readFileSync(join(all.lab.directory, `${guest.name}.console`), 'utf8') +
    all.cluster.node(owner.id).daemon.log;
  const was = await until(
    async () => {
      const now = guest.isOn ? await bootOf(guest) : '';
      if (now !== '') return now !== boot && 'another boot';
      return said.test(words()) && 'silent since it said so';
    },
    { what: `${guest.name} is reset`, limitMs: RESET_LIMIT_MS, intervalMs: 100 },
  ).catch(() => null);
  if (was !== null) report.measure('resetMs', Date.now() - blowAt);
  report.check(`${guest.name} was reset`, was !== null, was ?? 'the same boot still answers');
  const [told] = said.exec(words()) ?? [];
  report.check('by whom it says itself', told !== undefined, told);
  const [why] = WHY.exec(words()) ?? [];
  report.check('and why', why !== undefined, why);
}

async function bootOf(guest: Machine): Promise<string> {
  const { status, output } = await guest.exec('cat /proc/sys/kernel/random/boot_id', 1_000);
  return status === 0 ? output.trim() : '';
}

async function back(all: FailoverLab, owner: Owner): Promise<void> {
  const guest = all.lab.guest(owner.id);
  await guest.powerOff(); // A reset machine that came up by itself: as any other, from here on.
  await all.lab.boot(owner.id);
  await guest.ok(ARM);
  await all.cluster.node(owner.id).start();
  await all.whole();
}

const killed: Blow = async (all, owner, report) => {
  report.say(`kill -9 of the daemon of ${owner.node}`);
  await all.cluster.node(owner.id).daemon.kill();
};

const moved: Blow = async (all, owner, report) => {
  report.say(`an operator moves the group away from ${owner.node}`);
  const to = all.lab.nodes.find(({ id }) => id !== owner.id)?.name;
  const move = `${HOLDFAST} move ${GROUP} ${to} --socket ${daemonFiles.socket}`;
  // The machine is reset while the command waits: its answer is of no interest.
  await all.lab.guest(owner.id).exec(`(${move}) >/dev/null 2>&1 &`);
};

export const watchdog: Scenario = {
  name: 'watchdog',
  about:
    'the daemon is killed, a process of its group cannot be: softdog resets the machine, another serves',
  sabotages: ['watchdog'],
  run: hangs(killed, /softdog: Initiating system reboot/),
};

export const stopHangs: Scenario = {
  name: 'stop-hangs',
  about: 'a stop that hangs for good: the daemon resets its machine, another serves',
  run: hangs(moved, /this machine resets itself/),
};
