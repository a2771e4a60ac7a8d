/** Leadership transfer: thesis §3.10; hashicorp/raft#581, raft-rs#144, redpanda#24404. */
import { describe, expect, test } from 'vitest';
import type { NodeId } from '../../src/lib/ids.ts';
import type { Ready } from '../../src/raft/types.ts';
import { Bench, configuration } from './bench.ts';
import { Cluster } from './simulation/cluster.ts';

const transfer = (bench: Bench, to: NodeId, timeoutMs = 100): Ready =>
  bench.step({ kind: 'transfer', to, timeoutMs });

const refusedBy = (bench: Bench, from: NodeId, term = bench.status.term): Ready =>
  bench.receive({ kind: 'transfer-refused', from, term });

describe('a leader that hands over', () => {
  test('§3.10 brings the target up to date, then tells it; proposals wait', () => {
    const bench = new Bench();
    bench.lead();
    bench.propose();
    bench.sync();
    bench.takeSent();
    transfer(bench, 'b');
    expect(bench.takeOf('timeout-now')).toEqual([]);
    expect(bench.propose('y', 9).rejected).toEqual([
      { proposalId: 9, code: 'TRANSFERRING', leader: 'a' },
    ]);
    bench.ack('b', 2);
    expect(bench.takeOf('timeout-now')).toMatchObject([{ to: 'b' }]);
  });

  test('§3.10 goes on at the bound, which a repeated request does not push out', () => {
    const bench = new Bench();
    bench.lead();
    transfer(bench, 'b');
    bench.elapse(60);
    transfer(bench, 'b');
    bench.elapse(40);
    const { transferEnded } = bench.step({ kind: 'deadline' });
    expect(transferEnded).toEqual({ to: 'b', outcome: 'timed-out' });
    expect(bench.propose()).toMatchObject({ accepted: [{ index: 2 }], transferEnded: null });
  });

  test('§3.10 wants to be called at the bound', () => {
    const bench = new Bench();
    bench.lead();
    expect(transfer(bench, 'b', 7).nextDeadlineMs).toBe(bench.now + 7);
  });

  test('asks nobody past the bound, also when an answer comes before the deadline is reported', () => {
    const bench = new Bench();
    bench.lead();
    bench.propose();
    bench.sync();
    transfer(bench, 'b');
    bench.takeSent();
    bench.elapse(100);
    expect(bench.ack('b', 2).transferEnded?.outcome).toBe('timed-out');
    expect(bench.takeOf('timeout-now')).toEqual([]);
  });

  test('repeats a request that may be lost with each heartbeat', () => {
    const bench = new Bench();
    bench.lead();
    transfer(bench, 'b', 1000);
    bench.takeSent();
    bench.deadline();
    expect(bench.takeOf('timeout-now')).toHaveLength(1);
  });

  test('goes on at once when the target refuses', () => {
    const bench = new Bench();
    bench.lead();
    transfer(bench, 'b', 1000);
    expect(refusedBy(bench, 'b').transferEnded).toEqual({ to: 'b', outcome: 'refused' });
    expect(bench.status.transferringTo).toBeNull();
    expect(bench.propose().accepted).toHaveLength(1);
  });

  test('is not moved by a refusal of another node, or of another term', () => {
    const bench = new Bench({ term: 3 });
    bench.lead();
    transfer(bench, 'b', 1000);
    expect(refusedBy(bench, 'c').transferEnded).toBeNull();
    expect(refusedBy(bench, 'b', 3).transferEnded).toBeNull();
    expect(bench.status.transferringTo).toBe('b');
  });

  test('follows the newest word: another target takes the place of the first', () => {
    const bench = new Bench();
    bench.lead();
    transfer(bench, 'b');
    expect(transfer(bench, 'c').transferEnded).toEqual({ to: 'b', outcome: 'replaced' });
    expect(bench.status.transferringTo).toBe('c');
    expect(refusedBy(bench, 'b').transferEnded).toBeNull();
  });

  test('refuses at once what is not another voter, and keeps what it was doing', () => {
    const bench = new Bench({ configuration: configuration(['a', 'b', 'c'], [], ['d']) });
    bench.lead();
    transfer(bench, 'b', 1000);
    bench.takeSent();
    for (const to of ['a', 'd', 'x']) {
      expect(transfer(bench, to).transferEnded).toEqual({ to, outcome: 'refused' });
    }
    expect(bench.takeSent()).toEqual([]);
    expect(bench.status.transferringTo).toBe('b');
  });

  test('a term that passes forgets the transfer', () => {
    const bench = new Bench();
    bench.lead();
    transfer(bench, 'b', 10_000);
    expect(bench.appendFrom('b', 2).transferEnded).toBeNull();
    bench.becomeLeader();
    expect(bench.status.transferringTo).toBeNull();
    expect(bench.propose().accepted).toHaveLength(1);
  });

  test('leaves a joint configuration only afterwards, so that the target is not behind', () => {
    const bench = new Bench();
    bench.lead();
    bench.step({ kind: 'change', proposalId: 1, target: { voters: ['a', 'b'], learners: [] } });
    transfer(bench, 'b', 1000);
    bench.sync();
    bench.ack('b', 2);
    bench.ack('c', 2);
    expect(bench.status).toMatchObject({ commitIndex: 2, lastIndex: 2 });
    refusedBy(bench, 'b');
    expect(bench.status).toMatchObject({ lastIndex: 3, configuration: { outgoing: [] } });
  });

  test('is refused by a node that does not lead', () => {
    const bench = new Bench();
    expect(transfer(bench, 'b').transferEnded).toEqual({ to: 'b', outcome: 'refused' });
  });
});

