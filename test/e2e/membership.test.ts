/**
 * Members as operators change them, on one running cluster of real processes while clients work: one
 * is demoted and promoted, a wish that would cost the majority is refused, one leaves for good. Each
 * chapter leaves its cluster to the next.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.ts';
import type { HistoryEntry } from '../../src/cluster/state.ts';
import type { Answer, ClusterStatus, MemberStatus, RoleAnswer } from '../../src/operator/api.ts';
import { type EmbeddedCluster, PATIENCE_MS } from '../demo/embedded-cluster.ts';
import { NODES } from '../demo/embedded-config.ts';
import type { Load } from '../lab/clients.ts';
import { until } from '../lab/kernel/index.ts';
import { calmOf } from './support/calm.ts';
import { type Ended, holdfast, LIMIT_MS, problemIn, workspace } from './support/workspace.ts';

const ANSWERS = 10;

vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

let cluster: EmbeddedCluster;
let load: Load;

beforeAll(async () => {
  cluster = await workspace();
  await cluster.start();
  load = cluster.load();
  await calmOf(cluster);
});

afterAll(() => cluster.down());

const on = (node: string, ...words: readonly string[]): Promise<Ended> =>
  holdfast(cluster, ['--socket', cluster.config.socketOf(node), ...words]);

async function json<T>(node: string, ...words: readonly string[]): Promise<Answer<T>> {
  const { status, stdout, stderr } = await on(node, ...words, '--json');
  expect(status, stderr + stdout).toBe(EXIT.ok);
  return JSON.parse(stdout) as Answer<T>;
}

/** Waits until `asked` sees `node` so in Raft's configuration; null: as no member at all. */
async function becomes(asked: string, node: string, raft: MemberStatus['raft'] | null) {
  await until(
    async () => {
      const status = await cluster.status(asked);
      const member = status?.members.find((one) => one.node === node);
      return status !== undefined && (member?.raft ?? null) === raft ? true : undefined;
    },
    { what: `${node} becomes ${raft}`, limitMs: PATIENCE_MS, intervalMs: 50 },
    () => cluster.logs(),
  );
}

test('a demoted voter follows, asks a majority through the leader, and is promoted again', async () => {
  const { owner } = await calmOf(cluster);
  const [node = '', asked = ''] = NODES.filter((one) => one !== owner);
  const demoted = await json<RoleAnswer>(asked, 'demote', node);
  expect(demoted.data).toEqual({ node, from: 'voter', to: 'learner' });
  await becomes(asked, node, 'learner');
  for (const each of NODES) {
    const status = await json<ClusterStatus>(each, 'status', '--current');
    expect(status).toMatchObject({ answeredBy: each, stale: false });
    expect(status.data).toMatchObject({ quorate: true, why: '' });
    const roles = status.data.members.filter(({ raft }) => raft === 'learner');
    expect(roles.map((member) => member.node)).toEqual([node]);
  }
  expect((await on(asked, 'members')).stdout).toMatch(new RegExp(`${node}.*learner`));
  const promoted = await on(asked, 'promote', node);
  expect(promoted).toMatchObject({ status: EXIT.ok, stderr: '' });
  expect(promoted.stdout).toBe(
    `${node} will vote (was learner); \`holdfast members\` and \`holdfast watch\` show how it goes\n`,
  );
  await becomes(asked, node, 'voter');
  await load.waitForAcknowledged(ANSWERS, PATIENCE_MS);
});

test('a wish that would leave no majority is refused in words, and nothing is changed', async () => {
  const { owner } = await calmOf(cluster);
  const [lost = '', asked = ''] = NODES.filter((one) => one !== owner);
  cluster.powerOff(lost);
  await until(
    async () => {
      const status = await cluster.status(asked);
      return status?.members.some(({ node, state }) => node === lost && state === 'dead');
    },
    { what: `${lost} is seen dead`, limitMs: PATIENCE_MS, intervalMs: 50 },
  );
  const refused = await on(asked, 'leave', owner, '--json');
  expect(refused.status).toBe(EXIT.refused);
  expect(problemIn(refused.stdout)).toMatchObject({
    code: 'WOULD_LOSE_QUORUM',
    context: { detail: expect.stringContaining('1 of the 2 voters that would be left are heard') },
  });
  expect(problemIn((await on(asked, 'leave', 'nobody', '--json')).stdout).code).toBe(
    'UNKNOWN_NODE',
  );
  cluster.startDaemon(lost);
  await cluster.rejoined(lost);
  const { members } = (await json<ClusterStatus>(asked, 'status', '--current')).data;
  expect(members.map(({ role, raft }) => `${role} ${raft}`)).toEqual(Array(3).fill('voter voter'));
});

test('the owner leaves: its group is served elsewhere, and it says that it was removed', async () => {
  const { owner, epoch } = await calmOf(cluster);
  const [asked = '', other = ''] = NODES.filter((one) => one !== owner);
  await json<RoleAnswer>(asked, 'leave', owner);
  const next = await cluster.served({ not: owner, after: epoch });
  expect([asked, other]).toContain(next.node);
  await becomes(asked, owner, null);
  await load.waitForAcknowledged(ANSWERS, PATIENCE_MS);
  const { data } = await json<readonly HistoryEntry[]>(asked, 'history', '--limit', '500');
  const told = data.filter(({ node, event }) => node === owner && /role|removed/.test(event));
  expect(told.slice(-2).map(({ event }) => event)).toEqual(['role', 'member-removed']);
  const status = await cluster.status(owner);
  expect(status).toMatchObject({ quorate: false, why: expect.stringMatching(/^REMOVED: /) });
  const current = await on(owner, 'status', '--current');
  expect(current.status).toBe(EXIT.stale);
  expect(problemIn((await on(owner, 'promote', owner, '--json')).stdout).code).toBe('NO_QUORUM');
});

test('whoever left stays away, also when it is started anew', async () => {
  const [asked = ''] = NODES.filter((node) => cluster.running.includes(node)).toReversed();
  const before = await json<ClusterStatus>(asked, 'status', '--current');
  const gone = NODES.filter((node) => !before.data.members.some((one) => one.node === node));
  for (const node of gone) {
    cluster.powerOff(node);
    cluster.startDaemon(node);
    await until(async () => (await cluster.status(node)) !== undefined, {
      what: `${node} answers`,
      limitMs: PATIENCE_MS,
    });
  }
  await load.waitForAcknowledged(ANSWERS, PATIENCE_MS);
  const after = await json<ClusterStatus>(asked, 'status', '--current');
  expect(gone).toHaveLength(1);
  expect(after.data.members.map(({ node }) => node)).toEqual(
    before.data.members.map(({ node }) => node),
  );
  expect(after.data.term).toBe(before.data.term);
  for (const node of gone) expect((await cluster.status(node))?.quorate).toBe(false);
});
