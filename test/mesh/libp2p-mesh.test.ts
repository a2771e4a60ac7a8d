/** What only the mesh over libp2p can meet: strangers, garbage on sockets and streams, bad addresses. */
import { createServer, connect as tcpConnect } from 'node:net';
import { encode } from 'it-length-prefixed';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Member } from '../../src/cluster/definition.ts';
import { known } from '../../src/lib/assert.ts';
import { parseAddress } from '../../src/mesh/address.ts';
import { encodeFrame, encodeValue } from '../../src/mesh/codec.ts';
import { Endpoint } from '../../src/mesh/endpoint.ts';
import { encodeHello } from '../../src/mesh/hello.ts';
import { Libp2pMesh, type Libp2pMeshOptions } from '../../src/mesh/libp2p-mesh.ts';
import type { StreamKind } from '../../src/mesh/link.ts';
import { monotonicClock } from '../../src/system/clock.ts';
import {
  INTERCONNECTS,
  linkState,
  type Name,
  received,
  refusals,
  type TestNode,
} from './support/cluster.ts';
import { Libp2pCluster } from './support/libp2p-cluster.ts';
import { vote } from './support/messages.ts';

let cluster: Libp2pCluster;
let endpoints: Endpoint[];

beforeEach(async () => {
  cluster = await Libp2pCluster.create(false);
  endpoints = [];
});
afterEach(async () => {
  for (const endpoint of endpoints) await endpoint.stop();
  await cluster.end();
});

/** By peer id, so that the first dials the others. */
function inOrder(): readonly [Member, Member, Member] {
  const [one, two, three] = [...cluster.members].sort((a, b) => (a.peerId < b.peerId ? -1 : 1));
  return [known(one, 'one'), known(two, 'two'), known(three, 'three')];
}

function name(member: Member): Name {
  return member.node as Name;
}

/** Code that is not ours behind the key of a member: it writes what it likes into the streams. */
async function rogue(member: Member, strange = false): Promise<Endpoint> {
  const endpoint = new Endpoint({
    identity: await cluster.identity(name(member), strange),
    over: 'red',
    address: parseAddress(known(member.addresses['red'], 'red')),
    connectTimeoutMs: 2000,
    admits: () => true,
    onInbound: () => {},
    onStream: () => {},
  });
  await endpoint.start();
  endpoints.push(endpoint);
  return endpoint;
}

async function dial(endpoint: Endpoint, victim: Member) {
  const signal = AbortSignal.timeout(10_000);
  const address = parseAddress(known(victim.addresses['red'], 'red'));
  const connection = await endpoint.dial(victim.peerId, address, signal);
  const send = async (kind: StreamKind, ...chunks: Uint8Array[]): Promise<void> => {
    const stream = await endpoint.openStream(connection, kind, signal);
    for (const chunk of chunks) stream.send(chunk);
  };
  return { connection, send };
}

function framed(...frames: Uint8Array[]): Uint8Array {
  return Buffer.concat(frames.map((frame) => encode.single(frame).subarray()));
}

function greetingOf(member: Member): Uint8Array {
  return encodeHello({
    clusterId: 'cluster',
    node: member.node,
    interconnect: 'red',
    incarnation: 1,
  });
}

async function twoNodes(one: Member, other: Member): Promise<readonly [TestNode, TestNode]> {
  const nodes = [await cluster.start(name(one)), await cluster.start(name(other))] as const;
  for (const over of INTERCONNECTS) {
    await cluster.until(() => linkState(nodes[0], name(other), over) === 'open', 'linked');
    await cluster.until(() => linkState(nodes[1], name(one), over) === 'open', 'linked');
  }
  return nodes;
}

async function stillWorks(from: TestNode, to: TestNode): Promise<void> {
  const message = vote({ from: from.member.node, to: to.member.node }, 4711);
  from.mesh.sendRaft(message);
  await cluster.until(
    () => received(to, 'raft').some((event) => event.message.term === 4711),
    'an honest frame arrives',
  );
}

