/**
 * The life of daemons, told as one story on one running cluster while clients work: asked, moved,
 * struck in each of its processes, stopped in order, cut down, alone without a majority, and begun
 * anew. Each chapter leaves a whole cluster to the next; the last one counts the records.
 */
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.ts';
import type { HistoryEntry } from '../../src/cluster/state.ts';
import { defaultTimes } from '../../src/config/times.ts';
import type { Answer, ClusterStatus, MoveAnswer, Timeline } from '../../src/operator/api.ts';
import { type EmbeddedCluster, HOLDFAST, PATIENCE_MS } from '../demo/embedded-cluster.ts';
import { GROUP, NODES } from '../demo/embedded-config.ts';
import type { Load } from '../lab/clients.ts';
import { until } from '../lab/kernel/index.ts';
import { ask } from '../operator/unix-client.ts';
import { calmOf } from './support/calm.ts';
import { extendedUnguarded, type Sample, sample } from './support/guarded.ts';
import { another, applicationOf, guardianOf, isAlive } from './support/parts.ts';
import {
  type Ended,
  endOf,
  holdfast,
  LIMIT_MS,
  problemIn,
  workspace,
} from './support/workspace.ts';

const ANSWERS = 10;
const { leaseMs } = defaultTimes('safe');

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

const answered = () => load.waitForAcknowledged(ANSWERS, PATIENCE_MS);

async function historyOf(node: string, epoch: number): Promise<readonly HistoryEntry[]> {
  const { data } = await json<readonly HistoryEntry[]>(node, 'history', '--limit', '500');
  return data.filter((entry) => entry.epoch === epoch);
}

/** Waits until the history holds such an entry; the first of them. */
async function told(
  node: string,
  epoch: number,
  event: HistoryEntry['event'],
): Promise<HistoryEntry> {
  return await until(
    async () => (await historyOf(node, epoch)).find((entry) => entry.event === event),
    { what: `${event} of epoch ${epoch} in the history`, limitMs: PATIENCE_MS, intervalMs: 100 },
    () => cluster.logs(),
  );
}

describe('asking', () => {
  test.each(NODES)('%s answers all questions, in words and in JSON', async (node) => {
    const status = await json<ClusterStatus>(node, 'status', '--current');
    expect(status).toMatchObject({ answeredBy: node, stale: false });
    expect(status.data).toMatchObject({ node, quorate: true, why: '' });
    const [words, members, groups, history] = await Promise.all([
      on(node, 'status'),
      on(node, 'members'),
      on(node, 'groups'),
      on(node, 'history'),
    ]);
    for (const { status: code } of [words, members, groups, history]) expect(code).toBe(EXIT.ok);
    expect(words.stdout).toMatch(/quorate\s+leader node\d/);
    for (const name of NODES) expect(members.stdout).toContain(name);
    expect(groups.stdout).toMatch(new RegExp(`${GROUP} +serving +node\\d`));
    expect(history.stdout).toContain('served by');
  });

  test('where no daemon is, and what is no command, are told apart', async () => {
    const nobody = ['--socket', `${cluster.directory}/nobody.sock`];
    const unreachable = await holdfast(cluster, [...nobody, 'status', '--json']);
    expect(unreachable.status).toBe(EXIT.unreachable);
    expect(problemIn(unreachable.stdout).code).toBe('DAEMON_UNREACHABLE');
    expect((await on('node1', 'conquer')).status).toBe(EXIT.usage);
    expect((await on('node1', 'timeline', '--last', 'none')).status).toBe(EXIT.usage);
  });
});

