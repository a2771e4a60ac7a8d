/**
 * Who stands at the door of a running mesh: the bearer of an invitation, a stranger, a node that was
 * removed, a node of another release. Each of them is code that is not ours behind a key that is.
 */
import { encode } from 'it-length-prefixed';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Member } from '../../src/cluster/definition.ts';
import { defaultTimes } from '../../src/config/times.ts';
import { known } from '../../src/lib/assert.ts';
import { failure, success } from '../../src/lib/result.ts';
import { parseAddress } from '../../src/mesh/address.ts';
import { encodeValue } from '../../src/mesh/codec.ts';
import type { JoinRequest } from '../../src/mesh/doorway.ts';
import { Endpoint } from '../../src/mesh/endpoint.ts';
import { encodeHello } from '../../src/mesh/hello.ts';
import type { Identity } from '../../src/mesh/identity.ts';
import { type AskOptions, askToJoin } from '../../src/mesh/join-client.ts';
import {
  encodeWish,
  type JoinGrant,
  MAX_WISH_BYTES,
  proofOf,
} from '../../src/mesh/join-protocol.ts';
import { bearerOf, type JoinToken, oneTimeKey } from '../../src/mesh/join-token.ts';
import type { Libp2pMeshOptions } from '../../src/mesh/libp2p-mesh.ts';
import type { StreamKind } from '../../src/mesh/link.ts';
import {
  INTERCONNECTS,
  linkState,
  type Name,
  received,
  refusals,
  type TestNode,
} from './support/cluster.ts';
import { freePorts } from './support/free-ports.ts';
import { Libp2pCluster } from './support/libp2p-cluster.ts';
import { vote } from './support/messages.ts';

const HOUR_MS = 3_600_000;

let cluster: Libp2pCluster;
let endpoints: Endpoint[];
let bearer: Identity;
let token: JoinToken;
let newcomer: Identity;
let asked: JoinRequest[];

beforeEach(async () => {
  cluster = await Libp2pCluster.create(false);
  endpoints = [];
  asked = [];
  const { seed } = await oneTimeKey();
  bearer = await bearerOf({ seed });
  newcomer = await bearerOf({ seed: (await oneTimeKey()).seed });
  token = {
    clusterId: 'cluster',
    seed,
    node: null,
    role: 'voter',
    expiresAtMs: Date.now() + HOUR_MS,
    peers: cluster.members.map(({ node, peerId, addresses }) => ({ node, peerId, addresses })),
  };
});

afterEach(async () => {
  for (const endpoint of endpoints) await endpoint.stop();
  await cluster.end();
});

const name = (member: Member): Name => member.node as Name;

/** By peer id, so that the first dials the others. */
function inOrder(): readonly [Member, Member, Member] {
  const [one, two, three] = [...cluster.members].sort((a, b) => (a.peerId < b.peerId ? -1 : 1));
  return [known(one, 'one'), known(two, 'two'), known(three, 'three')];
}

const GRANT: JoinGrant = {
  clusterId: 'cluster',
  node: 'd',
  number: 4,
  profile: 'safe',
  times: defaultTimes('safe'),
  interconnects: INTERCONNECTS,
  members: [],
};

async function start(
  member: Member,
  guests: { readonly invited?: readonly string[]; readonly removed?: readonly string[] },
  options: Partial<Libp2pMeshOptions> = {},
): Promise<TestNode> {
  const node = await cluster.start(name(member), {
    onJoin: async (request) => {
      asked.push(request);
      return success(GRANT);
    },
    ...options,
  });
  const everybody = { invited: [], removed: [], ...guests };
  const members = cluster.members.filter(({ peerId }) => !everybody.removed.includes(peerId));
  node.mesh.admit(members, everybody);
  return node;
}

/** The wish of an honest newcomer, from an address where nobody listens. */
async function asking(changes: Partial<AskOptions> = {}): Promise<AskOptions> {
  const [port] = await freePorts('127.0.1.99', 1);
  const addresses = { red: `127.0.1.99:${port}` };
  return { token, node: 'd', identity: newcomer, addresses, limitMs: 5_000, ...changes };
}

