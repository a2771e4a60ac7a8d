/**
 * What operators have, on one running cluster: reasons, the picture of a failover, the look at the
 * machine, what Prometheus reads, events that are taken up on another node, answers as described,
 * groups as a file wants them and the way back, what would happen, drills and wishes, notifications,
 * and a cluster that begins with `init` and grows by `join`.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { EXIT } from '../../src/cli/exit-codes.ts';
import type { GroupDefinition } from '../../src/cluster/definition.ts';
import type { HistoryEntry } from '../../src/cluster/state.ts';
import { ROUTES } from '../../src/operator/routes.ts';
import { dataSchema, SCHEMAS } from '../../src/operator/schemas.ts';
import { type EmbeddedCluster, PATIENCE_MS } from '../demo/embedded-cluster.ts';
import { GROUP, NODES } from '../demo/embedded-config.ts';
import { until } from '../lab/kernel/index.ts';
import { ask } from '../operator/unix-client.ts';
import { calmOf } from './support/calm.ts';
import { type Ended, holdfast, LIMIT_MS, workspace } from './support/workspace.ts';

vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

let cluster: EmbeddedCluster;
let owner = '';
let bystander = '';

beforeAll(async () => {
  cluster = await workspace();
  await cluster.start();
  ({ owner } = await calmOf(cluster));
  bystander = NODES.find((node) => node !== owner) ?? '';
});

afterAll(() => cluster.down());

const on = (node: string, ...words: readonly string[]): Promise<Ended> =>
  holdfast(cluster, ['--socket', cluster.config.socketOf(node), ...words]);

test('every answer of a real daemon is as the interface describes it', async () => {
  const seen: string[] = [];
  for (const { method, path, data } of ROUTES) {
    const schema = dataSchema(data);
    if (method !== 'GET' || schema === null) continue;
    const real = path.replace('{group}', GROUP).replace('{node}', owner);
    const { status, json } = await ask(cluster.config.socketOf(owner), 'GET', real);
    expect(status, real).toBe(200);
    expect(schema.safeParse(json['data']).error?.issues ?? [], real).toEqual([]);
    seen.push(path);
  }
  expect(seen.length).toBeGreaterThan(8);
});

test('Prometheus reads who leads, that there is a majority, and the lease of the owner', async () => {
  const { text } = await ask(cluster.config.socketOf(owner), 'GET', '/metrics');
  expect(text).toMatch(/^holdfast_quorate 1$/m);
  expect(text).toMatch(/^holdfast_raft_term [1-9]/m);
  expect(text).toMatch(/^holdfast_raft_role\{role="(leader|follower)"\} 1$/m);
  expect(text).toMatch(new RegExp(`^holdfast_lease_remaining_seconds\\{group="${GROUP}"\\} `, 'm'));
  expect(text).toMatch(new RegExp(`holdfast_group_owner\\{group="${GROUP}",node="${owner}"\\} 1`));
  expect(text).toMatch(/^holdfast_build_info\{version="[^"]+",node="node\d",cluster="[^"]+"\} 1$/m);
});

test('the doctor finds the reservation of the owner on its disk, and says what is not well', async () => {
  const { path, dataOf } = cluster.config;
  const words = ['doctor', '--config', path, '--node', owner, '--json'];
  const { stdout } = await holdfast({ environment: { ...cluster.environment } }, [
    '--socket',
    cluster.config.socketOf(owner),
    ...words,
  ]);
  const { findings } = JSON.parse(stdout) as {
    readonly findings: readonly { check: string; level: string; text: string; advice: string }[];
  };
  const told = findings.map(({ check, level, text }) => `${level} ${check}: ${text}`);
  expect(told.join('\n')).toMatch(
    /good reservations: .* is held by its owner, member \d in epoch \d+, on all 1 paths/,
  );
  expect(told.join('\n')).toMatch(/good ports: all 6 ports/);
  expect(told.join('\n')).toMatch(/warning interconnects: .* runs over loopback/);
  expect(told.join('\n')).toMatch(/good quorum: 3 of 3 voters are heard; 1 more may fail/);
  for (const { level, advice } of findings) if (level !== 'good') expect(advice).not.toBe('');
  expect(dataOf(owner)).toContain(owner);
});

describe('after a failover', () => {
  let next = '';
  let lastIndex = 0;

  beforeAll(async () => {
    const before = await calmOf(cluster);
    owner = before.owner;
    const history = await entriesOf(owner);
    lastIndex = history.at(-1)?.index ?? 0;
    cluster.powerOff(owner);
    ({ node: next } = await cluster.served({ not: owner, after: before.epoch }));
    bystander = NODES.find((node) => node !== owner && node !== next) ?? '';
  });

  afterAll(async () => {
    cluster.startDaemon(owner);
    await cluster.rejoined(owner);
  });

  async function entriesOf(node: string): Promise<readonly HistoryEntry[]> {
    const { json } = await ask(cluster.config.socketOf(node), 'GET', '/v1/history?limit=500');
    return json['data'] as readonly HistoryEntry[];
  }

  test('why says who saw what, and names its proof in the history', async () => {
    const group = await on(bystander, 'why', GROUP);
    const words = group.stdout.replace(/\s+/g, ' ');
    expect(words).toContain(`${GROUP} is served by ${next}`);
    expect(words).toMatch(
      new RegExp(`was given to ${next} by failover: node\\d, which led, had (heard|proof)`),
    );
    const proofs = [...group.stdout.matchAll(/^#(\d+)/gm)].map((match) => Number(match[1]));
    const indices = (await entriesOf(bystander)).map(({ index }) => index);
    expect(proofs.length).toBeGreaterThan(2);
    for (const proof of proofs) expect(indices).toContain(proof);
    const node = (await on(bystander, 'why', owner)).stdout.replace(/\s+/g, ' ');
    expect(node).toMatch(new RegExp(`${owner} is (dead|suspect) for ${bystander}`));
    expect(node).toContain(`was given to ${next} by failover`);
  });

  test('the picture of it is drawn', async () => {
    const path = join(cluster.directory, 'failover.svg');
    expect((await on(bystander, 'timeline', GROUP, '--svg', path)).status).toBe(EXIT.ok);
    const svg = readFileSync(path, 'utf8');
    expect(svg).toContain(`failover from ${owner} to ${next}`);
    for (const phase of ['fence', 'serve']) expect(svg).toContain(`>${phase}<`);
  });

  test('whoever followed the events of the dead node goes on at another, and misses nothing', async () => {
    const expected = (await entriesOf(next)).filter(({ index }) => index > lastIndex);
    expect(expected.map(({ event }) => event)).toContain('assigned');
    const text = await followFrom(cluster.config.socketOf(next), lastIndex, expected.length);
    const events = [...text.matchAll(/^data: (.*)$/gm)]
      .map((match) => JSON.parse(match[1] ?? '') as { kind: string; entry: HistoryEntry })
      .filter(({ kind }) => kind === 'history');
    expect(events.map(({ entry }) => entry.index)).toEqual(expected.map(({ index }) => index));
    for (const event of events) expect(SCHEMAS.ClusterEvent.safeParse(event).success).toBe(true);
  });
});

/** Reads until so many entries of the history have come. */
function followFrom(socketPath: string, lastIndex: number, count: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const headers = { 'last-event-id': String(lastIndex) };
    const outgoing = get({ socketPath, path: '/v1/events', headers, agent: false }, (response) => {
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if ((text.match(/^id: .*\nevent: .*\ndata: .*\n\n/gm) ?? []).length < count) return;
        outgoing.destroy();
        resolve(text);
      });
      response.on('error', () => undefined);
    });
    outgoing.on('error', reject);
  });
}

