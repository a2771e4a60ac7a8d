/**
 * The base image, pulled where a registry is reached and made on the spot where none is: Debian by
 * debootstrap and the Node of this project, under the name that the Dockerfile asks for.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../../../config/package/bundle.ts';
import { layPrevious, noPrevious, previousCommit } from '../../support/releases.ts';
import type { Engine } from './engine.ts';

export const root = fileURLToPath(new URL('../../../..', import.meta.url));
export const BASE = 'node:24-bookworm-slim';
export const IMAGE = 'holdfast:test';
export const PREVIOUS_IMAGE = 'holdfast:previous';
export const PREVIOUS_VERSION = 'previous';

/** Stays between runs: it belongs to the installed modules, whose Node it contains. */
const CACHED = join(root, 'node_modules/.cache/holdfast-base.tar');
const PULL_LIMIT_MS = 60_000;
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

export function ensureBaseImage(engine: Engine, say: (line: string) => void): void {
  if (isThere(engine, BASE)) return;
  // An engine of our own asks nobody: what it runs is made of Debian's packages.
  if (engine.namespace === null) {
    say(`pulling ${BASE}`);
    const { status } = spawnSync('docker', ['pull', '-q', BASE], {
      env: engine.environment,
      stdio: 'ignore',
      timeout: PULL_LIMIT_MS,
    });
    if (status === 0) return;
  }
  if (!existsSync(CACHED)) makeBase(say);
  const changes = [
    '--change',
    `ENV NODE_EXTRA_CA_CERTS=${AUTHORITIES}`,
    '--change',
    'CMD ["node"]',
  ];
  engine.docker(['import', ...changes, CACHED, BASE]);
}

/**
 * The image of the previous commit: ours, with that one's program in it. Answers its name; null, and
 * says why, where there is no such commit or it was not bundled yet.
 */
export async function buildPreviousImage(
  engine: Engine,
  say: (line: string) => void,
): Promise<string | null> {
  if (noPrevious !== null) {
    say(`no image of the previous commit: ${noPrevious}`);
    return null;
  }
  const context = mkdtempSync(join(tmpdir(), 'holdfast-previous-'));
  try {
    const source = join(context, 'source');
    layPrevious(source);
    if (!existsSync(join(source, 'src/system/release.ts'))) {
      say('no image of the previous commit: it was not bundled yet');
      return null;
    }
    const outDirectory = join(context, 'holdfast');
    await bundle({ version: PREVIOUS_VERSION, outDirectory, source });
    rmSync(source, { recursive: true });
    writeFileSync(join(context, 'Dockerfile'), `FROM ${IMAGE}\nCOPY holdfast /opt/holdfast\n`);
    engine.docker(['build', '--quiet', '--tag', PREVIOUS_IMAGE, context]);
    say(`image of the previous commit: ${previousCommit}`);
    return PREVIOUS_IMAGE;
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

/** Builds the image of this checkout as an operator would. */
export function buildImage(engine: Engine, say: (line: string) => void): void {
  say('building docker/Dockerfile');
  engine.docker(['build', '--quiet', '--tag', IMAGE, '--file', 'docker/Dockerfile', root]);
}

function makeBase(say: (line: string) => void): void {
  say(`making ${BASE} with debootstrap`);
  mkdirSync(dirname(CACHED), { recursive: true });
  const directory = mkdtempSync(join('/var/tmp', 'holdfast-base-'));
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'] as ('ignore' | 'inherit')[] };
  try {
    const words = ['--variant=minbase', '--include=ca-certificates', 'bookworm', directory];
    execFileSync('debootstrap', words, quiet);
    const at = (...parts: readonly string[]): string => join(directory, ...parts);
    for (const path of ['var/cache/apt', 'var/lib/apt/lists']) {
      rmSync(at(path), { recursive: true });
      mkdirSync(at(path, 'partial'), { recursive: true });
    }
    // Whom this machine trusts: its packages may come by way of a mirror.
    if (existsSync(AUTHORITIES)) cpSync(AUTHORITIES, at(AUTHORITIES));
    cpSync(join(root, 'node_modules/node/bin/node'), at('usr/local/bin/node'));
    // `npm root --global` asks the first Node in PATH, which may be ours and has none.
    const npm = realpathSync(
      execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim(),
    );
    cpSync(dirname(dirname(npm)), at('usr/local/lib/node_modules/npm'), { recursive: true });
    for (const name of ['npm', 'npx']) {
      symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, at('usr/local/bin', name));
    }
    execFileSync('tar', ['-C', directory, '-cf', `${CACHED}.new`, '.'], quiet);
    renameSync(`${CACHED}.new`, CACHED);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function isThere(engine: Engine, image: string): boolean {
  const words = ['image', 'inspect', image];
  return spawnSync('docker', words, { env: engine.environment, stdio: 'ignore' }).status === 0;
}