describe('a target', () => {
  function follower(options: ConstructorParameters<typeof Bench>[0] = {}): Bench {
    const bench = new Bench(options);
    bench.appendFrom('b', 1, { entries: [{ kind: 'no-op', index: 1, term: 1 }] });
    bench.sync();
    bench.takeSent();
    return bench;
  }
  const asked = (bench: Bench, from = 'b', term = 1): void => {
    bench.receive({ kind: 'timeout-now', from, term });
  };

  test('§3.10 campaigns at once, without pre-vote, and says that it was asked', () => {
    const bench = follower();
    asked(bench);
    expect(bench.status).toMatchObject({ role: 'candidate', term: 2 });
    bench.sync();
    expect(bench.takeOf('vote')).toMatchObject([{ transfer: true }, { transfer: true }]);
  });

  test('is asked only by the leader that it follows; to another it says no', () => {
    const bench = follower();
    asked(bench, 'c');
    expect(bench.takeSent()).toMatchObject([{ kind: 'transfer-refused', to: 'c', term: 1 }]);
    asked(bench, 'c', 9);
    expect(bench.takeSent()).toEqual([]);
    expect(bench.status).toMatchObject({ role: 'follower', term: 1 });
  });

  test('that is no voter says no', () => {
    const bench = follower({ configuration: configuration(['b', 'c'], [], ['a']) });
    asked(bench);
    expect(bench.takeSent()).toMatchObject([{ kind: 'transfer-refused', to: 'b' }]);
  });

  test('whose disk is stalled says no, without waiting for its disk', () => {
    const bench = follower();
    bench.appendFrom('b', 1, {
      prevIndex: 1,
      prevTerm: 1,
      entries: [{ kind: 'no-op', index: 2, term: 1 }],
    });
    bench.step({ kind: 'disk-stalled', sinceMs: bench.now });
    asked(bench);
    expect(bench.takeSent()).toMatchObject([{ kind: 'transfer-refused', to: 'b' }]);
    expect(bench.status.role).toBe('follower');
  });

  test('that has lost its leader says no', () => {
    const bench = follower();
    bench.elapse(1000);
    bench.step({ kind: 'deadline' });
    bench.takeSent();
    asked(bench);
    expect(bench.takeSent()).toMatchObject([{ kind: 'transfer-refused' }]);
    expect(bench.status.role).toBe('pre-candidate');
  });

  test('of a later term answers with it, when it is durable, and so deposes the sender', () => {
    const bench = follower();
    bench.appendFrom('c', 4);
    bench.takeSent();
    asked(bench);
    expect(bench.takeSent()).toEqual([]);
    bench.sync();
    expect(bench.takeSent()).toMatchObject([
      { kind: 'append-reply' },
      { kind: 'transfer-refused', to: 'b', term: 4 },
    ]);
    const sender = new Bench();
    sender.lead();
    refusedBy(sender, 'b', 4);
    expect(sender.status).toMatchObject({ role: 'follower', term: 4 });
  });
});

describe('a cluster', () => {
  function start(): Cluster {
    const cluster = new Cluster(1, configuration(), ['a', 'b', 'c'], 'none');
    for (const host of cluster.hosts) host.start();
    cluster.timeline.run(1000);
    expect(cluster.host('a')?.core?.status().role).toBe('leader');
    return cluster;
  }
  const statusOf = (cluster: Cluster, id: NodeId) => cluster.host(id)?.core?.status();

  test('has a new leader within a few round trips, and nobody else campaigned', () => {
    const cluster = start();
    cluster.host('a')?.step({ kind: 'transfer', to: 'c', timeoutMs: 500 });
    cluster.timeline.run(1020);
    expect(statusOf(cluster, 'c')).toMatchObject({ role: 'leader', term: 2 });
    expect(statusOf(cluster, 'a')).toMatchObject({ role: 'follower', leader: 'c' });
    expect(cluster.violations).toEqual([]);
  });

  test('goes on under the old leader, in its term, when the target is cut off', () => {
    const cluster = start();
    for (const peer of ['a', 'b']) {
      cluster.network.cut(peer, 'c');
      cluster.network.cut('c', peer);
    }
    cluster.host('a')?.step({ kind: 'transfer', to: 'c', timeoutMs: 200 });
    cluster.timeline.run(1210);
    cluster.propose(cluster.hosts[0] ?? cluster.pick(cluster.hosts));
    cluster.timeline.run(1230);
    expect(statusOf(cluster, 'a')).toMatchObject({ role: 'leader', term: 1, commitIndex: 2 });
  });
});