describe('groups as they are to be', () => {
  type Defined = { readonly revision: number; readonly definition: GroupDefinition };
  let file = '';

  beforeAll(() => {
    file = join(cluster.directory, 'groups.yaml');
  });

  /** The groups of the configuration, with one thing changed. */
  function write(change: (group: Record<string, unknown>) => object, more: object = {}): void {
    const { groups } = parse(readFileSync(cluster.config.path, 'utf8'));
    const wanted = groups.map((group: Record<string, unknown>) => ({ ...group, ...change(group) }));
    writeFileSync(file, stringify({ groups: wanted, ...more }));
  }

  const slowServer = ({ resources }: Record<string, unknown>): object => ({
    resources: (resources as readonly { readonly name: string }[]).map((one) =>
      one.name === 'server' ? { ...one, 'stop-timeout': '9s' } : one,
    ),
  });

  async function definitions(): Promise<readonly Defined[]> {
    const { stdout } = await on(bystander, 'history', '--group', GROUP, '--json');
    const { data } = JSON.parse(stdout) as { readonly data: readonly HistoryEntry[] };
    return data.flatMap(({ defined }) => (defined === undefined ? [] : [defined]));
  }

  const stopTimeouts = (all: readonly Defined[]): readonly unknown[] =>
    all.map(({ definition }) =>
      definition.resources.flatMap((one) => (one.name === 'server' ? [one.stopTimeoutMs] : [])),
    );

  test('what nobody who is served notices is shown and made at once', async () => {
    const before = await calmOf(cluster);
    write(() => ({ budgets: { total: '90s' } }), { capacity: { [bystander]: { memory: 8 } } });
    const { status, stdout, stderr } = await on(bystander, 'apply', '-f', file);
    expect({ status, stderr }).toEqual({ status: EXIT.ok, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      `~ node ${bystander}`,
      '    capacity: no bound → memory 8',
      `~ group ${GROUP}`,
      '    budgetsMs: none → total 90000',
      'done',
      '',
    ]);
    expect(await calmOf(cluster)).toEqual(before);
    expect((await on(owner, 'apply', '-f', file)).stdout).toBe('nothing differs\n');
  });

  test('what would interrupt service is shown and refused, and nothing comes of it', async () => {
    const before = await calmOf(cluster);
    write((group) => ({ budgets: { total: '90s' }, ...slowServer(group) }));
    const { status, stdout, stderr } = await on(bystander, 'apply', '-f', file);
    expect(status).toBe(EXIT.refused);
    const shown = `~ group ${GROUP}  INTERRUPTS SERVICE\n    resource server: other stopTimeoutMs\n`;
    expect(stdout).toBe(shown);
    expect(stderr).toContain('WOULD_INTERRUPT');
    expect(await calmOf(cluster)).toEqual(before);
  });

  test('with --yes it is stopped, defined and served anew; the old and the new stand in the history', async () => {
    const { owner: was, epoch } = await calmOf(cluster);
    const { status, stdout } = await on(bystander, 'apply', '-f', file, '--yes');
    expect({ status, last: stdout.trimEnd().split('\n').at(-1) }).toEqual({
      status: EXIT.ok,
      last: 'done; groups that are in use are stopped, defined and started one after the other',
    });
    expect((await cluster.served({ after: epoch })).node).toBe(was);
    await calmOf(cluster);
    expect(stopTimeouts((await definitions()).slice(-2))).toEqual([[15_000], [9_000]]);
  });

  test('a rollback is refused and made in the same way, and leads back to the old one', async () => {
    const { epoch } = await calmOf(cluster);
    const refused = await on(bystander, 'apply', '--rollback', GROUP);
    expect(refused.status).toBe(EXIT.refused);
    expect(refused.stderr).toContain('WOULD_INTERRUPT');
    expect((await on(bystander, 'apply', '--rollback', GROUP, '--yes')).status).toBe(EXIT.ok);
    await cluster.served({ after: epoch });
    await calmOf(cluster);
    const all = await definitions();
    expect(stopTimeouts(all.slice(-3))).toEqual([[15_000], [9_000], [15_000]]);
    expect(all.at(-1)?.definition).toEqual(all.at(-3)?.definition);
  });

  test('what would happen is asked of what was kept, and the cluster notices nothing', async () => {
    const before = await calmOf(cluster);
    const kept = join(cluster.directory, 'status.json');
    expect((await on(bystander, 'plan', '--save', kept)).status).toBe(EXIT.ok);
    const words = ['plan', '--from', kept, '--if', `${before.owner} dies`];
    // No daemon is asked: there is none at this socket.
    const nowhere = ['--socket', join(cluster.directory, 'nobody.sock')];
    const { status, stdout } = await holdfast(cluster, [...nowhere, ...words]);
    expect(status).toBe(EXIT.ok);
    expect(stdout).toMatch(
      new RegExp(`1\\. ${GROUP} goes from ${before.owner} to node\\d, as failover\n   because: `),
    );
    expect(stdout).toMatch(new RegExp(`in the end:\n  ${GROUP}: node\\d\n`));
    expect(await calmOf(cluster)).toEqual(before);
  });

  test('a drill is held against the budget, leaves no wish, and goes back', async () => {
    const before = await calmOf(cluster);
    const target = NODES.find((node) => node !== before.owner) ?? '';
    const { status, stdout } = await on(target, 'drill', GROUP, target, '--back');
    expect(status, stdout).toBe(EXIT.ok);
    expect(stdout.match(/within its budgets/g)).toHaveLength(2);
    const { owner: after, epoch } = await calmOf(cluster);
    expect({ after, epoch }).toEqual({ after: before.owner, epoch: before.epoch + 2 });
    expect((await cluster.group(target))?.wish ?? null).toBeNull();
  });

  test('a move leaves a wish that is shown, and unmove takes it back', async () => {
    const before = await calmOf(cluster);
    const target = NODES.find((node) => node !== before.owner) ?? '';
    expect((await on(before.owner, 'move', GROUP, target, '--for', '1h')).status).toBe(EXIT.ok);
    expect((await cluster.served({ after: before.epoch })).node).toBe(target);
    ({ owner } = await calmOf(cluster));
    expect((await cluster.group(owner))?.wish).toMatchObject({ node: target });
    expect((await on(bystander, 'unmove', GROUP)).status).toBe(EXIT.ok);
    const gone = async () => ((await cluster.group(owner))?.wish ?? null) === null || undefined;
    await until(gone, { what: 'no wish any more', limitMs: PATIENCE_MS, intervalMs: 50 });
    expect(await calmOf(cluster)).toMatchObject({ owner: target, epoch: before.epoch + 1 });
  });
});

