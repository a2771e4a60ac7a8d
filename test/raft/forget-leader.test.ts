/**
 * Proof that the leader's process is gone: followers need not wait out their timeouts (DESIGN §4;
 * cockroach#104042). Only liveness rests on it: whoever is wrong goes through PreVote like anybody else.
 */
import { afterEach, describe, expect, test } from 'vitest';
import type { NodeId } from '../../src/lib/ids.ts';
import type { RaftStatus } from '../../src/raft/types.ts';
import { Bench, configuration } from './bench.ts';
import { Cluster } from './simulation/cluster.ts';

describe('one node', () => {
  const follower = (raft: { id: string; rank: number }): Bench => {
    const bench = new Bench({ raft });
    bench.appendFrom(raft.id === 'a' ? 'b' : 'a', 1);
    bench.sync();
    bench.takeSent();
    return bench;
  };

  test('the first of the others campaigns at once, through pre-vote', () => {
    const bench = follower({ id: 'b', rank: 1 });
    bench.step({ kind: 'forget-leader' });
    expect(bench.status).toMatchObject({ role: 'pre-candidate', leader: null, term: 1 });
    expect(bench.takeOf('pre-vote')).toHaveLength(2);
  });

  test('the second waits for one gap, so that the two do not split the vote', () => {
    const bench = follower({ id: 'c', rank: 2 });
    const { nextDeadlineMs } = bench.step({ kind: 'forget-leader' });
    expect(bench.status).toMatchObject({ role: 'follower', leader: null });
    expect(nextDeadlineMs).toBe(bench.now + 20);
    bench.receive({
      kind: 'pre-vote',
      from: 'b',
      term: 2,
      lastIndex: 0,
      lastTerm: 0,
      transfer: false,
    });
    expect(bench.takeSent()).toMatchObject([{ kind: 'pre-vote-reply', granted: true }]);
  });

  test('a leader, and a node that knows no leader, have nothing to forget', () => {
    const bench = new Bench();
    bench.step({ kind: 'forget-leader' });
    expect(bench.status.role).toBe('follower');
    bench.lead();
    bench.step({ kind: 'forget-leader' });
    expect(bench.status.role).toBe('leader');
  });

  test('that is no voter forgets too, but does not campaign', () => {
    const bench = new Bench({ configuration: configuration(['b', 'c'], [], ['a']) });
    bench.appendFrom('b', 1);
    bench.sync();
    bench.takeSent();
    bench.step({ kind: 'forget-leader' });
    expect(bench.status).toMatchObject({ role: 'follower', leader: null });
    expect(bench.takeSent()).toEqual([]);
  });

  test('whose disk is stalled does not campaign', () => {
    const bench = follower({ id: 'b', rank: 1 });
    bench.appendFrom('a', 1, { entries: [{ kind: 'no-op', index: 1, term: 1 }] });
    bench.step({ kind: 'disk-stalled', sinceMs: bench.now });
    bench.takeSent();
    bench.step({ kind: 'forget-leader' });
    expect(bench.takeSent()).toEqual([]);
  });
});

describe('a cluster', () => {
  let cluster: Cluster;

  afterEach(() => expect(cluster.violations).toEqual([]));

  function start(nodes: readonly NodeId[]): void {
    cluster = new Cluster(1, configuration(nodes), nodes, 'none');
    for (const host of cluster.hosts) host.start();
    cluster.timeline.run(1000);
    expect(leaders()).toEqual(['a']);
  }
  const run = (ms: number): boolean => cluster.timeline.run(cluster.timeline.now + ms);
  const forget = (...ids: readonly NodeId[]): void => {
    for (const id of ids) cluster.host(id)?.step({ kind: 'forget-leader' });
  };
  const statusOf = (id: NodeId): RaftStatus | undefined => cluster.host(id)?.core?.status();
  const leaders = (): readonly NodeId[] =>
    cluster.hosts.map(({ id }) => id).filter((id) => statusOf(id)?.role === 'leader');
  const proposeAt = (id: NodeId): void => {
    const host = cluster.host(id);
    if (host !== undefined) cluster.propose(host);
  };

  test('elects within a few round trips when all have proof', () => {
    start(['a', 'b', 'c', 'd', 'e']);
    cluster.host('a')?.crash();
    run(2);
    forget('b', 'c', 'd', 'e');
    run(20);
    expect(leaders()).toEqual(['b']);
  });

  test('elects when the proof comes to one of them after it was asked', () => {
    start(['a', 'b', 'c']);
    cluster.host('a')?.crash();
    forget('b');
    run(15);
    expect(leaders()).toEqual([]);
    forget('c');
    // One gap, and a few round trips: well below the timeout of 200 ms.
    run(50);
    expect(leaders()).toEqual(['c']);
  });

  test('elects whoever has proof once the others have heard nothing for a timeout', () => {
    start(['a', 'b', 'c']);
    cluster.host('a')?.crash();
    // The last heartbeat came more than 15 ms before the crash; nobody's own timeout is over yet.
    run(185);
    expect(leaders()).toEqual([]);
    expect(statusOf('c')).toMatchObject({ role: 'follower', leader: 'a' });
    forget('b');
    run(10);
    expect(leaders()).toEqual(['b']);
  });

  test('elects the one whose log is longest, although another one asks first', () => {
    start(['a', 'b', 'c']);
    cluster.network.cut('a', 'b');
    proposeAt('a');
    run(20);
    cluster.host('a')?.crash();
    forget('b', 'c');
    run(60);
    expect(leaders()).toEqual(['c']);
    expect(statusOf('c')?.commitIndex).toBe(3);
  });

  test('is not disturbed by one that is wrong, however often it says so', () => {
    start(['a', 'b', 'c']);
    for (let i = 0; i < 100; i += 1) {
      forget('b');
      run(7);
      if (i % 10 === 0) proposeAt('a');
      expect(statusOf('a')).toMatchObject({ role: 'leader', term: 1 });
    }
    run(60);
    expect(statusOf('b')).toMatchObject({ role: 'follower', leader: 'a', term: 1 });
    expect(cluster.highestCommitted).toBe(11);
  });

  test('is not disturbed by one that is wrong because it alone is cut off', () => {
    start(['a', 'b', 'c']);
    for (const peer of ['a', 'c']) {
      cluster.network.cut(peer, 'b');
      cluster.network.cut('b', peer);
    }
    forget('b');
    run(3000);
    cluster.network.mendAll();
    run(300);
    expect(leaders()).toEqual(['a']);
    expect(statusOf('b')).toMatchObject({ leader: 'a', term: 1 });
  });

  test('that is wrong as a whole changes its leader once, and loses nothing', () => {
    start(['a', 'b', 'c']);
    proposeAt('a');
    run(10);
    forget('b', 'c');
    run(100);
    expect(leaders()).toEqual(['b']);
    expect(statusOf('a')).toMatchObject({ role: 'follower', leader: 'b', term: 2, commitIndex: 3 });
  });
});
