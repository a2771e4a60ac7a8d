/** Reads that must not be stale, and handing over without standing still. */
import { describe, expect, test } from 'vitest';
import { LeaseLedger } from '../../../src/failover/lease-ledger.ts';
import { OwnerLease } from '../../../src/membership/owner-lease.ts';
import { Reads } from '../../../src/node/reads.ts';
import { Bench, configuration } from '../../raft/bench.ts';
import { commits, led } from './a-cluster.ts';

/** Deadline after deadline, in silence. */
function untilItSteppedDown(bench: Bench): void {
  for (let i = 0; i < 50 && bench.status.role === 'leader'; i += 1) bench.deadline();
  expect(bench.status.role).toBe('follower');
}

describe('pitfall 33: a leader that has not committed in its term does not know what is committed', () => {
  test('pitfall 33: it confirms no read before, and then with that index (etcd#7331, etcd#14258)', () => {
    const bench = new Bench({ terms: [1, 1], commitIndex: 1 });
    bench.becomeLeader();
    bench.step({ kind: 'read', readId: 1 });
    const echo = { kind: 'append-reply', term: 2, matchIndex: 2, conflict: null } as const;
    // Nor when a heartbeat asks after the read came, and everybody answers.
    bench.deadline();
    for (const readId of [1, 2]) {
      for (const from of ['b', 'c']) {
        expect(bench.receive({ ...echo, from, readId }).reads).toEqual([]);
      }
    }
    bench.sync();
    expect(bench.ack('b', 3, 2).reads).toEqual([]);
    expect(bench.ack('b', 3, 3).reads).toMatchObject([{ readId: 1, index: 3 }]);
  });

  test('pitfall 33: a successor that lags sees everything that was committed before the read (etcd#7331)', () => {
    const cluster = led();
    cluster.tamper = (message) =>
      // The followers have the entries and never hear that they are committed.
      message.kind === 'append' ? { ...message, commitIndex: 0 } : message;
    for (let i = 0; i < 5; i += 1) expect(commits(cluster)).toBe(true);
    cluster.crash('a');
    cluster.wire.length = 0;
    cluster.tamper = (message) => message;
    cluster.now += 1_000;
    cluster.deadline('b');
    for (let i = 0; i < 200 && cluster.leader !== 'b'; i += 1) {
      if (cluster.wire.length > 0) cluster.deliver();
      for (const id of ['b', 'c']) if (cluster.leader !== 'b') cluster.sync(id);
    }
    expect(cluster.leader).toBe('b');
    expect(cluster.status('b').commitIndex).toBeLessThan(cluster.committed);
    const read = cluster.read('b');
    expect(cluster.confirmed).not.toContain(read);
    // The cluster itself compares what a read sees with what was committed when it was asked.
    cluster.run(100);
    expect(cluster.confirmed).toContain(read);
  });
});

describe('pitfall 34: only an answer to a question that was put after the read counts', () => {
  test('pitfall 34: late echoes of earlier rounds confirm nothing (etcd#20418, etcd-io/raft#397)', () => {
    const bench = new Bench();
    bench.lead();
    for (let round = 2; round <= 5; round += 1) bench.deadline();
    bench.step({ kind: 'read', readId: 7 });
    for (const from of ['b', 'c']) {
      for (let round = 1; round <= 5; round += 1) {
        expect(bench.ack(from, 1, round).reads).toEqual([]);
      }
    }
    expect(bench.ack('c', 1, 6).reads).toMatchObject([{ readId: 7 }]);
  });

  test('pitfall 34: a paused leader that wakes with echoes in its queue confirms no read (etcd#20418)', () => {
    const cluster = led();
    cluster.node('a').frozen = true;
    cluster.run(1_500);
    expect(cluster.leaders).toHaveLength(2);
    for (let i = 0; i < 3; i += 1) {
      cluster.propose('b');
      cluster.run(20);
    }
    cluster.node('a').frozen = false;
    const read = cluster.read('a');
    cluster.run(1_000);
    expect(cluster.confirmed).not.toContain(read);
  });

  test('pitfall 34: each attempt of a read has an id of its own (etcd#21399)', () => {
    const asked: number[] = [];
    const reads = new Reads({
      self: 'a',
      incarnation: 1,
      retryMs: 100,
      leader: () => 'b',
      appliedIndex: () => 0,
      readLocally: () => undefined,
      send: (message) => {
        if (message.kind === 'read') asked.push(message.requestId);
      },
      now: () => 0,
    });
    for (let i = 0; i < 3; i += 1) reads.begin(Infinity, () => undefined);
    for (let now = 0; now < 2_000; now += 100) reads.flush(now);
    expect(asked).toHaveLength(60);
    expect(new Set(asked).size).toBe(60);
  });
});