describe('what a stranger or a broken member can do', () => {
  test('garbage on a TCP connection harms nobody', async () => {
    const [one, other] = inOrder();
    const [a, b] = await twoNodes(one, other);
    const { host, port } = parseAddress(known(one.addresses['red'], 'red'));
    const garbage = [
      new Uint8Array(0),
      new Uint8Array(100_000).fill(0xff),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from('\x13/multistream/1.0.0\n\x07/noise\nxxxxxxxxxxxxxxxxxxxxx'),
    ];
    let closed = 0;
    for (const bytes of garbage) {
      const socket = tcpConnect({ host, port });
      socket.on('error', () => {});
      socket.on('close', () => {
        closed += 1;
      });
      socket.resume();
      socket.end(bytes);
    }
    await cluster.until(() => closed === garbage.length, 'it hung up on all of them');
    expect(received(a, 'link').filter(({ state }) => state === 'closed')).toEqual([]);
    await stillWorks(b, a);
  });

  test('a stranger that dials is turned away after the handshake and reported', async () => {
    const [small, large] = inOrder();
    const victim = await cluster.start(name(large));
    const endpoint = await rogue(small, true);
    const opened = await dial(endpoint, large)
      .then(({ connection, send }) =>
        send('raft', framed(greetingOf(small))).then(() => connection.status),
      )
      .catch(() => 'refused');
    expect(opened).not.toBe('open');
    await cluster.until(() => refusals(victim).includes('NOT_A_MEMBER'), 'it was reported');
    const { peerId } = await cluster.identity(name(small), true);
    expect(received(victim, 'refusal')[0]?.detail).toContain(peerId);
  });

  test('a stranger that answers at the address of a member is reported', async () => {
    const [small, large] = inOrder();
    await rogue(large, true);
    const node = await cluster.start(name(small));
    await cluster.until(() => refusals(node).includes('NOT_A_MEMBER'), 'it was reported');
    expect(received(node, 'refusal')[0]?.detail).toContain(known(large.addresses['red'], 'red'));
    expect(linkState(node, name(large), 'red')).not.toBe('open');
  });

  test('a member that dials although it should be dialled is turned away', async () => {
    const [small, large] = inOrder();
    const node = await cluster.start(name(small));
    const endpoint = await rogue(large);
    const outcome = dial(endpoint, small)
      .then(({ send }) => send('raft', greetingOf(large)))
      .then(
        () => 'let in',
        () => 'turned away',
      );
    await cluster.until(() => refusals(node).includes('WRONG_DIALLER'), 'it was reported');
    expect(await outcome).toBe('turned away');
  });

  const hello = { clusterId: 'cluster', interconnect: 'red', incarnation: 1 };
  test.each([
    ['FRAME_GARBLED', 'no greeting', () => framed(new Uint8Array(50).fill(0xc1))],
    ['FRAME_GARBLED', 'a length beyond all bounds', () => new Uint8Array(9).fill(0xff)],
    ['WRONG_VERSION', 'a later version', () => framed(encodeValue({ holdfast: 99 }))],
    ['WRONG_NODE', 'another name', () => framed(encodeHello({ ...hello, node: 'z' }))],
    [
      'WRONG_INTERCONNECT',
      'a crossed cable',
      (member: Member) =>
        framed(encodeHello({ ...hello, node: member.node, interconnect: 'blue' })),
    ],
    [
      'FRAME_GARBLED',
      'a garbled frame after the greeting',
      (member: Member) => framed(greetingOf(member), Uint8Array.of(1, 2, 3)),
    ],
    [
      'FRAME_GARBLED',
      'a message of the wrong shape',
      (member: Member) =>
        framed(greetingOf(member), encodeValue([0, 1, 1, { from: member.node, to: 'b' }])),
    ],
  ])('%s: %s from a member ends the connection', async (code, _, bytes) => {
    const [small, large] = inOrder();
    const victim = await cluster.start(name(large));
    const { connection, send } = await dial(await rogue(small), large);
    await send('raft', bytes(small));
    await cluster.until(() => refusals(victim).includes(code), 'it was reported');
    await cluster.until(() => connection.status !== 'open', 'it was hung up on');
    expect(received(victim, 'raft')).toEqual([]);
  });

  test.each(['before', 'after'])('garbage for a heartbeat %s the greeting', async (when) => {
    const [small, large] = inOrder();
    const victim = await cluster.start(name(large));
    const { connection, send } = await dial(await rogue(small), large);
    if (when === 'after') await send('raft', framed(greetingOf(small)));
    await send('heartbeat', Uint8Array.of(0, 3, 1, 2, 3));
    await cluster.until(() => refusals(victim).includes('FRAME_GARBLED'), 'it was reported');
    await cluster.until(() => connection.status !== 'open', 'it was hung up on');
  });

  test('a member that greets and then opens no other stream is hung up on', async () => {
    const [small, large] = inOrder();
    const victim = await cluster.start(name(large));
    const { connection, send } = await dial(await rogue(small), large);
    await send('raft', framed(greetingOf(small)));
    await cluster.until(() => connection.status !== 'open', 'it was hung up on');
    expect(received(victim, 'link').map(({ state }) => state)).not.toContain('open');
  });

  test('a member that opens connection after connection keeps only the latest ones', async () => {
    const [small, large] = inOrder();
    await cluster.start(name(large));
    const endpoint = await rogue(small);
    const dialled: Awaited<ReturnType<typeof dial>>[] = [];
    for (let index = 0; index < 10; index += 1) dialled.push(await dial(endpoint, large));
    const open = () => dialled.filter(({ connection }) => connection.status === 'open').length;
    await cluster.until(() => open() <= 4, 'the old ones were closed');
    expect(dialled.at(-1)?.connection.status).toBe('open');
  });

  test('a newer connection replaces the one that was open', async () => {
    const [small, large] = inOrder();
    const victim = await cluster.start(name(large));
    const endpoint = await rogue(small);
    const open = async (term: number) => {
      const dialled = await dial(endpoint, large);
      const message = vote({ from: small.node, to: large.node }, term);
      const frame = encodeFrame({ kind: 'raft', message }, { incarnation: 1, sequence: term });
      await dialled.send('raft', framed(greetingOf(small), frame));
      await dialled.send('heartbeat', new Uint8Array(0));
      await dialled.send('snapshot', new Uint8Array(0));
      await cluster.until(
        () => received(victim, 'raft').some((event) => event.message.term === term),
        'its frame arrived',
      );
      return dialled.connection;
    };
    const first = await open(1);
    const second = await open(2);
    await cluster.until(() => first.status !== 'open', 'the old one was closed');
    const states = () => received(victim, 'link').map(({ state }) => state);
    await cluster.until(
      () => states().filter((state) => state === 'open').length === 2,
      'both were open in turn',
    );
    expect(second.status).toBe('open');
  });
});

