/**
 * The Debian package: the bundled program with the Node that it was tested with, its unit, examples and
 * documentation. It brings its own Node so that nobody who upgrades another one changes the cluster.
 *
 * Reference: deb(5), Debian Policy §6 (maintainer scripts), dpkg-deb(1).
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { bundle, root } from './bundle.ts';

const LIBRARY = 'usr/lib/holdfast';
const DOCUMENTATION = 'usr/share/doc/holdfast';
const SCRIPTS = ['postinst', 'prerm', 'postrm'];
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

export type DebOptions = {
  readonly version: string;
  readonly outDirectory: string;
  /** 1: quick, for what is thrown away again. 9: small. */
  readonly compression?: number;
};

/** Answers the path of the package. */
export async function buildDeb(options: DebOptions): Promise<string> {
  const { version, outDirectory, compression = 6 } = options;
  const stage = mkdtempSync(join(tmpdir(), 'holdfast-deb-'));
  try {
    await layOut(stage, version);
    const architecture = ARCHITECTURES[process.arch] ?? process.arch;
    writeControl(stage, version, architecture);
    const path = join(outDirectory, `holdfast_${version}_${architecture}.deb`);
    mkdirSync(outDirectory, { recursive: true });
    // gzip: half the time of the default, and every dpkg reads it.
    const how = ['--root-owner-group', '-Zgzip', `-z${compression}`];
    execFileSync('dpkg-deb', [...how, '--build', stage, path], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return path;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

async function layOut(stage: string, version: string): Promise<void> {
  chmodSync(stage, 0o755);
  const at = (...parts: readonly string[]): string => join(stage, ...parts);
  await bundle({ version, outDirectory: at(LIBRARY) });
  copy('node_modules/node/bin/node', at(LIBRARY, 'node'), 0o755);
  for (const name of ['holdfast', 'guardian']) launcher(at(LIBRARY, name), name);
  mkdirSync(at('usr/bin'), { recursive: true });
  symlinkSync(`../../${LIBRARY}/holdfast`, at('usr/bin/holdfast'));
  copy('config/systemd/holdfast.service', at('lib/systemd/system/holdfast.service'));
  copy('README.md', at(DOCUMENTATION, 'README.md'));
  copy('LICENSE', at(DOCUMENTATION, 'copyright'));
  copy('config/three-nodes.yaml', at(DOCUMENTATION, 'examples/three-nodes.yaml'));
  copy('config/systemd/unprivileged.conf', at(DOCUMENTATION, 'examples/unprivileged.conf'));
}

function copy(from: string, to: string, mode = 0o644): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(join(root, from), to, { dereference: true });
  chmodSync(to, mode);
}

/** Finds its files beside itself, wherever the package was unpacked to. */
function launcher(path: string, name: string): void {
  const here = 'here=$(dirname "$(readlink -f "$0")")';
  const lines = ['#!/bin/sh', here, `exec "$here/node" "$here/${name}.js" "$@"`, ''];
  writeFileSync(path, lines.join('\n'), { mode: 0o755 });
}

function writeControl(stage: string, version: string, architecture: string): void {
  const files = filesOf(stage);
  const bytes = files.reduce((total, path) => total + statSync(path).size, 0);
  const control = [
    'Package: holdfast',
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    'Maintainer: Holdfast maintainers <holdfast@localhost>',
    `Installed-Size: ${Math.ceil(bytes / 1_024)}`,
    'Depends: libc6 (>= 2.28), libstdc++6, libnftables1, mount, util-linux',
    'Recommends: iproute2, nftables',
    'Suggests: e2fsprogs, xfsprogs, multipath-tools, open-iscsi, sg3-utils',
    'Section: admin',
    'Priority: optional',
    'Description: high-availability failover cluster',
    ' Keeps disks, addresses and applications running on one of several nodes. Disks are',
    ' owned by SCSI-3 persistent reservations, so a node that is frozen or cut off cannot',
    ' write any more. Agreement is by Raft over encrypted interconnects.',
    '',
  ];
  const debian = join(stage, 'DEBIAN');
  mkdirSync(debian);
  writeFileSync(join(debian, 'control'), control.join('\n'));
  const sums = files.map((path) => {
    const sum = createHash('md5').update(readFileSync(path)).digest('hex');
    return `${sum}  ${relative(stage, path)}\n`;
  });
  writeFileSync(join(debian, 'md5sums'), sums.join(''));
  for (const name of SCRIPTS) copy(`config/package/debian/${name}`, join(debian, name), 0o755);
}

function filesOf(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesOf(path);
    return entry.isFile() ? [path] : [];
  });
}
