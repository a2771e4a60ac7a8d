/**
 * What the laboratory needs from Debian, installed by itself when it may: root, and apt.
 * Does nothing, not even start a process, when every program is already there.
 */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { LabError } from './lab-error.ts';
import { hasWideRegisters } from './wide-registers.ts';

const packages = [
  'user-mode-linux',
  'open-iscsi',
  'kmod',
  'sg3-utils',
  'busybox-static',
  'iputils-arping',
  'e2fsprogs',
  'xfsprogs',
  'iproute2',
  'nftables',
  'util-linux',
  'procps',
  'curl',
] as const;

/** One program a package stands for; each is looked for in the directories that Debian uses. */
const programs = [
  'linux.uml',
  'iscsiadm',
  'modprobe',
  'sg_persist',
  'busybox',
  'arping',
  'mkfs.ext4',
  'mkfs.xfs',
  'ip',
  'nft',
  'setpriv',
  'pidof',
  'curl',
] as const;

/** Only where the guests' kernel needs `wide-registers.c`, or a clock is to be moved. */
const compilerPackages = ['gcc', 'libc6-dev'] as const;
const compilerPrograms = ['gcc'] as const;

const directories = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const;
const installTimeoutMs = 600_000;

export function missingPrograms(compiler = false): readonly string[] {
  return [...programs, ...(compiler || hasWideRegisters() ? compilerPrograms : [])].filter(
    (name) => !directories.some((at) => existsSync(`${at}/${name}`)),
  );
}

function wanted(compiler: boolean): readonly string[] {
  return [...packages, ...(compiler || hasWideRegisters() ? compilerPackages : [])];
}

/**
 * @param say told each step, since an installation takes its time
 * @throws LabError NOT_ROOT, PACKAGES_MISSING
 */
export async function ensurePackages(say: (line: string) => void, compiler = false): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new LabError(
      'NOT_ROOT',
      'the kernel laboratory makes network namespaces: run it as root',
    );
  }
  const missing = missingPrograms(compiler);
  if (missing.length === 0) return;
  if (!existsSync('/usr/bin/apt-get')) {
    throw new LabError(
      'PACKAGES_MISSING',
      `${missing.join(', ')} not found, and there is no apt-get: on Debian 12 these come from ` +
        wanted(compiler).join(' '),
    );
  }
  say(`installing Debian packages (missing: ${missing.join(', ')})`);
  await apt(['update', '-q'], say);
  await apt(['install', '-y', '-q', '--no-install-recommends', ...wanted(compiler)], say);
  const still = missingPrograms(compiler);
  if (still.length > 0) {
    throw new LabError(
      'PACKAGES_MISSING',
      `${still.join(', ')} still missing after apt-get install`,
    );
  }
}

function apt(args: readonly string[], say: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('apt-get', args, {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: installTimeoutMs,
    });
    let tail = '';
    const hear = (data: Buffer): void => {
      tail = (tail + data.toString()).slice(-2000);
      for (const line of data.toString().split('\n')) if (/^(Get|Setting up)/.test(line)) say(line);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve();
      else
        reject(new LabError('PACKAGES_MISSING', `apt-get ${args[0]}: status ${status}: ${tail}`));
    });
  });
}
