/**
 * The Debian package on a machine with a running systemd (a container whose first process it is):
 * installed, skipped without a configuration, started, watched, ended hard and in order, removed,
 * purged. One node alone: what the others would do is told elsewhere.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { buildDeb } from '../../../config/package/deb.ts';
import type { LeftOver } from '../../../src/guardian/left-over.ts';
import { until } from '../../lab/kernel/index.ts';

const BASE = 'node:24-bookworm-slim';
const NAME = `holdfast-systemd-${process.pid}`;
const PATIENCE_MS = 120_000;
const TIDY = '&& rm -rf /var/lib/apt/lists/*';
const APPLICATION = 'sleep 86399';
const LEFT_OVER = '/run/holdfast/left-over.json';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 600_000 });

const docker = (...words: readonly string[]): string =>
  execFileSync('docker', [...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const inside = (script: string): string => docker('exec', NAME, 'sh', '-c', script).trim();
const property = (name: string): string => inside(`systemctl show holdfast -p ${name} --value`);
const mainPid = (): number => Number(property('MainPID'));
const leftOver = (): LeftOver => JSON.parse(inside(`cat ${LEFT_OVER}`)) as LeftOver;
/** How many of the application there are, by the command line of every process. */
const COUNT = [
  'for one in /proc/[0-9]*',
  "do tr '\\0' ' ' <$one/cmdline 2>/dev/null",
  `echo; done | grep -c '^${APPLICATION}' || true`,
].join('; ');
const applications = (): number => Number(inside(COUNT));
const journal = (): string => inside('journalctl -u holdfast --no-pager -o cat -n 400');

async function waitFor(what: string, look: () => boolean): Promise<void> {
  await until(look, { what, limitMs: PATIENCE_MS, intervalMs: 300 }, journal);
}

const serving = async (): Promise<void> =>
  await waitFor('the group is served', () => property('StatusText').endsWith('serves web'));

const UNIT_DIRECTORY = '/run/systemd/system/holdfast.service.d';

