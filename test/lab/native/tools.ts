/**
 * What the native laboratory needs beside the kernel laboratory's programs: Debian packages,
 * installed when it may, and two small programs that are built into the run directory.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../kernel/host.ts';
import { LabError } from '../kernel/lab-error.ts';

const packages = ['tgt', 'libiscsi-dev', 'libfuse3-dev', 'fuse3', 'pkg-config', 'gcc', 'libc6-dev'];
const files = ['/usr/sbin/tgtd', '/usr/include/iscsi/iscsi.h', '/usr/include/fuse3/fuse.h'];
const programs = ['/usr/bin/gcc', '/usr/bin/pkg-config', '/usr/sbin/nft', '/usr/bin/setpriv'];
const installTimeoutMs = 600_000;

/** @throws LabError NOT_ROOT, PACKAGES_MISSING */
export async function ensureNativePackages(say: (line: string) => void): Promise<void> {
  if (process.getuid?.() !== 0) throw new LabError('NOT_ROOT', 'the laboratory makes namespaces');
  if (!existsSync('/dev/fuse') || !existsSync('/dev/loop-control')) {
    throw new LabError('PACKAGES_MISSING', 'the kernel has no FUSE or no loop devices');
  }
  const missing = [...files, ...programs].filter((path) => !existsSync(path));
  if (missing.length === 0) return;
  if (!existsSync('/usr/bin/apt-get')) {
    throw new LabError('PACKAGES_MISSING', `${missing.join(', ')}: install ${packages.join(' ')}`);
  }
  say(`installing Debian packages (missing: ${missing.join(', ')})`);
  const wanted = [...packages, 'nftables', 'iproute2', 'util-linux', 'e2fsprogs', 'xfsprogs'];
  const options = { timeoutMs: installTimeoutMs };
  await run(['apt-get', 'update', '-q'], options);
  await run(['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...wanted], options);
}

/** Builds into a new directory `tools` and answers it. @throws LabError COMMAND_FAILED */
export async function buildTools(directory: string): Promise<string> {
  const tools = join(directory, 'tools');
  mkdirSync(tools);
  const here = import.meta.dirname;
  const flags = (await run(['pkg-config', '--cflags', '--libs', 'fuse3', 'libiscsi'])).trim();
  const strict = ['-O2', '-Wall', '-Wextra', '-Werror'] as const;
  const iscsi = flags.split(/\s+/);
  const build = (name: string, source: string, ...more: readonly string[]): Promise<string> =>
    run(['gcc', ...strict, '-o', join(tools, name), join(here, source), ...more]);
  await Promise.all([
    build('nexus', 'nexus.c', ...iscsi, '-lpthread'),
    build('reservations', 'reservations.c', ...iscsi),
    build('sg-shim.so', 'sg-shim.c', '-shared', '-fPIC'),
  ]);
  return tools;
}
