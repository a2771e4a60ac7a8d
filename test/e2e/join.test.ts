/**
 * A cluster that grows and shrinks by an operator's words, told as one story on real processes: an
 * invitation, a newcomer that votes and serves, tokens that are no good, a member that was removed and
 * cannot come back without a new one. Each chapter leaves a whole cluster to the next.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { isProblemCode } from '../../src/lib/error.ts';
import { PROBLEMS } from '../../src/lib/problems.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { parseAddress } from '../../src/mesh/address.ts';
import { Endpoint } from '../../src/mesh/endpoint.ts';
import { encodeHello } from '../../src/mesh/hello.ts';
import { type Identity, loadIdentity } from '../../src/mesh/identity.ts';
import { askToJoin } from '../../src/mesh/join-client.ts';
import { bearerOf, readToken } from '../../src/mesh/join-token.ts';
import type { StreamKind } from '../../src/mesh/link.ts';
import type { InvitationStatus, InviteAnswer } from '../../src/operator/api.ts';
import { GROUP, GrowingCluster, INTERCONNECTS } from './support/growing-cluster.ts';
import { type Ended, LIMIT_MS, problemIn } from './support/workspace.ts';

vi.setConfig({ testTimeout: LIMIT_MS * 2, hookTimeout: LIMIT_MS });

let cluster: GrowingCluster;
/** Of the first newcomer, used up by it. */
let used = '';

beforeAll(async () => {
  cluster = await GrowingCluster.lay(mkdtempSync(join(tmpdir(), 'holdfast-join-')));
  await cluster.startSan();
  for (const node of cluster.founders) cluster.run(node);
  await cluster.whole(...cluster.founders);
});

afterAll(() => cluster.down());

const invited = (...words: readonly string[]): Promise<InviteAnswer> =>
  cluster.data<InviteAnswer>('node1', 'invite', ...words);

const joining = (token: string, node: string, ...words: readonly string[]): Promise<Ended> =>
  cluster.command(
    'join',
    token,
    ...['--node', node, ...cluster.addressWords(node)],
    ...['--data-directory', cluster.dataOf(node), '--config', cluster.fileOf(node), ...words],
  );

const refusalOf = (ended: Ended): string =>
  ended.status === EXIT.ok ? 'not refused' : problemIn(ended.stdout).code;

test('an invited node joins, votes, and can own the group', async () => {
  const { token, usedBy } = await invited('--node', 'node4', '--expires', '10min');
  expect(usedBy).toBeNull();
  used = token;
  const joined = await joining(token, 'node4', '--json');
  expect(joined.status, joined.stdout + joined.stderr).toBe(EXIT.ok);
  expect(JSON.parse(joined.stdout)).toMatchObject({ ok: true, node: 'node4', number: 4 });
  expect(statSync(cluster.fileOf('node4')).mode & 0o777).toBe(0o600);
  // Its answer might have been lost: it asks again, and hears the same.
  expect(await askAgain()).toMatchObject({ ok: true, value: { node: 'node4', number: 4 } });
  expect(refusalOf(await joining(token, 'node4', '--json'))).toBe('CONFIG_EXISTS');
  cluster.run('node4');
  await cluster.whole(...cluster.founders, 'node4');

  await cluster.seen('node4', 'it can take the group', ({ groups }) =>
    groups.some(({ fitness }) => fitness.some((one) => one.node === 'node4' && one.fit)),
  );
  const moved = await cluster.on('node4', 'move', GROUP, 'node4');
  expect(moved.status, moved.stderr).toBe(EXIT.ok);
  await cluster.seen('node1', 'node4 serves the group', ({ groups }) =>
    groups.some(({ owner, phase }) => owner === 'node4' && phase === 'serving'),
  );
  const history = await cluster.on('node2', 'history');
  expect(history.stdout).toContain('node4 was invited (as voter, by ');
  expect(history.stdout).toContain('node4 was admitted (as voter, invited by ');
});

describe('a token that has brought a node in', () => {
  test('brings in no other node, nor that one again when it has lost its data', async () => {
    const named = await joining(used, 'node5', '--json');
    expect(refusalOf(named)).toBe('INVITATION_MISMATCH');
    const again = await askAgain();
    expect(again).toMatchObject({ ok: false, error: { code: 'INVITATION_USED' } });
  });
});