/** Somebody who holds a key and writes what they like. */
async function rogue(identity: Identity, victim: Member) {
  const address = parseAddress(known(victim.addresses['red'], 'red'));
  const endpoint = new Endpoint({
    identity,
    over: 'red',
    address: { host: '127.0.1.98', port: 1 },
    listens: false,
    connectTimeoutMs: 2000,
    admits: () => true,
    onInbound: () => undefined,
    onStream: () => undefined,
  });
  await endpoint.start();
  endpoints.push(endpoint);
  const signal = AbortSignal.timeout(10_000);
  const connection = await endpoint.dial(victim.peerId, address, signal);
  return {
    connection,
    open: (kind: StreamKind) => endpoint.openStream(connection, kind, signal),
    openJoin: () => endpoint.openJoin(connection, signal),
  };
}

/** What the members' protocols brought. */
const frames = (node: TestNode) =>
  node.events.filter(({ kind }) => kind !== 'refusal' && kind !== 'link');

const framed = (bytes: Uint8Array): Uint8Array => encode.single(bytes).subarray();

describe('the bearer of an invitation', () => {
  test('asks once and hears the answer of the members', async () => {
    const [member] = inOrder();
    await start(member, { invited: [bearer.peerId] });
    const options = await asking();
    expect(await askToJoin(options)).toEqual({ ok: true, value: GRANT });
    expect(asked).toMatchObject([
      {
        invitation: bearer.peerId,
        over: 'red',
        wish: { node: 'd', peerId: newcomer.peerId, addresses: options.addresses },
      },
    ]);
  });

  test('is told why it was refused', async () => {
    const [member] = inOrder();
    const used = { code: 'INVITATION_USED', detail: 'e came in by it' } as const;
    await start(member, { invited: [bearer.peerId] }, { onJoin: async () => failure(used) });
    expect(await askToJoin(await asking())).toEqual({ ok: false, error: used });
  });

  test('asks the next member where one cannot answer', async () => {
    const [one, two] = inOrder();
    const down = { code: 'NO_QUORUM', detail: 'alone' } as const;
    const invited = { invited: [bearer.peerId] };
    await start(one, invited, { onJoin: async () => failure(down) });
    await start(two, invited);
    expect(await askToJoin(await asking())).toMatchObject({ ok: true });
  });

  test.each(['raft', 'heartbeat', 'snapshot'] as const)(
    'who opens the stream of %s is cut off, and nothing of it is read',
    async (kind) => {
      const [member, other] = inOrder();
      const victim = await start(member, { invited: [bearer.peerId] });
      const { connection, open } = await rogue(bearer, member);
      const hello = { clusterId: 'cluster', interconnect: 'red', incarnation: 1, node: other.node };
      await open(kind)
        .then((stream) => stream.send(framed(encodeHello(hello))))
        .catch(() => undefined);
      await cluster.until(() => connection.status !== 'open', 'it was hung up on');
      await cluster.until(() => refusals(victim).includes('INVITATION_ONLY'), 'it was reported');
      expect(frames(victim)).toEqual([]);
      expect(asked).toEqual([]);
    },
  );

  test('who asks and then tries more is cut off as well', async () => {
    const [member] = inOrder();
    const victim = await start(member, { invited: [bearer.peerId] });
    const { connection, open, openJoin } = await rogue(bearer, member);
    await openJoin();
    await open('raft').catch(() => undefined);
    await cluster.until(() => connection.status !== 'open', 'it was hung up on');
    expect(refusals(victim)).toContain('INVITATION_ONLY');
  });

  test.each([
    ['a key of somebody else', 'JOIN_PROOF_WRONG'],
    ['another cluster', 'WRONG_CLUSTER'],
  ])('with %s is refused: %s', async (_what, code) => {
    const [member] = inOrder();
    await start(member, { invited: [bearer.peerId] });
    const liar = { peerId: known(cluster.members[1], 'b').peerId, privateKey: newcomer.privateKey };
    const lie =
      code === 'WRONG_CLUSTER'
        ? { token: { ...token, clusterId: 'elsewhere' } }
        : { identity: liar };
    expect(await askToJoin(await asking(lie))).toMatchObject({ ok: false, error: { code } });
    expect(asked).toEqual([]);
  });

  test('a proof for another invitation proves nothing', async () => {
    const [member] = inOrder();
    const victim = await start(member, { invited: [bearer.peerId] });
    const { connection, openJoin } = await rogue(bearer, member);
    const claim = {
      clusterId: 'cluster',
      node: 'd',
      peerId: newcomer.peerId,
      addresses: { red: '127.0.1.99:1' },
    };
    const proof = await proofOf({ ...claim, invitation: 'another' }, newcomer);
    (await openJoin()).send(framed(encodeWish({ ...claim, proof })));
    await cluster.until(() => refusals(victim).includes('JOIN_PROOF_WRONG'), 'it was refused');
    await cluster.until(() => connection.status !== 'open', 'it was hung up on');
  });

  test.each([
    ['bytes that are no msgpack', () => framed(new Uint8Array(50).fill(0xc1))],
    ['a value that is no wish', () => framed(encodeValue({ holdfast: 1, node: 7 }))],
    ['no version', () => framed(encodeValue('let me in'))],
    ['a length beyond all bounds', () => new Uint8Array(9).fill(0xff)],
    ['a wish that is too long', () => framed(new Uint8Array(MAX_WISH_BYTES + 1))],
  ])('%s: garbled, and over', async (_what, bytes) => {
    const [member] = inOrder();
    const victim = await start(member, { invited: [bearer.peerId] });
    const { connection, openJoin } = await rogue(bearer, member);
    (await openJoin()).send(bytes());
    await cluster.until(() => refusals(victim).includes('FRAME_GARBLED'), 'it was reported');
    await cluster.until(() => connection.status !== 'open', 'it was hung up on');
    expect(asked).toEqual([]);
  });

  test('who says nothing is shown out', async () => {
    const [member] = inOrder();
    await start(member, { invited: [bearer.peerId] }, { guestLimitMs: 200 });
    const { connection } = await rogue(bearer, member);
    await cluster.until(() => connection.status !== 'open', 'it was hung up on');
  });

  test('with many connections keeps only the latest ones', async () => {
    const [member] = inOrder();
    await start(member, { invited: [bearer.peerId] });
    const all: Awaited<ReturnType<typeof rogue>>[] = [];
    for (let i = 0; i < 20; i += 1) all.push(await rogue(bearer, member));
    const open = () => all.filter(({ connection }) => connection.status === 'open').length;
    await cluster.until(() => open() <= 16, 'the old ones were closed');
    expect(all.at(-1)?.connection.status).toBe('open');
  });

  test('is cut off as soon as the invitation is gone', async () => {
    const [member] = inOrder();
    const { mesh } = await start(member, { invited: [bearer.peerId] });
    const { connection } = await rogue(bearer, member);
    mesh.admit(cluster.members, { invited: [], removed: [] });
    await cluster.until(() => connection.status !== 'open', 'it was hung up on');
  });
});

