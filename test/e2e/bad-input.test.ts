/**
 * Bad input for a running cluster, at every door of its daemons: the operator socket, the ports of the
 * mesh, the ears for the last words of guardians. Whatever comes, it is refused in words where there is
 * somebody to hear them, and the group is served on: same owner, same epoch, same term, same daemons.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { PROBLEMS, type ProblemCode } from '../../src/lib/problems.ts';
import { parseAddress } from '../../src/mesh/address.ts';
import { Endpoint } from '../../src/mesh/endpoint.ts';
import { loadOrCreateIdentity } from '../../src/mesh/identity.ts';
import type { EmbeddedCluster } from '../demo/embedded-cluster.ts';
import { GROUP, NODES } from '../demo/embedded-config.ts';
import type { Load } from '../lab/clients.ts';
import { until } from '../lab/kernel/index.ts';
import { ask } from '../operator/unix-client.ts';
import { datagrams, garbage, occupy, throwAt } from './support/attackers.ts';
import { type Calm, calmOf, expectCalm } from './support/calm.ts';
import { holdfast, LIMIT_MS, problemIn, workspace } from './support/workspace.ts';

/** Names that every JavaScript object answers to, although nobody gave them. */
const INHERITED = ['constructor', '__proto__', 'toString', 'hasOwnProperty'];

vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

let cluster: EmbeddedCluster;
let load: Load;
let before: Calm;
let owner = '';
let other = '';

beforeAll(async () => {
  cluster = await workspace();
  await cluster.start();
  load = cluster.load();
  before = await calmOf(cluster);
  owner = before.owner;
  other = NODES.find((node) => node !== owner) ?? '';
});

afterAll(() => cluster.down());

const doors = () =>
  NODES.flatMap((node) =>
    Object.values(cluster.config.addresses[node] ?? {}).map((address) => parseAddress(address)),
  );

describe('an operator', () => {
  const refusedMove = async (node: string, words: readonly string[], code: ProblemCode) => {
    const socket = ['--socket', cluster.config.socketOf(node)];
    const inJson = await holdfast(cluster, [...socket, 'move', ...words, '--json']);
    expect(problemIn(inJson.stdout)).toMatchObject({ code, ...PROBLEMS[code] });
    expect(inJson.status).toBe(EXIT.refused);
    return await holdfast(cluster, [...socket, 'move', ...words]);
  };

  test('who moves a group to a node that does not exist is told so', async () => {
    const { stderr, status } = await refusedMove(other, [GROUP, 'node9'], 'UNKNOWN_NODE');
    expect(stderr).toContain(PROBLEMS.UNKNOWN_NODE.remedy);
    expect(status).toBe(EXIT.refused);
  });

  test('who moves a group to its owner is told so', async () => {
    const { stderr } = await refusedMove(other, [GROUP, owner], 'ALREADY_OWNER');
    expect(stderr).toContain(`${owner} owns ${GROUP}`);
  });

  test('who moves a group that does not exist is told so', async () => {
    const { stderr } = await refusedMove(owner, ['web'], 'UNKNOWN_GROUP');
    expect(stderr).toContain('web');
  });

  test('who moves a group to a node in standby is told so', async () => {
    const socket = ['--socket', cluster.config.socketOf(owner)];
    expect((await holdfast(cluster, [...socket, 'standby', other])).status).toBe(EXIT.ok);
    const { stderr } = await refusedMove(owner, [GROUP, other], 'NODE_NOT_ELIGIBLE');
    expect(stderr).toContain(`${other}: in standby`);
    expect((await holdfast(cluster, [...socket, 'online', other])).status).toBe(EXIT.ok);
  });

  test.each(INHERITED)('who names a thing %s is told that there is none', async (name) => {
    const socketPath = cluster.config.socketOf(owner);
    const move = (group: string, to: string) =>
      ask(socketPath, 'POST', `/v1/groups/${group}/move`, { body: JSON.stringify({ to }) });
    const mode = (subject: object) =>
      ask(socketPath, 'POST', '/v1/mode', { body: JSON.stringify({ subject, mode: 'standby' }) });
    expect((await move(name, other)).json['code']).toBe('UNKNOWN_GROUP');
    expect((await move(GROUP, name)).json['code']).toBe('UNKNOWN_NODE');
    expect((await mode({ kind: 'node', node: name })).json['code']).toBe('UNKNOWN_NODE');
    expect((await mode({ kind: 'group', group: name })).json['code']).toBe('UNKNOWN_GROUP');
    expect((await ask(socketPath, 'GET', `/v1/timeline?group=${name}`)).json['data']).toEqual([]);
  });

  test('all that changed nothing', () => expectCalm(cluster, load, before));
});