test('an order is kept with who gave it and why, the same on every node', async () => {
  const ended = await on(bystander, 'standby', bystander, '--because', 'neuer Lüfter');
  expect(ended.status).toBe(EXIT.ok);
  expect((await on(bystander, 'online', bystander)).status).toBe(EXIT.ok);
  for (const node of NODES) {
    const said = await until(
      async () => {
        const { stdout } = await on(node, 'history', '--node', bystander);
        return stdout.includes('because neuer Lüfter') ? stdout : undefined;
      },
      { what: `${node} knows the reason`, limitMs: PATIENCE_MS, intervalMs: 100 },
    );
    expect(said).toMatch(/mode of node\d \(standby, by \S.* \(uid \d+\), because neuer Lüfter\)/);
  }
});

test('the status is drawn anew as things happen', async () => {
  const argv = ['watch', '--status', '--json'];
  const socket = cluster.config.socketOf(bystander);
  const child = spawn(
    process.execPath,
    [new URL('../../src/holdfast.js', import.meta.url).pathname, '--socket', socket, ...argv],
    { stdio: ['ignore', 'pipe', 'ignore'], env: cluster.environment },
  );
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    seen += chunk;
  });
  await until(() => seen.split('\n').length > 2, { what: 'two of them', limitMs: PATIENCE_MS });
  child.kill('SIGINT');
  await new Promise((resolve) => child.once('exit', resolve));
  expect(JSON.parse(seen.split('\n')[0] ?? '')).toMatchObject({ data: { quorate: true } });
});