test('control: the frames of a member are seen by the eyes that saw none of a guest', async () => {
  const [one, other] = inOrder();
  const victim = await start(other, { invited: [bearer.peerId] });
  const member = await cluster.start(name(one));
  await cluster.until(() => linkState(member, name(other), 'red') === 'open', 'linked');
  member.mesh.sendRaft(vote({ from: one.node, to: other.node }, 7));
  await cluster.until(() => frames(victim).length > 0, 'it was read');
});

describe('without an invitation', () => {
  test('a token that is used, revoked or expired is told apart from a dead cluster', async () => {
    const [member] = inOrder();
    const unreachable = await askToJoin(await asking());
    expect(unreachable).toMatchObject({ ok: false, error: { code: 'JOIN_UNREACHABLE' } });
    const victim = await start(member, {});
    const closed = await askToJoin(await asking());
    expect(closed).toMatchObject({ ok: false, error: { code: 'INVITATION_NOT_OPEN' } });
    expect(refusals(victim)).toContain('NOT_A_MEMBER');
    expect(asked).toEqual([]);
  });

  test('the key of an invitation is let in nowhere that the invitation was not committed', async () => {
    const [member] = inOrder();
    const victim = await start(member, { invited: ['another key'] });
    const outcome = await rogue(bearer, member)
      .then(({ openJoin }) => openJoin())
      .then(
        () => 'let in',
        () => 'turned away',
      );
    expect(outcome).toBe('turned away');
    await cluster.until(() => refusals(victim).includes('NOT_A_MEMBER'), 'it was reported');
  });
});

