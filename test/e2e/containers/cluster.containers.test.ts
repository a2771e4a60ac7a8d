/**
 * Containers of our own image, told as one story while clients write through the floating address:
 * formed, cut off in parts and wholly, paused, killed, joined by a fourth, left by one, and brought to
 * another release node by node. Each chapter leaves a whole cluster to the next; the last one counts.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { EXIT } from '../../../src/cli/exit-codes.ts';
import type { ClusterStatus, GroupStatus, InviteAnswer } from '../../../src/operator/api.ts';
import type { Load } from '../../lab/clients.ts';
import { ContainerCluster, PATIENCE_MS } from './support/container-cluster.ts';
import { FOUNDERS, GROUP, INTERCONNECTS } from './support/layout.ts';

const ANSWERS = 10;
const IMAGE = process.env['HOLDFAST_IMAGE'] ?? '';
/** Missing where there is none: `main.ts` has said why. */
const PREVIOUS = process.env['HOLDFAST_PREVIOUS_IMAGE'];

vi.setConfig({ testTimeout: 480_000, hookTimeout: 480_000 });

let cluster: ContainerCluster;
let load: Load;

beforeAll(async () => {
  cluster = new ContainerCluster(PREVIOUS ?? IMAGE);
  await cluster.up();
  load = cluster.load();
});

afterAll(() => cluster.down());

const answered = () => load.waitForAcknowledged(ANSWERS, PATIENCE_MS);
const others = (node: string): readonly string[] => cluster.nodes.filter((one) => one !== node);
const ownerOf = ({ owner }: GroupStatus): string => owner ?? 'nobody';

async function linkTo(asked: string, node: string, net: string): Promise<string> {
  const status = await cluster.data<ClusterStatus>(asked, 'status');
  const member = status?.members.find((one) => one.node === node);
  return member?.links.find(({ interconnect }) => interconnect === net)?.state ?? 'unknown';
}

test('three form a cluster, answer on their sockets, and are not root', async () => {
  const group = await cluster.whole(...FOUNDERS);
  await answered();
  for (const node of FOUNDERS) {
    const words = await cluster.holdfast(node, 'status');
    expect(words.status, words.output).toBe(EXIT.ok);
    expect(words.output).toMatch(/cluster containers +quorate/);
    expect(words.output).toMatch(new RegExp(`${GROUP} +serving +${group.owner}`));
    const { output } = await cluster.inside(node, 'cat', '/proc/1/status');
    expect(/^Uid:\s+(\d+)/m.exec(output)?.[1]).not.toBe('0');
    // Addresses and packet filter (12), announcements (13), scheduling (23), and nothing else.
    expect(/^CapEff:\s+(\w+)/m.exec(output)?.[1]).toBe('0000000000803000');
  }
});

test.skipIf(PREVIOUS === undefined)(
  'from the previous release to this one, node by node',
  async () => {
    const before = await cluster.whole(...FOUNDERS);
    const owner = ownerOf(before);
    const versionOf = async (node: string): Promise<string | undefined> =>
      (await cluster.data<ClusterStatus>(node, 'status'))?.version;
    const old = await versionOf(owner);
    cluster.use(IMAGE);
    for (const node of others(owner)) {
      await cluster.remove(node);
      await cluster.startFounder(node);
      const now = await cluster.whole(...FOUNDERS);
      expect([now.owner, now.epoch]).toEqual([owner, before.epoch]);
      expect(await versionOf(node)).not.toBe(old);
      await answered();
    }
    expect(await versionOf(owner)).toBe(old);
    await cluster.remove(owner);
    await cluster.startFounder(owner);
    const after = await cluster.whole(...FOUNDERS);
    expect(after.epoch).toBe(before.epoch + 1);
    expect(await versionOf(owner)).not.toBe(old);
    await answered();
  },
);

