/**
 * The log disk: liveness does not wait for it, and it is part of fitness (DESIGN §4; hashicorp/raft#503,
 * etcd#13527). Writes that queue up share their end; late ones vouch for nothing that was replaced.
 */
import { describe, expect, test } from 'vitest';
import type { NodeId } from '../../src/lib/ids.ts';
import type { RaftStatus } from '../../src/raft/types.ts';
import { Bench, command, configuration, entriesOf } from './bench.ts';
import { Cluster } from './simulation/cluster.ts';

function start(): Cluster {
  const cluster = new Cluster(1, configuration(), ['a', 'b', 'c'], 'none');
  for (const host of cluster.hosts) host.start();
  cluster.timeline.run(1000);
  expect(statusOf(cluster, 'a').role).toBe('leader');
  return cluster;
}

function statusOf(cluster: Cluster, id: NodeId): RaftStatus {
  const status = cluster.host(id)?.core?.status();
  if (status === undefined) throw new Error(`${id} is down`);
  return status;
}

/** From now on no write of this node reaches its disk, for so long. */
function stall(cluster: Cluster, id: NodeId, ms: number): void {
  const host = cluster.host(id);
  if (host !== undefined) host.stalledUntil = cluster.timeline.now + ms;
}

function proposeAt(cluster: Cluster, id: NodeId): void {
  const host = cluster.host(id);
  if (host !== undefined) cluster.propose(host);
}

describe('a leader whose disk stalls', () => {
  test('commits meanwhile with the disks of the others', () => {
    const cluster = start();
    stall(cluster, 'a', 10_000);
    proposeAt(cluster, 'a');
    cluster.timeline.run(1020);
    expect(statusOf(cluster, 'a')).toMatchObject({ role: 'leader', commitIndex: 2 });
    expect(cluster.violations).toEqual([]);
  });

  test('hands over when its driver says so, says that it is stalled, and does not come back', () => {
    const cluster = start();
    stall(cluster, 'a', 10_000);
    proposeAt(cluster, 'a');
    // The driver calls it stalled after 250 ms; the successor needs a few round trips.
    cluster.timeline.run(1270);
    expect(statusOf(cluster, 'a')).toMatchObject({ role: 'follower', diskStalled: true });
    const [leader = 'a'] = ['b', 'c'].filter((id) => statusOf(cluster, id).role === 'leader');
    expect(statusOf(cluster, leader).term).toBe(2);
    proposeAt(cluster, leader);
    cluster.timeline.run(1300);
    expect(statusOf(cluster, leader).commitIndex).toBe(4);
    cluster.timeline.run(9000);
    expect(statusOf(cluster, 'a')).toMatchObject({ leader, term: 2, diskStalled: true });
    expect(cluster.violations).toEqual([]);
  });

  test('is a sound follower again when its disk comes back', () => {
    const cluster = start();
    stall(cluster, 'a', 3000);
    proposeAt(cluster, 'a');
    cluster.timeline.run(5000);
    const { leader } = statusOf(cluster, 'a');
    expect(leader).not.toBe('a');
    expect(statusOf(cluster, 'a')).toMatchObject({ diskStalled: false, term: 2 });
    expect(cluster.host('a')?.applied.index).toBe(cluster.highestCommitted);
  });

  test('stays silent when nobody can follow it: no candidate, and no higher term', () => {
    const cluster = start();
    for (const id of ['a', 'b', 'c']) stall(cluster, id, 4000);
    proposeAt(cluster, 'a');
    cluster.timeline.run(4900);
    for (const id of ['a', 'b', 'c']) {
      expect(statusOf(cluster, id)).toMatchObject({ role: 'follower', term: 1, diskStalled: true });
    }
    cluster.timeline.run(6500);
    const [leader = ''] = ['a', 'b', 'c'].filter((id) => statusOf(cluster, id).role === 'leader');
    proposeAt(cluster, leader);
    cluster.timeline.run(6600);
    expect(cluster.highestCommitted).toBeGreaterThan(1);
    expect(cluster.violations).toEqual([]);
  });
});

describe('a follower whose disk stalls', () => {
  test('says so, is heard, and does not campaign when its leader dies', () => {
    const cluster = start();
    stall(cluster, 'c', 3000);
    proposeAt(cluster, 'a');
    cluster.timeline.run(2000);
    expect(statusOf(cluster, 'c')).toMatchObject({ diskStalled: true, leader: 'a', lastIndex: 2 });
    const contact = statusOf(cluster, 'a').followers.find(({ node }) => node === 'c')?.contactMs;
    expect(contact).toBeGreaterThan(cluster.host('a')?.localOf(1900) ?? 0);
    cluster.host('a')?.crash();
    cluster.timeline.run(3900);
    expect(statusOf(cluster, 'c').role).toBe('follower');
    // Its vote cannot become durable, so it is not cast: there is no majority yet.
    expect(statusOf(cluster, 'b').role).not.toBe('leader');
    // Then its disk is back, and one of the two leads.
    cluster.timeline.run(5500);
    expect(['b', 'c'].map((id) => statusOf(cluster, id).role).toSorted()).toEqual([
      'follower',
      'leader',
    ]);
    expect(cluster.violations).toEqual([]);
  });
});

describe('writes that queue up', () => {
  test('end together: one answer of the disk stands for all of them, and commits them all', () => {
    const bench = new Bench();
    bench.lead();
    const marks = Array.from({ length: 20 }, () => bench.propose().persist?.mark ?? 0);
    expect(new Set(marks).size).toBe(20);
    bench.ack('b', bench.status.lastIndex);
    expect(bench.status.commitIndex).toBe(1);
    const { committed } = bench.step({ kind: 'durable', mark: marks.at(-1) ?? 0 });
    expect(committed).toHaveLength(20);
    // Earlier marks that are reported late change nothing.
    expect(bench.step({ kind: 'durable', mark: marks[3] ?? 0 }).committed).toEqual([]);
  });

  test('what is proposed in one message to a follower is one write there', () => {
    const bench = new Bench({ term: 1 });
    const ready = bench.appendFrom('b', 1, {
      entries: entriesOf(Array.from({ length: 50 }, () => 1)),
    });
    expect(ready.persist?.entries).toHaveLength(50);
    expect(ready.sendAfterPersist).toHaveLength(1);
  });

  test('a late end of a write does not vouch for entries that replaced what it wrote', () => {
    const bench = new Bench({ term: 1 });
    bench.appendFrom('b', 1, { entries: entriesOf([1, 1, 1]) });
    bench.appendFrom('c', 2, { entries: [command(1, 2)] });
    bench.syncOne();
    bench.takeSent();
    bench.appendFrom('c', 2, { prevIndex: 1, prevTerm: 2 });
    expect(bench.takeOf('append-reply').map(({ matchIndex }) => matchIndex)).toEqual([]);
    bench.sync();
    expect(bench.takeOf('append-reply').at(-1)).toMatchObject({ term: 2, matchIndex: 1 });
  });
});
