/**
 * The program as it is installed: one file, away from the checkout and from every package, runs a
 * cluster, survives the death of an owner, and says what it is and what is wrong.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { bundle } from '../../config/package/bundle.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { type EmbeddedCluster, PATIENCE_MS } from '../demo/embedded-cluster.ts';
import { NODES } from '../demo/embedded-config.ts';
import { marked } from '../demo/processes.ts';
import { calmOf } from './support/calm.ts';
import { guardianOf } from './support/parts.ts';
import { holdfast, LIMIT_MS, problemIn, workspace } from './support/workspace.ts';

const VERSION = '9.9.9-bundled';
const ANSWERS = 10;

vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

const installed = mkdtempSync(join(tmpdir(), 'holdfast-bundle-'));
const program = join(installed, 'holdfast.js');
let cluster: EmbeddedCluster;

beforeAll(async () => {
  await bundle({ version: VERSION, outDirectory: installed });
  cluster = await workspace();
});

afterAll(() => {
  cluster.down();
  rmSync(installed, { recursive: true, force: true });
});

test('nothing of the checkout is in it', () => {
  expect(readdirSync(installed).toSorted()).toEqual([
    'emulated-storage.js',
    'guardian.js',
    'holdfast.js',
    'native',
    'node_modules',
    'web',
  ]);
  const modules = readdirSync(join(installed, 'node_modules')).toSorted();
  expect(modules).toEqual(['@koromix', 'koffi']);
  // The guardian stays while everything else fails: it carries none of it.
  expect(readFileSync(join(installed, 'guardian.js'), 'utf8')).not.toContain('libp2p');
  expect(readFileSync(program, 'utf8')).toContain('libp2p');
});

test('it says which release it is, and in words that no daemon answers', async () => {
  const version = await holdfast(cluster, ['--version'], program);
  expect(version).toMatchObject({ status: EXIT.ok, stdout: `${VERSION}\n` });
  const socket = ['--socket', join(cluster.directory, 'nobody.sock')];
  const refused = await holdfast(cluster, [...socket, 'status', '--json'], program);
  expect(refused.status).toBe(EXIT.unreachable);
  expect(problemIn(refused.stdout).code).toBe('DAEMON_UNREACHABLE');
});

test('three of them are a cluster that serves, and goes on without the owner', async () => {
  await cluster.start(program);
  const load = cluster.load();
  const { owner, epoch } = await calmOf(cluster);
  expect((await cluster.status(owner))?.version).toBe(VERSION);
  expect(guardianOf(cluster, owner)).not.toBeNull();
  await load.waitForAcknowledged(ANSWERS, PATIENCE_MS);
  // Its native half was found: without it no real address and no real disk could be served.
  for (const node of NODES) expect(cluster.logOf(node)).not.toContain('NATIVE_CALLS_UNAVAILABLE');
  // Nothing but the bundle runs for the nodes; the application and the emulated storage are the test's.
  const programs = marked(cluster.directory).flatMap(({ argv }) => argv.slice(1));
  expect(programs.filter((word) => word.includes('/src/'))).toEqual([]);

  cluster.powerOff(owner);
  const next = await cluster.served({ not: owner, after: epoch });
  expect(NODES).toContain(next.node);
  await load.waitForAcknowledged(ANSWERS, PATIENCE_MS);
});
