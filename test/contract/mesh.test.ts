/**
 * The contract of `src/mesh/mesh.ts`, run on every adapter: libp2p on the loopback, libp2p through
 * wires that can be cut, and the network in memory.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Interconnect } from '../../src/lib/ids.ts';
import {
  type Adapter,
  INTERCONNECTS,
  linkState,
  type Name,
  received,
  refusals,
  type TestCluster,
  type TestNode,
} from '../mesh/support/cluster.ts';
import { gatedAdapter, libp2pAdapter } from '../mesh/support/libp2p-cluster.ts';
import { memoryAdapter } from '../mesh/support/memory-cluster.ts';
import {
  append,
  everyControlMessage,
  everyRaftMessage,
  heartbeat,
  snapshot,
  vote,
} from '../mesh/support/messages.ts';

const AB = { from: 'a', to: 'b' };
const BA = { from: 'b', to: 'a' };
const AC = { from: 'a', to: 'c' };

let cluster: TestCluster;

function useCluster(adapter: Adapter): void {
  beforeEach(async () => {
    cluster = await adapter.create();
  });
  afterEach(() => cluster.end());
}

async function startAll<N extends Name>(...names: N[]): Promise<Record<N, TestNode>> {
  const nodes: [N, TestNode][] = [];
  for (const name of names) nodes.push([name, await cluster.start(name)]);
  for (const [name, node] of nodes) {
    for (const [peer] of nodes) if (peer !== name) await linked(node, peer);
  }
  return Object.fromEntries(nodes) as Record<N, TestNode>;
}

async function linked(node: TestNode, peer: Name): Promise<void> {
  for (const over of INTERCONNECTS) await becomes(node, peer, over, 'open');
}

function becomes(node: TestNode, peer: Name, over: Interconnect, state: string): Promise<void> {
  const what = `${node.member.node} sees ${peer} ${state} on ${over}`;
  return cluster.until(() => linkState(node, peer, over) === state, what);
}

function terms(node: TestNode): readonly number[] {
  return received(node, 'raft').map(({ message }) => message.term);
}

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe.each([memoryAdapter, libp2pAdapter])('mesh over $name', (adapter) => {
  useCluster(adapter);

  test('members see each other open on every interconnect', async () => {
    const { a, b, c } = await startAll('a', 'b', 'c');
    expect([a, b, c].flatMap(refusals)).toEqual([]);
  });

  test('a frame that travels on two interconnects arrives once', async () => {
    const { a, b } = await startAll('a', 'b');
    for (const term of range(1, 20)) a.mesh.sendRaft(vote(AB, term));
    await cluster.until(() => b.mesh.traffic().duplicates === 20, 'the second copies came');
    expect(terms(b)).toEqual(range(1, 20));
    expect(a.mesh.traffic().copiesSent).toBe(40);
  });

  test('every raft message arrives as it was sent', async () => {
    const { a, b } = await startAll('a', 'b');
    const messages = everyRaftMessage(AB).filter(({ kind }) => kind !== 'snapshot');
    for (const message of messages) a.mesh.sendRaft(message);
    await cluster.until(() => received(b, 'raft').length === messages.length, 'all arrived');
    expect(received(b, 'raft').map(({ message }) => message)).toEqual(messages);
  });

  test('every control message arrives as it was sent', async () => {
    const { a, b } = await startAll('a', 'b');
    const messages = everyControlMessage(BA);
    for (const message of messages) b.mesh.sendControl(message);
    await cluster.until(() => received(a, 'control').length === messages.length, 'all arrived');
    expect(received(a, 'control').map(({ message }) => message)).toEqual(messages);
  });

  test('a heartbeat travels only on the interconnect that it is about', async () => {
    const { a, b } = await startAll('a', 'b');
    a.mesh.sendHeartbeat('b', 'blue', heartbeat('a', 1));
    await cluster.until(() => received(b, 'heartbeat').length === 1, 'the first arrived');
    // A copy of the first on the other interconnect would come before this one.
    a.mesh.sendHeartbeat('b', 'red', heartbeat('a', 2));
    await cluster.until(() => received(b, 'heartbeat').length >= 2, 'the second arrived');
    expect(received(b, 'heartbeat')).toEqual([
      { kind: 'heartbeat', over: 'blue', heartbeat: heartbeat('a', 1) },
      { kind: 'heartbeat', over: 'red', heartbeat: heartbeat('a', 2) },
    ]);
  });

  test('a chunk of a snapshot travels on one interconnect', async () => {
    const { a, b } = await startAll('a', 'b');
    const chunk = new Uint8Array(64 * 1024).fill(7);
    a.mesh.sendRaft(snapshot(AB, chunk));
    await cluster.until(() => received(b, 'raft').length === 1, 'the chunk arrived');
    expect(received(b, 'raft')[0]?.message).toEqual(snapshot(AB, chunk));
    expect(a.mesh.traffic().copiesSent).toBe(1);
  });

  test('an append of a megabyte arrives whole', async () => {
    const { a, b } = await startAll('a', 'b');
    const data = Uint8Array.from({ length: 1024 * 1024 }, (_, index) => index % 251);
    a.mesh.sendRaft(append(AB, data));
    await cluster.until(() => received(b, 'raft').length === 1, 'it arrived');
    expect(received(b, 'raft')[0]?.message).toEqual(append(AB, data));
  });

  test('an append that the mesh does not carry is refused and harms nothing', async () => {
    const { a, b } = await startAll('a', 'b');
    a.mesh.sendRaft(append(AB, new Uint8Array(5 * 1024 * 1024)));
    a.mesh.sendRaft(vote(AB, 1));
    await cluster.until(() => terms(b).includes(1), 'the next frame arrived');
    expect(refusals(a)).toEqual(['FRAME_TOO_LARGE']);
    expect(linkState(b, 'a', 'red')).toBe('open');
  });

  test('a link that is reset closes on both sides and comes back', async () => {
    const { a, b } = await startAll('a', 'b');
    b.mesh.reset('a', 'red');
    const changes = (node: TestNode) =>
      received(node, 'link')
        .filter(({ over }) => over === 'red')
        .map(({ state }) => state)
        .filter((state, index, all) => state !== 'refused' && state !== all[index - 1]);
    const cycle = 'open closed open';
    await cluster.until(() => changes(a).join(' ').endsWith(cycle), 'a saw it come back');
    await cluster.until(() => changes(b).join(' ').endsWith(cycle), 'b saw it come back');
    expect(linkState(a, 'b', 'blue')).toBe('open');
  });

  test('a frame sent while one link is reset is not lost', async () => {
    const { a, b } = await startAll('a', 'b');
    for (const term of range(1, 50)) {
      if (term === 20) a.mesh.reset('b', 'red');
      a.mesh.sendRaft(vote(AB, term));
    }
    await cluster.until(() => terms(b).length === 50, 'all arrived');
    expect([...terms(b)].sort((one, two) => one - two)).toEqual(range(1, 50));
  });

  test('when a process ends, every peer is told that its addresses refuse', async () => {
    const { a, b, c } = await startAll('a', 'b', 'c');
    await b.mesh.stop();
    for (const node of [a, c]) {
      for (const over of INTERCONNECTS) await becomes(node, 'b', over, 'refused');
    }
    expect(linkState(a, 'c', 'red')).toBe('open');
  });

  test('a process that comes back is heard from its first frame on', async () => {
    const { a, b } = await startAll('a', 'b');
    b.mesh.sendRaft(vote(BA, 1));
    await cluster.until(() => terms(a).length === 1, 'the first life was heard');
    await b.mesh.stop();
    for (const over of INTERCONNECTS) await becomes(a, 'b', over, 'refused');
    const again = await cluster.start('b');
    await linked(again, 'a');
    await linked(a, 'b');
    again.mesh.sendRaft(vote(BA, 2));
    await cluster.until(() => terms(a).includes(2), 'the second life was heard');
  });

  test('a probe tells a process from an empty host', async () => {
    const { a, b } = await startAll('a', 'b');
    const probe = async () => {
      let result = '';
      void a.mesh.probe('b', 'red', new AbortController().signal).then((answer) => {
        result = answer;
      });
      await cluster.until(() => result !== '', 'the probe ended');
      return result;
    };
    expect(await probe()).toBe('connected');
    await b.mesh.stop();
    expect(await probe()).toBe('refused');
  });

  test('a probe of an unknown node, or an aborted one, is silent', async () => {
    const { a } = await startAll('a', 'b');
    const signal = new AbortController().signal;
    expect(await a.mesh.probe('nobody', 'red', signal)).toBe('silent');
    expect(await a.mesh.probe('b', 'red', AbortSignal.abort())).toBe('silent');
  });

  test('a member that is struck off the list is cut off, and let in again when it is back', async () => {
    const { a, b } = await startAll('a', 'b');
    const all = cluster.members;
    a.mesh.admit(all.filter(({ node }) => node !== 'b'));
    for (const over of INTERCONNECTS) expect(linkState(a, 'b', over)).toBe('closed');
    b.mesh.sendRaft(vote(BA, 1));
    a.mesh.sendRaft(vote(AB, 1));
    await cluster.until(() => linkState(b, 'a', 'red') !== 'open', 'b saw the end');
    await cluster.settle();
    expect([...terms(a), ...terms(b)]).toEqual([]);
    a.mesh.admit(all);
    await linked(a, 'b');
    await linked(b, 'a');
  });

  test('a stranger with the address of a member gets no frame in', async () => {
    const a = await cluster.start('a');
    const stranger = await cluster.start('b', { strange: true });
    const c = await cluster.start('c');
    await linked(a, 'c');
    await linked(c, 'a');
    await cluster.settle();
    stranger.mesh.sendRaft(vote(BA, 1));
    await cluster.settle();
    expect(terms(a)).toEqual([]);
    expect(received(stranger, 'link').filter(({ state }) => state === 'open')).toEqual([]);
  });

  test('a member of another cluster is refused on both sides with the reason', async () => {
    const a = await cluster.start('a');
    const b = await cluster.start('b', { clusterId: 'another' });
    await cluster.until(() => refusals(a).includes('WRONG_CLUSTER'), 'a refused');
    await cluster.until(() => refusals(b).includes('WRONG_CLUSTER'), 'b refused');
    await cluster.settle();
    const opened = [a, b].flatMap((node) => received(node, 'link'));
    expect(opened.filter(({ state }) => state === 'open')).toEqual([]);
    // Many attempts, few lines in the log.
    expect(refusals(a).length).toBeLessThanOrEqual(INTERCONNECTS.length);
  });

  test('a message in the name of another member ends the connection', async () => {
    const { a, b } = await startAll('a', 'b', 'c');
    a.mesh.sendRaft(vote({ from: 'c', to: 'b' }, 1));
    await cluster.until(() => refusals(b).includes('SENDER_FORGED'), 'b refused it');
    await linked(b, 'a');
    await linked(a, 'b');
    a.mesh.sendRaft(vote(AB, 2));
    await cluster.until(() => terms(b).includes(2), 'the honest one arrived');
    expect(terms(b)).not.toContain(1);
  });

  test('a heartbeat in the name of another member ends the connection', async () => {
    const { a, b } = await startAll('a', 'b');
    a.mesh.sendHeartbeat('b', 'red', heartbeat('c', 1));
    await cluster.until(() => refusals(b).includes('SENDER_FORGED'), 'b refused it');
    expect(received(b, 'heartbeat')).toEqual([]);
    expect(linkState(b, 'a', 'blue')).toBe('open');
  });

  test('sending to nobody, to oneself and to a stopped mesh is no error', async () => {
    const { a, b } = await startAll('a', 'b');
    a.mesh.sendRaft(vote({ from: 'a', to: 'nobody' }, 1));
    a.mesh.sendRaft(vote({ from: 'a', to: 'a' }, 1));
    a.mesh.sendHeartbeat('nobody', 'red', heartbeat('a', 1));
    a.mesh.sendHeartbeat('b', 'green', heartbeat('a', 1));
    a.mesh.reset('nobody', 'red');
    await b.mesh.stop();
    b.mesh.sendRaft(vote(BA, 1));
    const told = b.events.length;
    await cluster.settle();
    expect(b.events.length).toBe(told);
    expect(a.mesh.traffic().undeliverable).toBe(2);
  });
});

describe.each([memoryAdapter, gatedAdapter])('cut wires, mesh over $name', (adapter) => {
  useCluster(adapter);

  test('an interconnect that is cut costs no frame', async () => {
    const { a, b } = await startAll('a', 'b');
    for (const term of range(1, 100)) {
      if (term === 30) cluster.cut('a', 'b', 'red');
      if (term === 60) a.mesh.reset('b', 'red');
      if (term === 90) cluster.heal('a', 'b', 'red');
      a.mesh.sendRaft(vote(AB, term));
      b.mesh.sendRaft(vote(BA, term));
    }
    await cluster.until(() => terms(a).length >= 100 && terms(b).length >= 100, 'all arrived');
    await linked(a, 'b');
    await cluster.settle();
    const sorted = (node: TestNode) => [...terms(node)].sort((one, two) => one - two);
    expect([sorted(a), sorted(b)]).toEqual([range(1, 100), range(1, 100)]);
  });

  test('frames that a healed wire delivers late are not delivered twice', async () => {
    const { a, b } = await startAll('a', 'b');
    cluster.cut('a', 'b', 'red');
    for (const term of range(1, 10)) a.mesh.sendRaft(vote(AB, term));
    await cluster.until(() => terms(b).length === 10, 'they came over blue');
    expect(b.mesh.traffic().duplicates).toBe(0);
    cluster.heal('a', 'b', 'red');
    await cluster.until(() => b.mesh.traffic().duplicates === 10, 'they came over red');
    expect(terms(b)).toEqual(range(1, 10));
  });

  test('two members that do not hear each other reach one another over a third', async () => {
    const { a, b, c } = await startAll('a', 'b', 'c');
    for (const over of INTERCONNECTS) {
      cluster.cut('a', 'c', over);
      a.mesh.reset('c', over);
      c.mesh.reset('a', over);
    }
    for (const over of INTERCONNECTS) {
      await cluster.until(() => linkState(a, 'c', over) !== 'open', `a lost c on ${over}`);
      await cluster.until(() => linkState(c, 'a', over) !== 'open', `c lost a on ${over}`);
    }
    a.mesh.sendRaft(vote(AC, 5));
    c.mesh.sendControl({ from: 'c', to: 'a', kind: 'read', requestId: 1, incarnation: 2 });
    a.mesh.sendRaft(snapshot(AC, Uint8Array.of(1)));
    await cluster.until(() => terms(c).length === 1, 'the vote was relayed');
    await cluster.until(() => received(a, 'control').length === 1, 'the read was relayed');
    await cluster.settle();
    expect(received(c, 'raft').map(({ message }) => message)).toEqual([vote(AC, 5)]);
    expect(terms(b)).toEqual([]);
    expect(b.mesh.traffic().forwarded).toBe(2);
    expect(refusals(c)).toEqual([]);
  });

  test('nothing is relayed between members that hear each other', async () => {
    const { a, b, c } = await startAll('a', 'b', 'c');
    cluster.cut('a', 'c', 'red');
    a.mesh.reset('c', 'red');
    a.mesh.sendRaft(vote(AC, 5));
    await cluster.until(() => terms(c).length === 1, 'it arrived');
    await cluster.settle();
    expect(b.mesh.traffic().forwarded).toBe(0);
  });

  test('a wire that heals after the connection was given up opens again', async () => {
    const { a, b } = await startAll('a', 'b');
    cluster.cut('a', 'b', 'blue');
    a.mesh.reset('b', 'blue');
    b.mesh.reset('a', 'blue');
    await cluster.until(() => linkState(a, 'b', 'blue') !== 'open', 'a gave it up');
    await cluster.settle();
    expect(linkState(a, 'b', 'red')).toBe('open');
    cluster.heal('a', 'b', 'blue');
    await linked(a, 'b');
    await linked(b, 'a');
  });
});