describe('pitfall 35: no read, and no ownership, rests on a clock that somebody else must share', () => {
  test('pitfall 35: a leader that heard everybody a moment ago asks all the same (tikv#964, no lease reads)', () => {
    const bench = new Bench();
    bench.lead();
    bench.deadline();
    for (const from of ['b', 'c']) bench.ack(from, 1, 2);
    const ready = bench.step({ kind: 'read', readId: 1 });
    expect(ready.reads).toEqual([]);
    expect(ready.sendNow.filter(({ kind }) => kind === 'append')).toHaveLength(2);
    bench.elapse(1);
    expect(bench.ack('b', 1, 3).reads).toHaveLength(1);
  });

  test('pitfall 35: a leader steps down at the moment, not at the next check (sofa-jraft#34)', () => {
    const bench = new Bench();
    bench.lead();
    const since = bench.now;
    untilItSteppedDown(bench);
    expect(bench.now - since).toBe(bench.options.checkQuorumMs);
  });

  test('pitfall 35: contact counts from when the question left, not from when the echo came (sofa-jraft#34)', () => {
    const bench = new Bench();
    bench.lead();
    bench.deadline();
    const asked = bench.now;
    bench.elapse(40);
    bench.ack('b', 1, 2);
    untilItSteppedDown(bench);
    expect(bench.now).toBe(asked + bench.options.checkQuorumMs);
  });

  test('pitfall 35: an owner counts its lease from asking, the leader from a later moment, longer (tikv#964)', () => {
    const times = { leaseMs: 400, leaseRenewMs: 100, teardownMs: 50, quorumLossGraceMs: 1_000 };
    const lease = new OwnerLease('web', 1, times, 0);
    lease.step({ kind: 'begin' }, 1_000);
    const { effects } = lease.step({ kind: 'granted', requestId: 1 }, 1_300);
    const arm = effects.find(({ kind }) => kind === 'arm');
    expect(arm).toMatchObject({ serveUntilMs: 1_350, downByMs: 1_400 });
    lease.step({ kind: 'armed', requestId: 1 }, 1_301);
    expect([lease.valid(1_349), lease.valid(1_350)]).toEqual([true, false]);
    // A pause that nobody told it of: it answers by the clock, stepped or not.
    expect(lease.valid(9_000)).toBe(false);
    const ledger = new LeaseLedger({ leaseMs: 400, clockDrift: 0.01, epsilonMs: 1 });
    expect(ledger.longestLeaseMs).toBe(400 * 1.02 + 1);
  });
});

describe('pitfall 36: a transfer ends, one way or the other, and soon', () => {
  const transferring = (timeoutMs = 1_000): Bench => {
    const bench = new Bench();
    bench.lead();
    bench.step({ kind: 'transfer', to: 'b', timeoutMs });
    return bench;
  };

  test('pitfall 36: no write is taken meanwhile (hashicorp/raft#581, redpanda#2606)', () => {
    const bench = new Bench();
    bench.lead();
    bench.propose();
    bench.sync();
    bench.takeSent();
    bench.step({ kind: 'transfer', to: 'b', timeoutMs: 100 });
    expect(bench.propose('y', 9).rejected[0]?.code).toBe('TRANSFERRING');
    expect(bench.takeOf('timeout-now')).toEqual([]);
    bench.ack('b', 2);
    expect(bench.takeOf('timeout-now')).toMatchObject([{ to: 'b' }]);
  });

  test('pitfall 36: a target that will not campaign says so at once (raft-rs#144, go-dqlite#271)', () => {
    const target = new Bench({ raft: { id: 'b', rank: 1 } });
    target.appendFrom('a', 1, { entries: [{ kind: 'no-op', index: 1, term: 1 }] });
    target.sync();
    target.appendFrom('a', 1, {
      prevIndex: 1,
      prevTerm: 1,
      entries: [{ kind: 'no-op', index: 2, term: 1 }],
    });
    target.step({ kind: 'disk-stalled', sinceMs: target.now });
    target.takeSent();
    target.receive({ kind: 'timeout-now', from: 'a', term: 1 });
    const [refusal] = target.takeSent();
    expect(refusal?.kind).toBe('transfer-refused');
    const bench = transferring();
    if (refusal !== undefined) bench.step({ kind: 'message', message: refusal });
    expect(bench.status.transferringTo).toBeNull();
    expect(bench.propose().accepted).toHaveLength(1);
  });

  test('pitfall 36: a target that is dead holds writes up for the bound, and no longer (openraft#2088)', () => {
    const bench = transferring(100);
    bench.elapse(99);
    expect(bench.propose().rejected[0]?.code).toBe('TRANSFERRING');
    bench.elapse(1);
    expect(bench.propose().accepted).toHaveLength(1);
    expect(bench.status.role).toBe('leader');
  });

  test('pitfall 36: who steps down amid a transfer has forgotten it when it leads again (redpanda#24404)', () => {
    const bench = transferring(60_000);
    bench.appendFrom('c', 2);
    expect(bench.status).toMatchObject({ role: 'follower', transferringTo: null });
    bench.sync();
    bench.elapse(1_000);
    bench.becomeLeader();
    expect(bench.status.transferringTo).toBeNull();
    expect(bench.propose().accepted).toHaveLength(1);
  });

  test('pitfall 36: the whole of it costs an election without timeouts (hashicorp/raft#487)', () => {
    const cluster = led({ configuration: configuration(['a', 'b', 'c']) });
    cluster.step('a', { kind: 'transfer', to: 'c', timeoutMs: 200 });
    const since = cluster.now;
    cluster.run(100, () => cluster.leader === 'c');
    expect(cluster.leader).toBe('c');
    expect(cluster.now - since).toBeLessThan(10);
    expect(commits(cluster)).toBe(true);
  });
});
