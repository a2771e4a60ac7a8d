/**
 * The Debian package in the hands of dpkg, in a root directory of its own: installed, verified, started
 * by the words of its unit, removed, purged, and nothing is left. With a running systemd: the
 * containers (test/e2e/containers).
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { buildDeb } from '../../config/package/deb.ts';
import { type EmbeddedCluster, PATIENCE_MS } from '../demo/embedded-cluster.ts';
import { until } from '../lab/kernel/index.ts';
import { NotifySocket } from '../system/support/notify-socket.ts';
import { endOf, workspace } from './support/workspace.ts';

const VERSION = '9.9.9';
const UNIT = 'lib/systemd/system/holdfast.service';

const found = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
const noDpkg = found('dpkg-deb') ? null : 'there is no dpkg-deb on this machine';
const noVerify = found('systemd-analyze') ? null : 'there is no systemd-analyze on this machine';
for (const why of [noDpkg, noVerify]) {
  if (why !== null) process.stderr.write(`tests of the Debian package are skipped: ${why}\n`);
}

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const place = mkdtempSync(join(tmpdir(), 'holdfast-package-'));
const root = join(place, 'root');
const at = (...parts: readonly string[]): string => join(root, ...parts);
let deb = '';
let cluster: EmbeddedCluster;

beforeAll(async () => {
  if (noDpkg !== null) return;
  for (const name of ['info', 'updates', 'triggers']) {
    mkdirSync(at('var/lib/dpkg', name), { recursive: true });
  }
  for (const name of ['status', 'available']) writeFileSync(at('var/lib/dpkg', name), '');
  deb = await buildDeb({ version: VERSION, outDirectory: place, compression: 1 });
  cluster = await workspace();
});

afterAll(() => {
  if (noDpkg === null) cluster.down();
  rmSync(place, { recursive: true, force: true });
});

/** Its dependencies are another matter: the root directory has nothing else in it. */
function dpkg(...words: readonly string[]): string {
  const forced = ['--force-depends', '--force-script-chrootless', '--force-not-root'];
  const bare = [`--root=${root}`, '--log=/dev/null', ...forced];
  return execFileSync('dpkg', [...bare, ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const installed = (): readonly string[] =>
  execFileSync('find', ['.', '-path', './var/lib/dpkg', '-prune', '-o', '-print'], {
    cwd: root,
    encoding: 'utf8',
  })
    .trim()
    .split('\n')
    .toSorted();

/** The words of a line of the unit, as they are in this root directory. */
function words(key: string): readonly string[] {
  const line = new RegExp(`^${key}=(.*)$`, 'm').exec(readFileSync(at(UNIT), 'utf8'))?.[1] ?? '';
  return line.split(' ').map((word, i) => (i === 0 ? at(word) : word));
}

test.skipIf(noDpkg !== null)('it installs, says its version, and is as it was packed', () => {
  const before = installed();
  dpkg('--install', deb);
  expect(installed().length).toBeGreaterThan(before.length + 10);
  const said = execFileSync(at('usr/bin/holdfast'), ['--version'], { encoding: 'utf8' });
  expect(said).toBe(`${VERSION}\n`);
  expect(dpkg('--verify', 'holdfast')).toBe('');
  writeFileSync(at('usr/lib/holdfast/guardian.js'), '// changed', { flag: 'a' });
  expect(dpkg('--verify', 'holdfast')).toContain('usr/lib/holdfast/guardian.js');
  dpkg('--install', deb);
  expect(dpkg('--verify', 'holdfast')).toBe('');
});

test.skipIf(noDpkg !== null || noVerify !== null)(
  'systemd has nothing to say about its unit',
  () => {
    const unit = readFileSync(at(UNIT), 'utf8').replace(/^(Exec\w+=)/gm, `$1${root}`);
    const complaints = (text: string): string => {
      const path = join(place, 'holdfast.service');
      writeFileSync(path, text);
      const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], {
        encoding: 'utf8',
      });
      unlinkSync(path);
      return stdout + stderr;
    };
    expect(complaints(unit)).toBe('');
    expect(complaints(unit.replace('WatchdogSec=', 'WatchdogSeconds='))).toContain(
      'WatchdogSeconds',
    );
  },
);

test.skipIf(noDpkg !== null)(
  'the words of its unit start a daemon, stop it, and clean up',
  async () => {
    await cluster.startSan();
    const socket = new NotifySocket(join(cluster.directory, 'notify'));
    const [program = '', ...rest] = words('ExecStart');
    expect(rest).toEqual(['run', '--config', '/etc/holdfast/holdfast.yaml']);
    let daemon: ChildProcess | null = null;
    try {
      daemon = spawn(program, [...cluster.runArguments('node1')], {
        stdio: 'ignore',
        env: {
          ...cluster.environment,
          NOTIFY_SOCKET: socket.name,
          RUNTIME_DIRECTORY: cluster.directory,
        },
      });
      await until(() => socket.heard().some((word) => word.startsWith('READY=1')), {
        what: 'the daemon is ready',
        limitMs: PATIENCE_MS,
      });
      daemon.kill('SIGTERM');
      expect(await endOf(daemon)).toBe(0);
      expect(socket.heard()).toContain('STOPPING=1');
    } finally {
      daemon?.kill('SIGKILL');
      socket.close();
    }
    const [undo = '', ...file] = words('ExecStopPost');
    expect(file).toEqual(['--undo', '/run/holdfast/left-over.json']);
    execFileSync(undo, ['--undo', join(cluster.directory, 'left-over.json')]);
  },
);

test.skipIf(noDpkg !== null)('removed, it leaves the data; purged, it leaves nothing', () => {
  const key = at('var/lib/holdfast/identity.key');
  mkdirSync(at('var/lib/holdfast'), { recursive: true });
  mkdirSync(at('etc/holdfast'), { recursive: true });
  writeFileSync(key, 'a key');
  writeFileSync(at('etc/holdfast/holdfast.yaml'), '# a configuration');
  dpkg('--remove', 'holdfast');
  expect(existsSync(at('usr/lib/holdfast'))).toBe(false);
  expect(existsSync(key)).toBe(true);
  expect(existsSync(at('etc/holdfast/holdfast.yaml'))).toBe(true);
  dpkg('--purge', 'holdfast');
  const files = installed().filter((path) => !['.', './var', './var/lib', './etc'].includes(path));
  expect(files).toEqual([]);
});