test('a move by the command line is told to whoever watches, and drawn afterwards', async () => {
  const before = await calmOf(cluster);
  const [to = '', bystander = ''] = NODES.filter((node) => node !== before.owner);
  const watcher = spawn(
    process.execPath,
    [HOLDFAST, '--socket', cluster.config.socketOf(bystander), 'watch', '--json'],
    { stdio: ['ignore', 'pipe', 'ignore'], env: cluster.environment },
  );
  let seen = '';
  watcher.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    seen += chunk;
  });
  // It stands as soon as it tells of something: a mode that is set and taken back.
  await until(
    async () => {
      for (const mode of ['maintenance', 'online']) {
        const body = JSON.stringify({ subject: { kind: 'node', node: bystander }, mode });
        await ask(cluster.config.socketOf(bystander), 'POST', '/v1/mode', { body });
      }
      return seen.includes('"event":"mode"');
    },
    { what: 'the watch stands', limitMs: PATIENCE_MS, intervalMs: 100 },
  );
  const { data } = await json<MoveAnswer>(bystander, 'move', GROUP, to);
  expect(data).toEqual({ group: GROUP, from: before.owner, to });
  expect(await cluster.served({ after: before.epoch })).toEqual({
    node: to,
    epoch: before.epoch + 1,
  });
  await until(() => seen.includes('"event":"serving"'), {
    what: 'it is seen',
    limitMs: PATIENCE_MS,
  });
  watcher.kill('SIGINT');
  expect(await endOf(watcher)).toBe(EXIT.ok);
  for (const line of seen.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();

  const timeline = await json<readonly Timeline[]>(bystander, 'timeline', GROUP);
  expect(timeline.data.at(-1)).toMatchObject({ reason: 'move', from: before.owner, to });
  expect((await on(bystander, 'timeline')).stdout).toMatch(/serve .*\d+ ms|serve .*\d s/);
  expect(await told(bystander, before.epoch, 'stopped')).toMatchObject({ node: before.owner });
  await answered();
});

describe('a process that dies', () => {
  test('the application is started again where it was, up to the limit, and then elsewhere', async () => {
    const { node, epoch } = await cluster.served();
    let struck: number | null = null;
    for (const _ of ['first', 'second']) {
      struck = await another('an application', () => applicationOf(cluster, node), struck);
      process.kill(struck, 'SIGKILL');
      await another('the application again', () => applicationOf(cluster, node), struck);
      await answered();
      expect(await cluster.served()).toEqual({ node, epoch });
    }
    process.kill(await another('it', () => applicationOf(cluster, node), struck), 'SIGKILL');
    const next = await cluster.served({ after: epoch });
    expect(next.node).not.toBe(node);
    expect(await told(next.node, epoch, 'takeover-failed')).toMatchObject({ node });
    await answered();
  });

  test('the guardian is replaced, nothing fails over, and no lease counts unguarded', async () => {
    const { node, epoch } = await cluster.served();
    const guardian = guardianOf(cluster, node);
    expect(guardian).not.toBeNull();
    const samples: Sample[] = [];
    process.kill(guardian ?? 0, 'SIGKILL');
    const struckMs = performance.now();
    await until(
      async () => {
        const seen = await sample(cluster, node);
        samples.push(seen);
        const endMs = seen.atMs + (seen.leaseRemainingMs ?? 0);
        return guardianOf(cluster, node) !== null && endMs > struckMs + 2 * leaseMs;
      },
      { what: 'another guardian vouches for a new lease', limitMs: PATIENCE_MS, intervalMs: 20 },
    );
    expect(samples.some(({ unguarded }) => unguarded)).toBe(true);
    expect(extendedUnguarded(samples)).toBe(0);
    await answered();
    expect(await cluster.served()).toEqual({ node, epoch });
  });

  test('control: a lease that goes on without a guardian is found out', () => {
    const at = (atMs: number): Sample => ({ atMs, unguarded: true, leaseRemainingMs: 2_000 });
    expect(extendedUnguarded([at(0), at(400)])).toBe(0);
    expect(extendedUnguarded([at(0), at(900)])).toBe(400);
  });

  test('the daemon: its guardian takes everything down and says so, and another node serves', async () => {
    const { node, epoch } = await cluster.served();
    const application = await another('it', () => applicationOf(cluster, node), null);
    const guardian = guardianOf(cluster, node) ?? 0;
    const before = await cluster.status(node);
    cluster.daemon(node).kill('SIGKILL');
    await until(() => !isAlive(application), { what: 'the application ends', limitMs: 10_000 });
    const next = await cluster.served({ not: node, after: epoch });
    expect(await cluster.addressHolder()).toBe(next.node);
    const stopped = await told(next.node, epoch, 'stopped');
    expect(stopped.detail).toContain('guardian');
    await until(() => !isAlive(guardian), { what: 'the guardian ends', limitMs: 10_000 });
    await answered();
    await begunAgain(node, before);
  });
});