describe('garbage on the operator socket', () => {
  const REFUSED: readonly (readonly [string, string, Record<string, string>, ProblemCode])[] = [
    ['no JSON', '{"to":', {}, 'BAD_REQUEST'],
    ['a key that nothing reads', '{"to":"node2","force":true}', {}, 'BAD_REQUEST'],
    ['a list', '[]', {}, 'BAD_REQUEST'],
    ['a name of 64 KiB', JSON.stringify({ to: 'n'.repeat(1 << 16) }), {}, 'BODY_TOO_LARGE'],
    ['a deep nest', '['.repeat(8_000), {}, 'BAD_REQUEST'],
    ['another type', 'to=node2', { 'content-type': 'text/html' }, 'UNSUPPORTED_MEDIA_TYPE'],
  ];

  test.each(REFUSED)('%s is refused in words', async (_name, body, headers, code) => {
    const path = `/v1/groups/${GROUP}/move`;
    const { json } = await ask(cluster.config.socketOf(owner), 'POST', path, { body, headers });
    expect(json).toMatchObject({ code, ...PROBLEMS[code] });
  });

  test('bytes that are no HTTP end their connection only', async () => {
    const where = { path: cluster.config.socketOf(owner) };
    for (const seed of [1, 2, 3]) await throwAt(where, Buffer.concat([garbage(seed, 4_096), CRLF]));
    expect(await throwAt(where, `GET /v1/status HTTP/9.9\r\n\r\n`)).toContain('400 Bad Request');
    // It is hung up on while it still sends: the answer may get lost on the way.
    await throwAt(where, `GET / HTTP/1.1\r\nx: ${'y'.repeat(1 << 20)}`);
  });

  test('many who connect and say nothing keep nobody else out for long', async () => {
    const path = cluster.config.socketOf(owner);
    const idle = await occupy({ path }, 300);
    await until(
      () =>
        ask(path, 'GET', '/v1/status').then(
          ({ status }) => status === 200,
          () => false,
        ),
      {
        what: 'the daemon answers somebody new beside them',
        limitMs: 30_000,
        intervalMs: 200,
      },
    );
    for (const socket of idle) socket.destroy();
  });

  test('all that changed nothing', () => expectCalm(cluster, load, before));
});

const CRLF = Buffer.from('\r\n\r\n');

