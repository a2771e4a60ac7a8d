/**
 * The majority is lost for good: two of three nodes are gone with their data, and an operator makes
 * the third a cluster of its own, which grows to three again. Told as one story on real processes.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.ts';
import type { HistoryEntry } from '../../src/cluster/state.ts';
import type { InviteAnswer } from '../../src/operator/api.ts';
import { GROUP, GrowingCluster } from './support/growing-cluster.ts';
import { LIMIT_MS, problemIn } from './support/workspace.ts';

vi.setConfig({ testTimeout: LIMIT_MS * 2, hookTimeout: LIMIT_MS });

let cluster: GrowingCluster;
let epochBefore = 0;

beforeAll(async () => {
  cluster = await GrowingCluster.lay(mkdtempSync(join(tmpdir(), 'holdfast-recover-')));
  await cluster.startSan();
  for (const node of cluster.founders) cluster.run(node);
  const { groups } = await cluster.whole(...cluster.founders);
  epochBefore = groups[0]?.epoch ?? 0;
});

afterAll(() => cluster.down());

const recover = (...words: readonly string[]) =>
  cluster.command('recover', ...cluster.which('node3'), ...words);

test('while the daemon runs nothing can be recovered, and nothing is said to be', async () => {
  const refused = await recover('--force', '--json');
  expect(refused.status).toBe(EXIT.refused);
  expect(problemIn(refused.stdout).code).toBe('DATA_DIRECTORY_LOCKED');
});

test('two nodes are lost with their data: the third serves nothing, and says why', async () => {
  const lost = ['node1', 'node2'];
  for (const node of lost) cluster.powerOff(node);
  for (const node of lost) rmSync(cluster.dataOf(node), { recursive: true });
  const alone = await cluster.seen('node3', 'there is no majority', ({ why }) =>
    why.includes('no majority'),
  );
  expect(alone.quorate).toBe(false);
  expect(alone.why).toContain('1 of 3 voters reached');
  cluster.powerOff('node3');
});

test('the operator sees how far the log of the survivor goes', async () => {
  const words = await recover('--show');
  expect(words.status, words.stderr).toBe(EXIT.ok);
  expect(words.stdout).toMatch(/its log ends at term \d+, index \d+/);
  expect(words.stdout).toContain('voters node1, node2, node3');
  const { stdout } = await recover('--show', '--json');
  const shown = JSON.parse(stdout);
  expect(shown).toMatchObject({
    ok: true,
    node: 'node3',
    members: ['node1', 'node2', 'node3'],
    groups: [{ group: GROUP }],
  });
  // Between the first power loss and the second a majority may have taken the group over.
  expect(shown.groups[0].epoch).toBeGreaterThanOrEqual(epochBefore);
  epochBefore = shown.groups[0].epoch;
});

test('without --force the operator reads what would be given up, and nothing is changed', async () => {
  const before = JSON.parse((await recover('--show', '--json')).stdout);
  const refused = await recover();
  expect(refused.status).toBe(EXIT.refused);
  expect(refused.stdout).toContain('RECOVERY GIVES UP node1, node2.');
  expect(refused.stdout).toContain('must be OFF FOR GOOD');
  expect(refused.stderr).toContain('RECOVER_NOT_FORCED');
  expect(JSON.parse((await recover('--show', '--json')).stdout)).toEqual(before);
});

test('a directory without a log is not made into one', async () => {
  const nowhere = join(cluster.directory, 'nowhere');
  const refused = await recover('--force', '--json', '--data-directory', nowhere);
  expect(problemIn(refused.stdout).code).toBe('RECOVER_NO_DATA');
  expect(existsSync(nowhere)).toBe(false);
});

test('the survivor is recovered, loudly, and once', async () => {
  const done = await recover('--force');
  expect(done.status, done.stderr).toBe(EXIT.ok);
  expect(done.stdout).toContain('RECOVERY GIVES UP node1, node2.');
  expect(done.stdout).toContain('holdfast online --cluster');
  const again = await recover('--force', '--json');
  expect(problemIn(again.stdout).code).toBe('RECOVER_NOT_NEEDED');
});

test('it runs under maintenance, and serves when the operator says so', async () => {
  cluster.run('node3');
  const alone = await cluster.seen('node3', 'it leads alone', ({ leader, quorate }) => {
    return leader === 'node3' && quorate;
  });
  expect(alone).toMatchObject({ mode: 'maintenance', members: [{ node: 'node3' }] });
  expect(alone.groups).not.toMatchObject([{ phase: 'serving' }]);
  const online = await cluster.on('node3', 'online', '--cluster');
  expect(online.status, online.stderr).toBe(EXIT.ok);
  const { groups } = await cluster.whole('node3');
  // No disk may hold a reservation of a newer epoch than this one.
  expect(groups[0]?.epoch).toBeGreaterThan(epochBefore + 1_024);
  expect(groups[0]?.owner).toBe('node3');
});

test('the history holds what was done, and by whom', async () => {
  const history = await cluster.data<readonly HistoryEntry[]>('node3', 'history');
  const [record] = history.filter(({ event }) => event === 'recovered');
  expect(record?.detail).toMatch(/^with node3 without node1, node2, by ./);
  const words = await cluster.on('node3', 'history');
  expect(words.stdout).toContain('the cluster was recovered by an operator');
});

test('two new nodes join, and it is a cluster of three again that outlives one of them', async () => {
  for (const node of ['node4', 'node5']) {
    const { token } = await cluster.data<InviteAnswer>('node3', 'invite', '--node', node);
    const joined = await cluster.command(
      ...['join', token, ...cluster.addressWords(node)],
      ...['--data-directory', cluster.dataOf(node), '--config', cluster.fileOf(node)],
    );
    expect(joined.status, joined.stderr).toBe(EXIT.ok);
    cluster.run(node);
  }
  await cluster.whole('node3', 'node4', 'node5');
  cluster.powerOff('node3');
  await cluster.seen('node4', 'another node serves', ({ groups, leader }) => {
    const served = groups.some(({ phase, owner }) => phase === 'serving' && owner !== 'node3');
    return served && leader !== null && leader !== 'node3';
  });
});