/** What `join` asks with the key that node4 has, whatever lies in its directory. */
async function askAgain() {
  const token = await readToken(used, Date.now());
  if (!token.ok) throw new Error(token.error.detail);
  return await askToJoin({
    token: token.value,
    node: 'node4',
    identity: await loadIdentity(cluster.dataOf('node4')),
    addresses: cluster.addresses('node4'),
    limitMs: 12_000,
  });
}

describe('tokens that are no good', () => {
  test('fifty that were garbled on their way are refused, each with its reason', async () => {
    const { token } = await invited();
    const random = seededRandom(7);
    const codes = new Set<string>();
    for (let i = 0; i < 50; i += 1) {
      const at = random.below(token.length);
      const how = i % 4;
      const other = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.'[
        random.below(65)
      ];
      const middle = [other, '', `${other}${token[at]}`, `${token[at]}${token[at]}`][how] ?? '';
      const garbled = token.slice(0, at) + middle + token.slice(at + 1);
      if (garbled === token) continue;
      const read = await readToken(garbled, Date.now());
      const code = read.ok ? 'read' : read.error.code;
      expect(code, garbled).toMatch(/^TOKEN_/);
      codes.add(code);
    }
    // The command says the same in words and in JSON: every tenth of them.
    for (let i = 1; i <= 5; i += 1) {
      const cut = token.slice(0, token.length - i);
      const ended = await joining(cut, 'node5', '--json');
      expect(ended.status).toBe(EXIT.refused);
      const { code, cause, remedy } = problemIn(ended.stdout);
      expect(isProblemCode(code) && PROBLEMS[code]).toEqual({ cause, remedy });
    }
    expect([...codes]).toContain('TOKEN_GARBLED');
  });

  test('one that was taken back', async () => {
    const { token, peerId } = await invited();
    const listed = await cluster.data<readonly InvitationStatus[]>('node2', 'invite', '--list');
    expect(listed.map((one) => one.peerId)).toContain(peerId);
    const revoked = await cluster.on('node3', 'invite', '--revoke', peerId);
    expect(revoked.status, revoked.stderr).toBe(EXIT.ok);
    expect(refusalOf(await joining(token, 'node5', '--json'))).toBe('INVITATION_NOT_OPEN');
    expect(refusalOf(await cluster.on('node3', 'invite', '--revoke', peerId, '--json'))).toBe(
      'INVITATION_UNKNOWN',
    );
  });

  test('one that has expired is forgotten by the leader, and says so by itself', async () => {
    const { token, peerId } = await invited('--expires', '1s');
    await vi.waitUntil(
      async () => {
        const left = await cluster.data<readonly InvitationStatus[]>('node1', 'invite', '--list');
        return left.every((one) => one.peerId !== peerId);
      },
      { timeout: 30_000, interval: 200 },
    );
    expect(refusalOf(await joining(token, 'node5', '--json'))).toBe('TOKEN_EXPIRED');
    const history = await cluster.on('node1', 'history');
    expect(history.stdout).toContain('the leader: expired');
  });

  test('one for a name that somebody has', async () => {
    const { token } = await invited();
    expect(refusalOf(await joining(token, 'node2', '--json', '--config', 'x.yaml'))).toBe(
      'DATA_DIRECTORY_USED',
    );
    const other = [
      ...['join', token, '--node', 'node2', ...cluster.addressWords('node6'), '--json'],
      ...['--data-directory', cluster.dataOf('node6'), '--config', cluster.fileOf('node6')],
    ];
    expect(refusalOf(await cluster.command(...other))).toBe('MEMBER_EXISTS');
  });

  test('addresses that do not fit', async () => {
    const { token } = await invited();
    const [flag = '', first = ''] = cluster.addressWords('node6');
    const base = [
      ...['join', token, '--node', 'node6', '--data-directory', cluster.dataOf('node6'), '--json'],
      ...['--config', cluster.fileOf('node6')],
    ];
    const codes = [
      await cluster.command(...base, flag, first),
      await cluster.command(...base, flag, 'lan-a=nowhere'),
      await cluster.command(...base, flag, 'lan-a=0.0.0.0:7400'),
    ].map(refusalOf);
    expect(codes).toEqual(['ADDRESS_INVALID', 'ADDRESS_INVALID', 'ADDRESS_INVALID']);
  });
});