describe('a beginning', () => {
  test('init, run, invite, join: one machine is a cluster, and a second one comes in', async () => {
    const { GrowingCluster } = await import('./support/growing-cluster.ts');
    const hook = await receiver();
    const place = await GrowingCluster.lay(join(cluster.directory, 'beginning'));
    try {
      const file = place.fileOf('node4');
      const flags = ['--node', 'node4', '--data-directory', place.dataOf('node4')];
      const begun = await place.command(
        ...['init', '--cluster', `begun-${process.pid}`, '--profile', 'safe', ...flags],
        ...[...place.addressWords('node4'), '--config', file],
      );
      expect(begun.status, begun.stderr).toBe(EXIT.ok);
      const { appendFileSync } = await import('node:fs');
      appendFileSync(file, `notifications: [{ webhook: "${hook.url}", least: info }]\n`);
      place.run('node4');
      await place.seen('node4', 'it leads alone', ({ leader }) => leader === 'node4');
      const { token } = await place.data<{ readonly token: string }>('node4', 'invite');
      const joined = await place.command(
        ...['join', token, '--node', 'node5', '--data-directory', place.dataOf('node5')],
        ...[...place.addressWords('node5'), '--config', place.fileOf('node5')],
      );
      expect(joined.status, joined.stderr).toBe(EXIT.ok);
      place.run('node5');
      await place.seen('node4', 'both vote', ({ members }) =>
        ['node4', 'node5'].every((name) =>
          members.some(
            ({ node, raft, state }) => node === name && raft === 'voter' && state === 'alive',
          ),
        ),
      );
      await until(() => hook.got.some((text) => text.includes('node5 was admitted')), {
        what: 'somebody is told',
        limitMs: PATIENCE_MS,
      });
    } finally {
      place.down();
      hook.close();
    }
  });
});

async function receiver() {
  const got: string[] = [];
  const server = createServer(async (request, response) => {
    for await (const chunk of request) got.push(String(chunk));
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { got, url: `http://127.0.0.1:${port}/`, close };
}
