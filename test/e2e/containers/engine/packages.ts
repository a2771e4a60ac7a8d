/** What an engine and a base image are made of, installed by itself when it may: root, and apt. */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

/** A program, and the Debian package that brings it. */
const PROGRAMS = {
  dockerd: 'docker.io',
  iptables: 'iptables',
  slirp4netns: 'slirp4netns',
  debootstrap: 'debootstrap',
  ip: 'iproute2',
  unshare: 'util-linux',
} as const;

const PLACES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
/** Asked by Debian's packages before they start a service: nothing is started, we do that. */
const POLICY = '/usr/sbin/policy-rc.d';
const APT_LIMIT_MS = 600_000;

export function isInstalled(program: string): boolean {
  return PLACES.some((place) => existsSync(`${place}/${program}`));
}

/** Why there can be no engine here; null where there can. */
export function whyNoEngine(): string | null {
  if (process.platform !== 'linux') return 'containers need Linux';
  if (process.getuid?.() !== 0) return 'an engine of our own needs root; or set DOCKER_HOST';
  const missing = missingPackages();
  if (missing.length > 0 && !isInstalled('apt-get')) return `${missing.join(', ')} not installed`;
  return null;
}

/** Installs what is missing; does nothing, not even start a process, when nothing is. */
export function ensureEnginePackages(say: (line: string) => void): void {
  const missing = missingPackages();
  if (missing.length === 0) return;
  say(`installing Debian packages: ${missing.join(', ')}`);
  const ours = !existsSync(POLICY);
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    apt('update', '-q');
    apt('install', '-y', '-q', '--no-install-recommends', ...missing);
  } finally {
    if (ours) rmSync(POLICY);
  }
}

function missingPackages(): readonly string[] {
  return Object.entries(PROGRAMS).flatMap(([program, name]) =>
    isInstalled(program) ? [] : [name],
  );
}

function apt(...words: readonly string[]): void {
  execFileSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...words], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: APT_LIMIT_MS,
  });
}
