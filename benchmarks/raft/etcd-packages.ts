/**
 * etcd from Debian's packages, installed by itself when it may: root, and apt. On a Debian with
 * systemd the package also starts a member of its own on port 2379, which this benchmark does not use.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Say } from './contender.ts';

const PACKAGE = 'etcd-server';
const PROGRAMS = ['/usr/bin/etcd', '/usr/local/bin/etcd'] as const;
const APT = '/usr/bin/apt-get';
const INSTALL_LIMIT_MS = 600_000;

export type Etcd = { readonly program: string; readonly version: string };

/** null when there is no etcd here and none can be had; why is told. */
export function findEtcd(say: Say): Etcd | null {
  const program = installed() ?? install(say);
  if (program === null) return null;
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  const version = /Version:\s*(\S+)/.exec(stdout)?.[1];
  if (version !== undefined) return { program, version };
  say(`no comparison with etcd: ${program} does not say its version`);
  return null;
}

function installed(): string | null {
  return PROGRAMS.find((path) => existsSync(path)) ?? null;
}

function install(say: Say): string | null {
  if (process.getuid?.() !== 0) {
    say('no comparison with etcd: it is not installed, and only root can install it');
    return null;
  }
  if (!existsSync(APT)) {
    say(`no comparison with etcd: it is not installed, and there is no ${APT}`);
    return null;
  }
  say(`installing ${PACKAGE}`);
  for (const words of [
    ['update', '-q'],
    ['install', '-y', '-q', '--no-install-recommends', PACKAGE],
  ]) {
    const { status, stderr } = spawnSync(APT, words, {
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      timeout: INSTALL_LIMIT_MS,
    });
    if (status === 0) continue;
    const reason = stderr.trim().split('\n').at(-1) ?? '';
    say(`no comparison with etcd: apt-get ${words[0]} failed: ${reason}`);
    return null;
  }
  return installed();
}
