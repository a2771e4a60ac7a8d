/**
 * From the previous commit to this one, node by node, while clients write: nothing moves that need not
 * move, every command is understood while both run side by side, and nothing is lost. And back: what a
 * later release has written is refused in words, and left as it is.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.ts';
import type { HistoryEntry } from '../../src/cluster/state.ts';
import type { Answer } from '../../src/operator/api.ts';
import { type EmbeddedCluster, HOLDFAST, PATIENCE_MS } from '../demo/embedded-cluster.ts';
import { GROUP, NODES, PATIENT_TIMES } from '../demo/embedded-config.ts';
import type { Load } from '../lab/clients.ts';
import { calmOf } from './support/calm.ts';
import { printOf } from './support/directory-print.ts';
import { layLater, layPrevious, noPrevious, previousCommit } from './support/releases.ts';
import {
  type Ended,
  endOf,
  holdfast,
  LIMIT_MS,
  problemIn,
  workspace,
} from './support/workspace.ts';

const ANSWERS = 10;

vi.setConfig({ testTimeout: LIMIT_MS * 2, hookTimeout: LIMIT_MS });
if (noPrevious !== null) process.stderr.write(`the rolling upgrade is skipped: ${noPrevious}\n`);

const place = mkdtempSync(join(tmpdir(), 'holdfast-releases-'));
let cluster: EmbeddedCluster;
let load: Load;

beforeAll(async () => {
  cluster = await workspace({ times: PATIENT_TIMES });
});

afterAll(() => {
  cluster.down();
  rmSync(place, { recursive: true, force: true });
});

const on = (node: string, ...words: readonly string[]): Promise<Ended> =>
  holdfast(cluster, ['--socket', cluster.config.socketOf(node), ...words]);

/** Whose sources this node's daemon runs. */
function programOf(node: string): string {
  const words = readFileSync(`/proc/${cluster.pidOf(node)}/cmdline`, 'utf8').split('\0');
  return words.find((word) => word.endsWith('holdfast.js')) ?? '';
}

/** In order, as a package's upgrade does it: the daemon ends by itself, and another one begins. */
async function replace(node: string, program: string): Promise<void> {
  const daemon = cluster.daemon(node);
  daemon.kill('SIGTERM');
  expect(await endOf(daemon), cluster.logOf(node)).toBe(0);
  cluster.startDaemon(node, program);
  await cluster.rejoined(node);
}

async function assignments(node: string): Promise<readonly HistoryEntry[]> {
  const { stdout } = await on(node, 'history', '--limit', '500', '--json');
  const { data } = JSON.parse(stdout) as Answer<readonly HistoryEntry[]>;
  return data.filter(({ event }) => event === 'assigned');
}

/** Whatever an operator may want in the middle of it; each is undone again. */
async function everyCommand(node: string): Promise<void> {
  const [other = ''] = NODES.filter((one) => one !== node);
  const commands = [
    ['maintenance', other],
    ['online', other],
    ['maintenance', '--group', GROUP],
    ['online', '--group', GROUP],
    ['invite', '--node', 'node9'],
    ['demote', other],
    ['promote', other],
  ];
  for (const words of commands) {
    const ended = await on(node, ...words);
    expect(ended.status, `${words.join(' ')}: ${ended.stderr}`).toBe(EXIT.ok);
  }
  await calmOf(cluster);
}

test.skipIf(noPrevious !== null)('three of the previous release serve', async () => {
  const previous = layPrevious(join(place, 'previous'));
  process.stderr.write(`the rolling upgrade begins with ${previousCommit}\n`);
  await cluster.start(previous);
  load = cluster.load();
  await calmOf(cluster);
  for (const node of NODES) expect(programOf(node)).toBe(previous);
  await load.waitForAcknowledged(ANSWERS, PATIENCE_MS);
});

test.skipIf(noPrevious !== null)(
  'who owns nothing is replaced without anybody noticing',
  async () => {
    const before = await calmOf(cluster);
    for (const node of NODES.filter((one) => one !== before.owner)) {
      await replace(node, HOLDFAST);
      expect(programOf(node)).toBe(HOLDFAST);
      const after = await calmOf(cluster);
      expect([after.owner, after.epoch]).toEqual([before.owner, before.epoch]);
      await load.waitForAcknowledged(ANSWERS, PATIENCE_MS);
    }
  },
);

test.skipIf(noPrevious !== null)('side by side, both take every command from either', async () => {
  const { owner, epoch } = await calmOf(cluster);
  const [upgraded = ''] = NODES.filter((node) => node !== owner);
  expect(programOf(owner)).not.toBe(programOf(upgraded));
  await everyCommand(owner);
  await everyCommand(upgraded);
  const after = await calmOf(cluster);
  expect([after.owner, after.epoch]).toEqual([owner, epoch]);
  for (const node of NODES) expect(cluster.logOf(node)).not.toContain('DATA_FORMAT_UNKNOWN');
});

test.skipIf(noPrevious !== null)(
  'the owner hands over in order, once, and nothing is lost',
  async () => {
    const { owner, epoch } = await calmOf(cluster);
    await replace(owner, HOLDFAST);
    const after = await calmOf(cluster);
    expect(after.epoch).toBe(epoch + 1);
    const handed = (await assignments(owner)).find((entry) => entry.epoch === after.epoch);
    // Nobody was found silent: the owner itself has said that it stopped.
    expect(handed?.evidence?.kind).not.toBe('silence');
    for (const node of NODES) expect(programOf(node)).toBe(HOLDFAST);
    await load.waitForAcknowledged(ANSWERS, PATIENCE_MS);
    await load.stop();
    expect(await load.verify()).toMatchObject({ ok: true, lost: 0, phantom: 0 });
  },
);

test('what a later release has written is refused in words, and not touched', async () => {
  if (cluster.running.length === 0) {
    await cluster.start();
    await calmOf(cluster);
  }
  const { owner } = await calmOf(cluster);
  const [node = ''] = NODES.filter((one) => one !== owner);
  await replace(node, layLater(join(place, 'later')));
  const later = cluster.daemon(node);
  later.kill('SIGTERM');
  expect(await endOf(later), cluster.logOf(node)).toBe(0);

  const data = cluster.config.dataOf(node);
  const before = printOf(data);
  const started = await holdfast(cluster, [...cluster.runArguments(node)]);
  expect(started.status).toBe(EXIT.notStarted);
  expect(started.stderr).toContain('DATA_FORMAT_UNKNOWN');
  expect(started.stderr).toMatch(/entry \d+, this release reads \d+/);
  expect(started.stderr).toContain('remedy:');
  const told = await holdfast(cluster, ['--json', ...cluster.runArguments(node)]);
  expect(problemIn(told.stdout.trim().split('\n').at(-1) ?? '').code).toBe('DATA_FORMAT_UNKNOWN');
  expect(printOf(data)).toEqual(before);

  // The others serve on, and the later release takes its data up again.
  cluster.startDaemon(node, join(place, 'later/src/holdfast.js'));
  await cluster.rejoined(node);
});