test('the owner loses one interconnect: it is seen, and nothing moves', async () => {
  const before = await cluster.whole(...FOUNDERS);
  const owner = ownerOf(before);
  const [witness = ''] = others(owner);
  await cluster.cable(owner, 'lan-a', 'down');
  await cluster.seen(witness, `lan-a to ${owner} is not alive`, ({ members }) =>
    members.some(({ node, links }) => {
      const link = links.find(({ interconnect }) => interconnect === 'lan-a');
      return node === owner && link?.state !== 'alive';
    }),
  );
  expect(await linkTo(witness, owner, 'lan-b')).toBe('alive');
  await answered();
  await cluster.cable(owner, 'lan-a', 'up');
  const after = await cluster.whole(...FOUNDERS);
  expect([after.owner, after.epoch]).toEqual([before.owner, before.epoch]);
});

test('the owner loses all interconnects: another one serves, and it comes back as a bystander', async () => {
  const { epoch, owner } = await cluster.whole(...FOUNDERS);
  const cut = owner ?? '';
  const [witness = ''] = others(cut);
  for (const net of INTERCONNECTS) await cluster.cable(cut, net, 'down');
  const next = await cluster.servedBy(witness, { not: cut });
  expect(next.epoch).toBeGreaterThan(epoch);
  await answered();
  // It reaches the public network still, and says itself that it serves no more.
  await cluster.seen(cut, 'it has no quorum and runs nothing', ({ quorate, groups }) => {
    const group = groups.find((one) => one.group === GROUP);
    return !quorate && group?.local.state === 'stopped';
  });
  for (const net of INTERCONNECTS) await cluster.cable(cut, net, 'up');
  const after = await cluster.whole(...FOUNDERS);
  expect([after.owner, after.epoch]).toEqual([next.owner, next.epoch]);
});

test('the owner is paused: another one serves, and it wakes up as a bystander', async () => {
  const { owner, epoch } = await cluster.whole(...FOUNDERS);
  const paused = owner ?? '';
  const [witness = ''] = others(paused);
  await cluster.pause(paused);
  const next = await cluster.servedBy(witness, { not: paused });
  expect(next.epoch).toBeGreaterThan(epoch);
  await answered();
  await cluster.unpause(paused);
  const after = await cluster.whole(...FOUNDERS);
  expect([after.owner, after.epoch]).toEqual([next.owner, next.epoch]);
});

test('the owner is killed: another one serves, and it joins again with the data it had', async () => {
  const { owner, epoch } = await cluster.whole(...FOUNDERS);
  const killed = owner ?? '';
  const [witness = ''] = others(killed);
  await cluster.kill(killed);
  const next = await cluster.servedBy(witness, { not: killed });
  expect(next.epoch).toBeGreaterThan(epoch);
  await answered();
  await cluster.restart(killed);
  await cluster.whole(...FOUNDERS);
});

test('a fourth machine joins with a token and nothing else, and can own the group', async () => {
  const invited = await cluster.data<InviteAnswer>('node1', 'invite', '--node', 'node4');
  await cluster.startNewcomer('node4', invited?.token ?? 'no token');
  await cluster.whole(...FOUNDERS, 'node4');
  await cluster.seen('node1', 'node4 can take the group', ({ groups }) =>
    groups.some(({ fitness }) => fitness.some((one) => one.node === 'node4' && one.fit)),
  );
  const moved = await cluster.holdfast('node4', 'move', GROUP, 'node4');
  expect(moved.status, moved.output).toBe(EXIT.ok);
  await cluster.seen('node1', 'node4 serves', ({ groups }) =>
    groups.some(({ owner, phase }) => owner === 'node4' && phase === 'serving'),
  );
  await answered();
});

test('a member leaves for good: what it ran goes elsewhere first', async () => {
  const left = await cluster.holdfast('node1', 'leave', 'node4');
  expect(left.status, left.output).toBe(EXIT.ok);
  const status = await cluster.seen('node1', 'node4 is no member', ({ members }) =>
    members.every(({ node }) => node !== 'node4'),
  );
  expect(status.members.map(({ node }) => node).toSorted()).toEqual([...FOUNDERS]);
  await cluster.remove('node4');
  await cluster.whole(...FOUNDERS);
  await answered();
});

test('no acknowledged record was lost', async () => {
  await load.stop();
  expect(await load.verify()).toMatchObject({ ok: true, lost: 0, phantom: 0 });
});