describe('a member list with mistakes', () => {
  test('a member without a usable address or key stops nobody', async () => {
    const [one, other] = inOrder();
    const [a, b] = await twoNodes(one, other);
    a.mesh.admit([
      ...cluster.members,
      { node: 'x', number: 9, peerId: 'no peer id', addresses: { red: 'nowhere', blue: '::1:1' } },
      { node: 'y', number: 10, peerId: 'no peer id', addresses: { red: '127.0.1.77:1' } },
    ]);
    expect(refusals(a)).toEqual(['ADDRESS_INVALID']);
    a.mesh.sendRaft(vote({ from: one.node, to: 'x' }, 1));
    expect(await a.mesh.probe('x', 'red', new AbortController().signal)).toBe('silent');
    await stillWorks(a, b);
    await stillWorks(b, a);
  });
});

describe('starting', () => {
  function meshOf(changes: Partial<Libp2pMeshOptions>, base: Libp2pMeshOptions): Libp2pMesh {
    return new Libp2pMesh({ ...base, ...changes });
  }

  async function options(): Promise<Libp2pMeshOptions> {
    const self = known(cluster.members[0], 'a');
    return {
      clusterId: 'cluster',
      self,
      incarnation: 1,
      identity: await cluster.identity('a', false),
      interconnects: INTERCONNECTS,
      redialMs: 50,
      connectTimeoutMs: 1000,
      clock: monotonicClock,
    };
  }

  test('a port in use is named, and nothing is left half open', async () => {
    const base = await options();
    const text = known(base.self.addresses['blue'], 'blue');
    const { host, port } = parseAddress(text);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, host, () => resolve()));
    await expect(meshOf({}, base).start()).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      context: { address: text, interconnect: 'blue' },
    });
    await new Promise<void>((resolve) => server.close(() => resolve()));
    const again = meshOf({}, base);
    await again.start();
    await again.stop();
  });

  test('an address of another machine is named', async () => {
    const base = await options();
    const addresses = { ...base.self.addresses, red: '192.0.2.77:7400' };
    await expect(meshOf({ self: { ...base.self, addresses } }, base).start()).rejects.toMatchObject(
      {
        code: 'ADDRESS_NOT_LOCAL',
        context: { address: '192.0.2.77:7400', interconnect: 'red' },
      },
    );
  });

  test('an interconnect without an address is named', async () => {
    const base = await options();
    const interconnects = [...INTERCONNECTS, 'green'];
    await expect(meshOf({ interconnects }, base).start()).rejects.toMatchObject({
      code: 'ADDRESS_INVALID',
      context: { node: 'a', interconnect: 'green' },
    });
  });

  test('the identity of another member is refused', async () => {
    const base = await options();
    const identity = await cluster.identity('b', false);
    await expect(meshOf({ identity }, base).start()).rejects.toMatchObject({
      code: 'IDENTITY_MISMATCH',
    });
  });
});