beforeAll(async () => {
  const context = mkdtempSync(join(tmpdir(), 'holdfast-systemd-'));
  try {
    const deb = await buildDeb({ version: '9.9.9', outDirectory: context, compression: 1 });
    const packages = 'systemd libnftables1 iproute2';
    const lines = [
      `FROM ${BASE}`,
      `RUN apt-get update -q && apt-get install -y -q --no-install-recommends ${packages} ${TIDY}`,
      'CMD ["/lib/systemd/systemd"]',
    ];
    writeFileSync(join(context, '.dockerignore'), '*\n');
    writeFileSync(join(context, 'Dockerfile'), `${lines.join('\n')}\n`);
    docker('build', '--quiet', '--tag', 'holdfast-systemd', context);
    const rights = ['SYS_ADMIN', 'NET_ADMIN', 'NET_RAW', 'SYS_NICE'];
    docker(
      'run',
      ...['--detach', '--name', NAME, '--env', 'container=docker'],
      ...rights.flatMap((right) => ['--cap-add', right]),
      ...['--security-opt', 'apparmor=unconfined', '--security-opt', 'seccomp=unconfined'],
      ...['--tmpfs', '/run', '--tmpfs', '/run/lock', '--tmpfs', '/tmp'],
      ...['--volume', '/sys/fs/cgroup:/sys/fs/cgroup:rw', 'holdfast-systemd'],
    );
    await waitFor('systemd has started the machine', () =>
      ['running', 'degraded'].includes(inside('systemctl is-system-running || true')),
    );
    docker('cp', deb, `${NAME}:/root/holdfast.deb`);
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
});

afterAll(() => {
  docker('rm', '--force', '--volumes', NAME);
});

test('installed, it is enabled, and waits for its configuration', () => {
  inside('dpkg --install /root/holdfast.deb');
  expect(inside('systemctl is-enabled holdfast')).toBe('enabled');
  expect(property('ActiveState')).toBe('inactive');
  expect(property('ConditionResult')).toBe('no');
});

test('configured, it starts, says what it does, and is watched', async () => {
  const peer = inside('holdfast identity --data-directory /var/lib/holdfast');
  const configuration = `
cluster: alone
node: node1
data-directory: /var/lib/holdfast
profile: safe
interconnects: [lan-a, lan-b]
members:
  - name: node1
    number: 1
    peer-id: ${peer}
    addresses: { lan-a: "127.0.0.1:7400", lan-b: "127.0.0.2:7400" }
groups:
  - name: web
    resources:
      - { name: service, type: application, parameters: { command: [${APPLICATION.replace(' ', ', "')}"] } }
`;
  inside(`mkdir -p /etc/holdfast && cat >/etc/holdfast/holdfast.yaml <<'END'\n${configuration}END`);
  inside('systemctl start holdfast');
  expect(property('ActiveState')).toBe('active');
  await serving();
  expect(property('WatchdogUSec')).toBe('10s');
  expect(inside('holdfast status')).toMatch(/web +serving +node1/);
  expect(applications()).toBe(1);
  expect(leftOver().groups).toMatchObject([{ group: 'web' }]);
  // The application speaks to systemd in nobody's name.
  const { pid } = leftOver().guardian;
  expect(inside(`tr '\\0' '\\n' </proc/${pid}/environ`)).not.toContain('NOTIFY_SOCKET');
});

test('a daemon that stands still is found by the watchdog, ended, and started anew', async () => {
  const before = mainPid();
  inside(`kill -STOP ${before}`);
  await waitFor('another daemon runs', () => ![0, before].includes(mainPid()));
  expect(journal()).toContain('Watchdog timeout');
  await serving();
  expect(applications()).toBe(1);
});

test('what outlives daemon and guardian is ended after them', async () => {
  // Not started anew: the next life would clean up as well.
  inside(
    `mkdir -p ${UNIT_DIRECTORY} && printf '[Service]\\nRestart=no\\n' >${UNIT_DIRECTORY}/once.conf`,
  );
  inside('systemctl daemon-reload');
  inside(`kill -KILL ${leftOver().guardian.pid} ${mainPid()}`);
  await waitFor('the service has failed', () => property('ActiveState') === 'failed');
  expect(journal()).toContain('left over of web');
  expect(applications()).toBe(0);
  inside(`rm -r ${UNIT_DIRECTORY} && systemctl daemon-reload && systemctl start holdfast`);
  await serving();
});

test('upgraded, it is started anew; stopped, it stops its groups in order', async () => {
  const before = mainPid();
  inside('dpkg --install /root/holdfast.deb');
  await waitFor('another daemon runs', () => ![0, before].includes(mainPid()));
  await serving();
  inside('systemctl stop holdfast');
  expect(property('Result')).toBe('success');
  expect(applications()).toBe(0);
  expect(inside('ls -d /run/holdfast 2>/dev/null || true')).toBe('');
});

test('a configuration that is wrong is not tried again and again', async () => {
  inside(
    "cp /etc/holdfast/holdfast.yaml /root/ && echo 'nonsense: 1' >>/etc/holdfast/holdfast.yaml",
  );
  inside('systemctl start holdfast || true');
  await waitFor('it has given up', () => property('ActiveState') === 'failed');
  expect(property('ExecMainStatus')).toBe('5');
  expect(property('NRestarts')).toBe('0');
  inside('cp /root/holdfast.yaml /etc/holdfast/ && systemctl start holdfast');
  await serving();
});

test('removed, it is stopped and leaves its data; purged, it leaves nothing', () => {
  inside('dpkg --remove holdfast');
  expect(applications()).toBe(0);
  expect(inside('ls /usr/lib/holdfast /usr/bin/holdfast 2>/dev/null || true')).toBe('');
  expect(inside('ls /var/lib/holdfast')).toContain('identity.key');
  inside('dpkg --purge holdfast');
  const places = '/var/lib/holdfast /etc/holdfast /var/cache/holdfast /run/holdfast';
  expect(inside(`ls -d ${places} 2>/dev/null || true`)).toBe('');
  expect(inside('systemctl list-unit-files holdfast.service --no-legend || true')).toBe('');
});