/** A daemon is started on its data: it rejoins, and neither its term nor its log went back. */
async function begunAgain(node: string, before: ClusterStatus | undefined): Promise<void> {
  expect(before).toBeDefined();
  const owner = await cluster.served();
  cluster.startDaemon(node);
  const after = await cluster.rejoined(node);
  expect(after.term).toBeGreaterThanOrEqual(before?.term ?? Infinity);
  // What is committed is learned again from the leader; what was in the log has not gone back.
  const committed = before?.commitIndex ?? Infinity;
  await until(async () => ((await cluster.status(node))?.commitIndex ?? 0) >= committed, {
    what: `${node} knows again what was committed`,
    limitMs: 10_000,
  });
  expect(after.incarnation).not.toBe(before?.incarnation);
  expect(await cluster.served()).toEqual(owner);
}

/** What the newest owner had to wait for of an older one's lease, as its leader wrote into its log. */
function lastRemainderMs(): number {
  const proposals = NODES.flatMap((node) => cluster.logOf(node).split('\n'))
    .filter((line) => line.includes('a new owner is proposed'))
    .map((line) => JSON.parse(line) as Proposed);
  const last = proposals.toSorted((a, b) => a.time.localeCompare(b.time)).at(-1);
  return last?.facts.leaseRemainderMs ?? Infinity;
}

type Proposed = { readonly time: string; readonly facts: { readonly leaseRemainderMs: number } };

describe('SIGTERM', () => {
  test('the owner stops in order, and another serves without waiting for the lease', async () => {
    const { node, epoch } = await cluster.served();
    const before = await cluster.status(node);
    const daemon = cluster.daemon(node);
    daemon.kill('SIGTERM');
    expect(await endOf(daemon)).toBe(EXIT.ok);
    const next = await cluster.served({ not: node, after: epoch });
    expect(await told(next.node, epoch, 'stopped')).toMatchObject({
      node,
      detail: 'in order, says the owner',
    });
    const assigned = await told(next.node, next.epoch, 'assigned');
    expect(assigned).toMatchObject({ node: next.node, from: node });
    expect(lastRemainderMs()).toBe(0);
    await answered();
    await begunAgain(node, before);
  });
});

describe('without a majority', () => {
  let left = '';
  let epoch = 0;

  test('nothing is served, and the node that is left says why and that it is stale', async () => {
    const owner = await cluster.served();
    left = owner.node;
    epoch = owner.epoch;
    const application = await another('it', () => applicationOf(cluster, left), null);
    for (const node of NODES) if (node !== left) cluster.powerOff(node);
    await until(() => !isAlive(application), {
      what: 'the application ends',
      limitMs: PATIENCE_MS,
    });
    expect(await cluster.addressHolder()).toBe('nobody');
    const { stale, data } = await json<ClusterStatus>(left, 'status');
    expect(stale).toBe(true);
    expect(data).toMatchObject({ quorate: false, leader: null });
    expect(data.why).toMatch(
      /no majority: 1 of 3 voters reached, 2 needed; not reached: node\d, node\d/,
    );
    expect(data.groups[0]?.why).toBe(data.why);
  });

  test('a question for what is current is answered with exit status 4', async () => {
    const { status, stdout } = await on(left, 'status', '--current');
    expect(status).toBe(EXIT.stale);
    expect(stdout).toMatch(/^STALE: node\d cannot reach a majority/);
    expect((await on(left, 'groups', '--current', '--json')).status).toBe(EXIT.stale);
  });

  test('what would change something is refused for now', async () => {
    const { status, stdout } = await on(left, 'standby', left, '--json');
    expect(problemIn(stdout).code).toBe('NO_QUORUM');
    expect(status).toBe(EXIT.tryAgain);
  });

  test('one node comes back, and the group is served', async () => {
    const [second = '', third = ''] = NODES.filter((node) => node !== left);
    cluster.startDaemon(second);
    const again = await cluster.served({ after: epoch });
    expect([left, second]).toContain(again.node);
    cluster.startDaemon(third);
    await cluster.rejoined(third);
    await answered();
  });
});

test('after the power of all three was cut, they serve again, with their terms kept', async () => {
  const before = await calmOf(cluster);
  for (const node of NODES) cluster.powerOff(node);
  for (const node of NODES) cluster.startDaemon(node);
  const again = await cluster.served({ after: before.epoch });
  expect(again.epoch).toBeGreaterThan(before.epoch);
  const after = await calmOf(cluster);
  expect(after.term).toBeGreaterThan(before.term);
  await answered();
});

test('no acknowledged record is lost, and nobody heard an older owner after a newer one', async () => {
  const { violations } = await load.stop();
  expect(violations).toEqual([]);
  expect(await load.verify()).toMatchObject({ ok: true, lost: 0, phantom: 0 });
});