describe('somebody who found a token', () => {
  test.each(['raft', 'heartbeat', 'snapshot'] as const)(
    'and speaks %s with its key is cut off, and the cluster does not notice',
    async (kind) => {
      const found = await invited();
      const token = await readToken(found.token, Date.now());
      if (!token.ok) throw new Error(token.error.detail);
      const before = await cluster.status('node1');
      const status = await connectionAfter(kind, await bearerOf(token.value));
      expect(status).not.toBe('open');
      expect(cluster.logOf('node1')).toContain('INVITATION_ONLY');
      const after = await cluster.whole(...cluster.founders, 'node4');
      expect(after.term).toBe(before?.term);
      await cluster.on('node1', 'invite', '--revoke', found.peerId);
    },
  );
});

/** Opens a stream of the members' protocols at node1, greets as node2, and waits for the end. */
async function connectionAfter(kind: StreamKind, identity: Identity): Promise<string> {
  const { peerId: target } = await loadIdentity(cluster.dataOf('node1'));
  const [over] = INTERCONNECTS;
  const address = parseAddress(cluster.addresses('node1')[over] ?? '');
  const endpoint = new Endpoint({
    identity,
    over,
    address: { host: address.host, port: 1 },
    listens: false,
    connectTimeoutMs: 5_000,
    admits: () => true,
    onInbound: () => undefined,
    onStream: () => undefined,
  });
  await endpoint.start();
  try {
    const signal = AbortSignal.timeout(10_000);
    const connection = await endpoint.dial(target, address, signal);
    const hello = { clusterId: 'any', node: 'node2', interconnect: over, incarnation: 1 };
    await endpoint
      .openStream(connection, kind, signal)
      .then((stream) => stream.send(encodeHello(hello)))
      .catch(() => undefined); // cut off before the stream was there
    await vi.waitUntil(() => connection.status !== 'open', { timeout: 10_000, interval: 20 });
    return connection.status;
  } finally {
    await endpoint.stop();
  }
}

describe('a member that was removed while it was off', () => {
  test('is told so when it comes back, serves nothing, and is not let in', async () => {
    await cluster.whole(...cluster.founders, 'node4');
    cluster.powerOff('node4');
    const left = await cluster.on('node1', 'leave', 'node4');
    expect(left.status, left.stderr).toBe(EXIT.ok);
    await cluster.whole(...cluster.founders);
    cluster.run('node4');
    const status = await cluster.seen('node4', 'it was removed', ({ why }) =>
      why.includes('REMOVED'),
    );
    expect(status.quorate).toBe(false);
    await cluster.whole(...cluster.founders);
    cluster.powerOff('node4');
  });

  test('cannot come back with the token that it had, nor with its old key', async () => {
    const again = [
      ...['join', used, '--node', 'node4', ...cluster.addressWords('node4'), '--json'],
      ...['--data-directory', cluster.dataOf('node4'), '--config', `${cluster.directory}/x.yaml`],
    ];
    expect(refusalOf(await cluster.command(...again))).toBe('DATA_DIRECTORY_USED');
    rmSync(join(cluster.dataOf('node4'), 'log'), { recursive: true });
    expect(refusalOf(await cluster.command(...again))).toBe('INVITATION_USED');
    const { token } = await invited();
    const anew = again.map((word) => (word === used ? token : word === 'node4' ? 'node7' : word));
    expect(refusalOf(await cluster.command(...anew))).toBe('REMOVED');
  });

  test('joins anew as another node, with a new token, name and key', async () => {
    const { token } = await invited();
    const joined = await joining(token, 'node5', '--json');
    expect(joined.status, joined.stdout + joined.stderr).toBe(EXIT.ok);
    expect(JSON.parse(joined.stdout)).toMatchObject({ node: 'node5', number: 5 });
    cluster.run('node5');
    await cluster.whole(...cluster.founders, 'node5');
  });
});
