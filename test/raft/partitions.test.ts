/**
 * Networks that broke other systems. The cluster is the simulated one, in calm weather, with links cut
 * by hand; every invariant is checked after each step.
 */
import { afterEach, expect, test } from 'vitest';
import type { NodeId } from '../../src/lib/ids.ts';
import { configuration } from './bench.ts';
import { Cluster } from './simulation/cluster.ts';
import type { Host } from './simulation/host.ts';

let cluster: Cluster;

afterEach(() => {
  expect(cluster.violations).toEqual([]);
});

function start(nodes: readonly NodeId[]): void {
  cluster = new Cluster(1, configuration(nodes), nodes, 'none');
  for (const host of cluster.hosts) host.start();
  run(1000);
  expect(leader().id).toBe('a');
}

function run(ms: number): void {
  cluster.timeline.run(cluster.timeline.now + ms);
}

const leaders = (): readonly Host[] =>
  cluster.hosts.filter((host) => host.core?.status().role === 'leader');

function leader(): Host {
  const [one, other] = leaders();
  expect(one).toBeDefined();
  expect(other).toBeUndefined();
  return one ?? cluster.pick(cluster.hosts);
}

const termOf = (id: NodeId): number => cluster.host(id)?.core?.status().term ?? 0;

function cut(...pairs: readonly string[]): void {
  for (const [one = '', other = ''] of pairs) {
    cluster.network.cut(one, other);
    cluster.network.cut(other, one);
  }
}

function commits(): boolean {
  const before = cluster.highestCommitted;
  for (const host of leaders()) cluster.propose(host);
  run(100);
  return cluster.highestCommitted > before;
}

test('a crashed leader is replaced, by the next rank, in one term', () => {
  start(['a', 'b', 'c']);
  const term = termOf('a');
  cluster.host('a')?.crash();
  run(300);
  expect(leader().id).toBe('b');
  expect(termOf('b')).toBe(term + 1);
  expect(commits()).toBe(true);
});

test("proof of the leader's death makes the others elect at once", () => {
  start(['a', 'b', 'c']);
  cluster.host('a')?.crash();
  run(5);
  for (const id of ['b', 'c']) cluster.host(id)?.step({ kind: 'forget-leader' });
  run(20);
  expect(leader().id).toBe('b');
  expect(commits()).toBe(true);
});

test('a node that was cut off comes back without disturbing anyone', () => {
  start(['a', 'b', 'c']);
  const term = termOf('a');
  cut('ac', 'bc');
  run(5000);
  expect(termOf('c')).toBe(term);
  cluster.network.mendAll();
  run(500);
  expect(leader().id).toBe('a');
  expect([termOf('a'), termOf('c')]).toEqual([term, term]);
});

test('Cloudflare 2020: one link between the leader and a follower breaks, and nothing happens', () => {
  start(['a', 'b', 'c']);
  const term = termOf('a');
  cut('ac');
  run(10_000);
  expect(leader().id).toBe('a');
  expect([termOf('a'), termOf('b')]).toEqual([term, term]);
  expect(commits()).toBe(true);
});

test('bridge: an old leader that reaches one node only does not hold up the quorum around it', () => {
  start(['a', 'b', 'c', 'd', 'e']);
  // The leader hears nobody but c; c, d and e hear each other.
  cut('ab', 'ad', 'ae', 'bc', 'bd', 'be');
  run(1500);
  const elected = leader();
  expect(['c', 'd', 'e']).toContain(elected.id);
  const before = termOf(elected.id);
  expect(commits()).toBe(true);
  run(5000);
  expect(leader().id).toBe(elected.id);
  expect(termOf(elected.id)).toBe(before);
});

test('two leaves: a leader that reaches a quorum stays, although the leaves do not hear each other', () => {
  start(['a', 'b', 'c', 'd', 'e']);
  const term = termOf('a');
  cut('ad', 'ae', 'de', 'bd', 'ce');
  run(5000);
  expect(leader().id).toBe('a');
  expect(termOf('a')).toBe(term);
  expect(commits()).toBe(true);
});

test('a leader that can send but not receive steps down, and another one is elected', () => {
  start(['a', 'b', 'c']);
  for (const peer of ['b', 'c']) cluster.network.cut(peer, 'a');
  run(2000);
  expect(leader().id).not.toBe('a');
  expect(commits()).toBe(true);
  cluster.network.mendAll();
  run(1000);
  expect(leaders()).toHaveLength(1);
});

test('a leader that can receive but not send is replaced, and learns of it', () => {
  start(['a', 'b', 'c']);
  for (const peer of ['b', 'c']) cluster.network.cut('a', peer);
  run(2000);
  expect(leader().id).not.toBe('a');
  expect(cluster.host('a')?.core?.status()).toMatchObject({
    role: 'follower',
    leader: leader().id,
  });
});

test('a minority of two elects nobody and keeps its term', () => {
  start(['a', 'b', 'c', 'd', 'e']);
  const term = termOf('a');
  cut('ac', 'ad', 'ae', 'bc', 'bd', 'be');
  run(5000);
  expect(leader().id).not.toBe('a');
  expect([termOf('a'), termOf('b')]).toEqual([term, term]);
});

test('a frozen leader that thaws confirms no read and yields', () => {
  start(['a', 'b', 'c']);
  const old = cluster.host('a');
  old?.freeze();
  run(1500);
  if (old !== undefined) cluster.read(old);
  const successor = leaders().find((host) => host !== old);
  for (let i = 0; i < 5; i += 1) if (successor !== undefined) cluster.propose(successor);
  run(100);
  const confirmed = cluster.confirmedReads;
  old?.thaw();
  run(500);
  expect(cluster.confirmedReads).toBe(confirmed);
  expect(leader().id).toBe(successor?.id);
});

test('leadership is handed over in the time of an election without timeouts', () => {
  start(['a', 'b', 'c']);
  cluster.host('a')?.step({ kind: 'transfer', to: 'c', timeoutMs: 200 });
  run(30);
  expect(leader().id).toBe('c');
  expect(commits()).toBe(true);
});

test('a leader whose disk stalls is replaced long before anyone would have missed it', () => {
  start(['a', 'b', 'c']);
  const stalled = cluster.host('a');
  if (stalled !== undefined) stalled.stalledUntil = cluster.timeline.now + 60_000;
  if (stalled !== undefined) cluster.propose(stalled);
  run(300);
  expect(leader().id).not.toBe('a');
  expect(commits()).toBe(true);
});

test('all lose power at once: whoever has the longest log leads, and nothing is forgotten', () => {
  start(['a', 'b', 'c']);
  for (let i = 0; i < 20; i += 1) commits();
  const before = cluster.highestCommitted;
  for (const host of cluster.hosts) host.crash();
  for (const host of cluster.hosts) host.start();
  run(1000);
  expect(commits()).toBe(true);
  expect(leader().core?.status().commitIndex).toBeGreaterThan(before);
});

test('two of three are down: the third neither leads nor raises its term; one comes back', () => {
  start(['a', 'b', 'c']);
  const term = termOf('a');
  for (const id of ['b', 'c']) cluster.host(id)?.crash();
  run(5000);
  expect(leaders()).toEqual([]);
  expect(termOf('a')).toBe(term);
  cluster.host('c')?.start();
  run(1000);
  expect(commits()).toBe(true);
});