describe('garbage on the ports of the mesh', () => {
  const MULTISTREAM = '\x13/multistream/1.0.0\n';
  const GARBAGE: readonly (readonly [string, Buffer | string])[] = [
    ['random bytes', garbage(7, 50_000)],
    ['a request of a web browser', 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['a handshake of another protocol', `${MULTISTREAM}\x0d/tls/1.0.0\n`],
    [
      'Noise without sense',
      Buffer.concat([Buffer.from(`${MULTISTREAM}\x07/noise\n`), garbage(8, 9_000)]),
    ],
    ['a length beyond all bounds', Buffer.alloc(64, 0xff)],
  ];

  test.each(GARBAGE)('%s is hung up on', async (_name, bytes) => {
    await Promise.all(doors().map((door) => throwAt(door, bytes)));
  });

  test('many who connect and say nothing', async () => {
    const [door] = doors();
    const idle = await occupy(door ?? { port: 0 }, 300);
    await expectCalm(cluster, load, before);
    for (const socket of idle) socket.destroy();
  });

  test('all that changed nothing', () => expectCalm(cluster, load, before));
});

test('a stranger with a sound identity of its own is turned away, and named in the log', async () => {
  const identity = await loadOrCreateIdentity(join(cluster.directory, 'stranger'));
  const target = parseAddress(cluster.config.addresses[owner]?.['lan-a'] ?? '');
  const status = await cluster.status(owner);
  const peerId = status?.members.find(({ node }) => node === owner)?.peerId ?? '';
  const endpoint = new Endpoint({
    identity,
    over: 'lan-a',
    address: { host: target.host, port: 7_399 },
    connectTimeoutMs: 5_000,
    admits: () => true,
    onInbound: () => undefined,
    onStream: () => undefined,
  });
  await endpoint.start();
  try {
    const outcome = await endpoint
      .dial(peerId, target, AbortSignal.timeout(10_000))
      .then((connection) => endpoint.openStream(connection, 'raft', AbortSignal.timeout(10_000)))
      .then(
        () => 'let in',
        () => 'turned away',
      );
    expect(outcome).toBe('turned away');
    await until(() => cluster.logOf(owner).includes(identity.peerId), {
      what: 'the refusal stands in the log',
      limitMs: 20_000,
    });
    expect(cluster.logOf(owner)).toContain('NOT_A_MEMBER');
  } finally {
    await endpoint.stop();
  }
  await expectCalm(cluster, load, before);
});

describe('wrong evidence on the UDP ports', () => {
  const word = (change: object): string =>
    JSON.stringify({
      kind: 'torn-down',
      clusterId: cluster.config.clusterId,
      group: GROUP,
      epoch: before.epoch,
      secret: '00'.repeat(32),
      ...change,
    });

  const WORDS: readonly (readonly [string, () => readonly (Buffer | string)[]])[] = [
    ['a secret that nobody pledged', () => [word({})]],
    ['of another cluster', () => [word({ clusterId: 'elsewhere' })]],
    ['of groups that only JavaScript knows', () => INHERITED.map((group) => word({ group }))],
    ['of impossible epochs', () => [-1, 0, 2 ** 53, 1e300].map((epoch) => word({ epoch }))],
    [
      'of other kinds',
      () => [word({ kind: 'assign' }), word({ group: 7 }), 'null', '[]', '""', ''],
    ],
    ['random bytes', () => [garbage(9, 1_000), garbage(10, 1_400), Buffer.alloc(0)]],
    ['huge datagrams', () => [Buffer.alloc(65_000, 0x20), word({ secret: 'x'.repeat(60_000) })]],
    ['thousands of them', () => Array.from({ length: 3_000 }, (_, i) => word({ secret: `${i}` }))],
  ];

  test.each(WORDS)('%s proves nothing', async (_name, messages) => {
    for (const door of doors()) await datagrams(door, messages());
    await expectCalm(cluster, load, before);
  });
});

test('control: a group that was moved would have been found out', async () => {
  const socket = ['--socket', cluster.config.socketOf(owner)];
  expect((await holdfast(cluster, [...socket, 'move', GROUP, other])).status).toBe(EXIT.ok);
  await cluster.served({ not: owner, after: before.epoch });
  await expect(expectCalm(cluster, load, before)).rejects.toThrow(/owner|epoch/);
});

test('after all that no acknowledged record is lost, and no daemon has grown out of bounds', async () => {
  await load.stop();
  expect(await load.verify()).toMatchObject({ ok: true, lost: 0 });
  for (const node of NODES) expect(residentMegabytes(cluster.pidOf(node))).toBeLessThan(400);
});

function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024;
}
