/**
 * Runs the contract of `ResourceAgent` on units of a real systemd, and prints a line of JSON for each clause:
 * `node systemd-runner.ts DIRECTORY`. The systemd is a user's instance in mount and pid namespaces of its own
 * (`unshare --mount --pid --fork --kill-child --mount-proc`), so that the host's own is not touched and
 * nothing outlives this process.
 */
import { equal, match } from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Outcome } from '../../src/resources/agent.ts';
import { SystemdAgent } from '../../src/resources/agents/systemd.ts';
import { monotonicClock as clock } from '../../src/system/clock.ts';
import { startLongLived } from '../../src/system/long-lived.ts';
import { mounts } from '../../src/system/mounts.ts';
import { PacketFilter } from '../../src/system/packet-filter.ts';
import { undo } from '../../src/system/undo.ts';
import { contextOf, resource } from '../resources/support/definitions.ts';
import { must, works } from '../resources/support/shell.ts';
import { until } from '../system/support/until.ts';
import { reporting } from './report-line.ts';
import { type AgentLab, RESOURCE_AGENT_CONTRACT, reset } from './resource-agent.ts';

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: systemd-runner.ts DIRECTORY');
const report = reporting();

/** A user's instance refuses to run where no system instance seems to, and wants version 2 groups. */
function setTheStage(at: string): string {
  const hierarchy = mounts().find(({ type }) => type === 'cgroup2')?.directory ?? '';
  if (hierarchy !== '/sys/fs/cgroup') must('mount', '--bind', hierarchy, '/sys/fs/cgroup');
  must('mount', '-t', 'tmpfs', 'none', '/run');
  mkdirSync('/run/systemd/system', { recursive: true });
  mkdirSync('/run/user', { mode: 0o700 });
  process.env['XDG_RUNTIME_DIR'] = '/run/user';
  process.env['XDG_CONFIG_HOME'] = join(at, 'config');
  const cgroup = `/sys/fs/cgroup/holdfast-systemd-${at.replaceAll('/', '-')}`;
  mkdirSync(cgroup);
  return cgroup;
}

function unit(name: string, lines: readonly string[]): string {
  const place = join(directory ?? '', 'config/systemd/user');
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, `${name}.service`), ['[Service]', ...lines, ''].join('\n'));
  return name;
}

function removeTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  }
  rmdirSync(path);
}

const cgroup = setTheStage(directory);
const told = join(directory, 'told');
unit('daemon', [`ExecStart=/bin/sh -c 'env > ${told}; exec sleep 600'`, 'Restart=always']);
unit('stubborn', [
  `ExecStart=/bin/sh -c 'trap "" TERM; while :; do sleep 1; done'`,
  'TimeoutStopSec=600',
]);
unit('ticking', [
  `ExecStart=/bin/sh -c 'while :; do echo tick >> ${directory}/ticks; sleep 0.02; done'`,
]);
unit('broken', ['ExecStart=/bin/false', 'Type=oneshot']);
unit('enabled', ['ExecStart=/bin/sleep 600', '[Install]', 'WantedBy=default.target']);
const enter = `echo $$ > ${cgroup}/cgroup.procs && exec /lib/systemd/systemd --user`;
const systemd = await startLongLived({
  argv: ['sh', '-c', enter],
  output: { kind: 'file', path: join(directory, 'systemd.log') },
});
const systemctl = ['systemctl', '--user'];
await until('systemd answers', () => works(...systemctl, 'is-system-running', '--wait'));
must(...systemctl, 'enable', 'enabled.service');

const runtimeDirectory = '/run/user/systemd/user';
// A unit that was started a moment ago may still be read from a busy disk.
const agent = new SystemdAgent({ clock, systemctl, runtimeDirectory, freezeTimeoutMs: 10_000 });
const filter = new PacketFilter({ clusterId: 'systemd', clock });
const context = contextOf({ clean: false });
const on = (name: string, stopTimeoutMs = 20_000) =>
  resource('systemd', { unit: name }, { name, stopTimeoutMs });
const lab: AgentLab = {
  agent,
  definition: on('daemon'),
  context,
  lease: async () => {},
  undo: (item) =>
    undo(item, { filter, clock, timeoutMs: 20_000, signal: new AbortController().signal }),
  holds: true,
};

try {
  for (const clause of RESOURCE_AGENT_CONTRACT) {
    await report(clause.name, async () => {
      await reset(lab);
      await clause.run(lab);
    });
  }
  await reset(lab);
  await report(
    'a unit is told why it starts, and is not restarted behind the back of policy',
    async () => {
      equal((await agent.start(lab.definition, context)).status, 0);
      await until(
        'it has told',
        () => existsSync(told) && readFileSync(told, 'utf8').includes('HOLDFAST'),
      );
      match(readFileSync(told, 'utf8'), /^HOLDFAST_REASON=failover$/m);
      const heard: Outcome[] = [];
      const watching = new AbortController();
      agent.watch(lab.definition, { ...context, signal: watching.signal }, (one) =>
        heard.push(one),
      );
      must(...systemctl, 'kill', '--signal=SIGKILL', 'daemon.service');
      await until('its end is told', () => heard.length > 0);
      equal(heard[0]?.code, 'UNIT_FAILED');
      equal((await agent.monitor(lab.definition, context)).status, 7);
      watching.abort();
      equal((await agent.start(lab.definition, context)).status, 0, 'and it starts again');
      equal((await agent.stop(lab.definition, context)).status, 0);
    },
  );
  await report('a suspended unit stands still, and runs on', async () => {
    const ticks = join(directory, 'ticks');
    const size = () => (existsSync(ticks) ? statSync(ticks).size : 0);
    equal((await agent.start(on('ticking'), context)).status, 0);
    await until('it ticks', () => size() > 0);
    await agent.suspend(on('ticking'), context);
    const still = size();
    equal((await agent.monitor(on('ticking'), context)).status, 0);
    await clock.after(500, new AbortController().signal);
    equal(size(), still);
    await agent.resume(on('ticking'), context);
    await until('it ticks again', () => size() > still);
    equal((await agent.stop(on('ticking'), context)).status, 0);
  });
  await report('a unit that does not obey is killed within the timeout of its stop', async () => {
    const stubborn = on('stubborn', 2_000);
    equal((await agent.start(stubborn, context)).status, 0);
    const outcome = await agent.stop(stubborn, context);
    equal(outcome.status, 0, outcome.detail);
    match(outcome.detail, /killed/);
    equal((await agent.monitor(stubborn, context)).status, 7);
  });
  await report('a unit that fails says so, one that is enabled or unknown is refused', async () => {
    equal((await agent.start(on('broken'), context)).code, 'UNIT_FAILED');
    await agent.kill(on('broken'), context);
    equal((await agent.fitness(on('enabled'), context)).code, 'UNIT_ENABLED');
    equal((await agent.start(on('enabled'), context)).code, 'UNIT_ENABLED');
    equal((await agent.fitness(on('absent'), context)).code, 'UNIT_NOT_FOUND');
    equal((await agent.validateAll(on('-x'), context)).code, 'RESOURCE_MISCONFIGURED');
  });
} finally {
  process.kill(systemd.mark.pid, 'SIGKILL');
  writeFileSync(join(cgroup, 'cgroup.kill'), '1');
  await until(
    'nothing runs',
    () => !/populated 1/.test(readFileSync(join(cgroup, 'cgroup.events'), 'utf8')),
  );
  removeTree(cgroup);
}
process.exit(0);