describe('a node that was removed', () => {
  test('hears that it was, and its frames are not read', async () => {
    const [small, large] = inOrder();
    const victim = await start(large, { removed: [small.peerId] });
    const removed = await cluster.start(name(small));
    await cluster.until(() => refusals(removed).includes('REMOVED'), 'it was told');
    expect(received(removed, 'refusal').find(({ code }) => code === 'REMOVED')?.detail).toContain(
      large.node,
    );
    expect(frames(victim)).toEqual([]);
    expect(linkState(removed, name(large), 'red')).not.toBe('open');
  });

  test('hears it also where the others would have to dial', async () => {
    const [small, large] = inOrder();
    await start(small, { removed: [large.peerId] });
    const removed = await cluster.start(name(large));
    await cluster.until(() => refusals(removed).includes('REMOVED'), 'it was told');
  });

  test('cannot ask to join with its old key', async () => {
    const [small, large] = inOrder();
    await start(large, { removed: [small.peerId], invited: [bearer.peerId] });
    const old = await cluster.identity(name(small), false);
    const { connection, openJoin } = await rogue(old, large);
    await openJoin().catch(() => undefined);
    await cluster.until(() => connection.status !== 'open', 'it was hung up on');
    expect(asked).toEqual([]);
  });
});

describe('releases', () => {
  test.each([
    ['the next one, which understands this one', { oldest: 1, newest: 2 }],
    ['a later one, which still does', { oldest: 1, newest: 9 }],
  ])('%s, is linked', async (_what, versions) => {
    const [one, other] = inOrder();
    const a = await cluster.start(name(one));
    const b = await cluster.start(name(other), { versions });
    await cluster.until(() => linkState(a, name(other), 'red') === 'open', 'linked');
    await cluster.until(() => linkState(b, name(one), 'red') === 'open', 'linked');
    expect([...refusals(a), ...refusals(b)]).toEqual([]);
  });

  test('one that cannot be understood is refused, and both sides say why', async () => {
    const [one, other] = inOrder();
    const a = await cluster.start(name(one));
    const b = await cluster.start(name(other), { versions: { oldest: 2, newest: 3 } });
    await cluster.until(() => refusals(a).includes('WRONG_VERSION'), 'the older one says so');
    await cluster.until(() => refusals(b).includes('WRONG_VERSION'), 'the newer one says so');
    expect(received(a, 'refusal')[0]?.detail).toContain('it speaks 2 to 3, this node 1');
    expect(received(b, 'refusal')[0]?.detail).toContain('it speaks 1, this node 2 to 3');
    expect(linkState(a, name(other), 'red')).not.toBe('open');
  });

  test('a newcomer of the next release joins', async () => {
    const [member] = inOrder();
    await start(member, { invited: [bearer.peerId] });
    const versions = { oldest: 1, newest: 2 };
    expect(await askToJoin(await asking({ versions }))).toMatchObject({ ok: true });
  });

  test('a newcomer that cannot be understood is told which releases can', async () => {
    const [member] = inOrder();
    const victim = await start(member, { invited: [bearer.peerId] });
    const reply = await askToJoin(await asking({ versions: { oldest: 3, newest: 4 } }));
    expect(reply).toMatchObject({ ok: false, error: { code: 'WRONG_VERSION' } });
    expect(reply).toMatchObject({ error: { detail: 'it speaks 3 to 4, this node 1' } });
    expect(refusals(victim)).toContain('WRONG_VERSION');
    expect(asked).toEqual([]);
  });
});
