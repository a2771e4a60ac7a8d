/** Votes: who asks, who is granted, what is counted, and what must be on the disk before. */
import { describe, expect, test } from 'vitest';
import { Bench, configuration, entriesOf } from '../../raft/bench.ts';
import { HandCluster } from '../../raft/hand-cluster.ts';
import { commits, diskWith, led } from './a-cluster.ts';

const request = { lastIndex: 9, lastTerm: 1, transfer: false } as const;

test('pitfall 4: who asks for pre-votes follows nobody, and grants others theirs (etcd#9586, etcd#10355)', () => {
  const bench = new Bench();
  bench.appendFrom('c', 1);
  bench.sync();
  bench.takeSent();
  bench.deadline();
  expect(bench.status).toMatchObject({ role: 'pre-candidate', leader: null });
  bench.receive({ kind: 'pre-vote', from: 'b', term: 4, ...request });
  expect(bench.takeOf('pre-vote-reply')).toMatchObject([{ granted: true }]);
});

test('pitfall 5: a refused pre-vote carries the higher term, and who asked takes it over (openraft#1796)', () => {
  const bench = new Bench({ configuration: configuration(['a', 'd'], ['a', 'b']) });
  bench.deadline();
  bench.receive({ kind: 'pre-vote-reply', from: 'd', term: 9, granted: false, quietMs: 0 });
  expect(bench.status).toMatchObject({ role: 'follower', term: 9 });
  const voter = new Bench({ term: 9 });
  voter.receive({
    kind: 'pre-vote',
    from: 'b',
    term: 5,
    lastIndex: 0,
    lastTerm: 0,
    transfer: false,
  });
  expect(voter.takeOf('pre-vote-reply')).toMatchObject([{ granted: false, term: 9 }]);
});

describe('pitfall 8: the leader is heard, whatever becomes of what it sent (redpanda#30817)', () => {
  const quiet = (): Bench => {
    const bench = new Bench({ terms: [1], term: 3 });
    bench.elapse(199);
    return bench;
  };

  test('pitfall 8: a refused append puts the election off (redpanda#30817)', () => {
    const bench = quiet();
    const { nextDeadlineMs } = bench.appendFrom('b', 3, { prevIndex: 9, prevTerm: 2 });
    expect(bench.status).toMatchObject({ leader: 'b', lastIndex: 1 });
    expect(nextDeadlineMs).toBeGreaterThanOrEqual(bench.now + bench.options.electionTimeoutMs);
  });

  test('pitfall 8: so does a chunk of a snapshot that is not the next one (redpanda#30817)', () => {
    const bench = quiet();
    const meta = { index: 9, term: 2, configuration: configuration() };
    const chunk = Uint8Array.of(1);
    const { nextDeadlineMs } = bench.receive({
      ...{ kind: 'snapshot', from: 'b', term: 3, meta, offset: 7, last: false, chunk, readId: 1 },
    });
    expect(nextDeadlineMs).toBeGreaterThanOrEqual(bench.now + bench.options.electionTimeoutMs);
  });

  test('pitfall 8: control: what is no word of a leader does not (redpanda#30817)', () => {
    const bench = quiet();
    const before = bench.nextDeadlineMs;
    const { nextDeadlineMs } = bench.receive({ kind: 'pre-vote', from: 'b', term: 4, ...request });
    expect(nextDeadlineMs).toBe(before);
    expect(bench.appendFrom('b', 2).nextDeadlineMs).toBe(before);
  });
});

test('pitfall 9: a follower grants the pre-vote of the leader that it still hears (hashicorp/raft#605)', () => {
  const bench = new Bench();
  bench.appendFrom('b', 1);
  bench.sync();
  bench.takeSent();
  for (const from of ['b', 'c']) bench.receive({ kind: 'pre-vote', from, term: 2, ...request });
  expect(bench.takeOf('pre-vote-reply').map(({ to, granted }) => [to, granted])).toEqual([
    ['b', true],
    ['c', false],
  ]);
});

test('pitfall 10: a candidate that nobody hears any more does not raise its term again (canonical/raft#196)', () => {
  const bench = new Bench({ terms: [1] });
  bench.becomeCandidate();
  bench.sync();
  expect(bench.status).toMatchObject({ role: 'candidate', term: 2 });
  for (let i = 0; i < 20; i += 1) bench.deadline();
  expect(bench.status).toMatchObject({ role: 'pre-candidate', term: 2 });
});

describe('pitfall 11: who wins the pre-vote can win the vote (ClickHouse/NuRaft#134)', () => {
  test.each([
    [0, 0],
    [2, 1],
    [9, 1],
    [2, 2],
    [3, 2],
    [1, 3],
    [9, 3],
  ])(
    'pitfall 11: at %i/%i both get the same answer (ClickHouse/NuRaft#134)',
    (lastIndex, lastTerm) => {
      const answers = (['pre-vote', 'vote'] as const).map((kind) => {
        const bench = new Bench({ terms: [1, 1, 2], term: 5 });
        bench.receive({ kind, from: 'b', term: 6, lastIndex, lastTerm, transfer: false });
        bench.sync();
        const [reply] = bench.takeSent();
        return reply?.kind === `${kind}-reply` && 'granted' in reply && reply.granted;
      });
      const upToDate = lastTerm > 2 || (lastTerm === 2 && lastIndex >= 3);
      expect(answers).toEqual([upToDate, upToDate]);
    },
  );

  test('pitfall 11: a stale node with the shortest timeout does not depose anybody (ClickHouse/NuRaft#134)', () => {
    const disks = { a: diskWith([1], {}), b: diskWith([1, 1], {}), c: diskWith([1, 1], {}) };
    const cluster = new HandCluster({ disks });
    cluster.run(3_000);
    expect(cluster.leader).toBe('b');
    expect(cluster.status('b').term).toBe(2);
  });
});

describe('pitfall 16: term and vote are durable, together, before anybody hears of them', () => {
  const ask = { kind: 'vote', lastIndex: 0, lastTerm: 0, transfer: false } as const;

  test('pitfall 16: one write carries both, and the answer waits for it (hashicorp/raft#661, NodeDB#161)', () => {
    const bench = new Bench({ term: 3 });
    const ready = bench.receive({ ...ask, from: 'b', term: 4 });
    expect(ready.persist?.hardState).toMatchObject({ term: 4, votedFor: 'b' });
    expect(bench.takeSent()).toEqual([]);
    bench.sync();
    expect(bench.takeSent()).toMatchObject([{ kind: 'vote-reply', granted: true }]);
  });

  test('pitfall 16: a voter that loses power votes once all the same (raft-java#57, robustmq#2039)', () => {
    for (const kept of [0, 1]) {
      const cluster = new HandCluster();
      const askBy = (from: string): void => {
        cluster.step('c', { kind: 'message', message: { ...ask, from, to: 'c', term: 1 } });
      };
      askBy('a');
      cluster.crash('c', kept);
      cluster.restart('c');
      askBy('b');
      cluster.sync('c');
      const granted = cluster.sent.filter((one) => one.kind === 'vote-reply' && one.granted);
      expect(granted.map(({ to }) => to)).toEqual(kept === 0 ? ['b'] : []);
    }
  });

  test('pitfall 16: all restart at once in the middle of an election, and one leads (PySyncObj#202)', () => {
    for (let kept = 0; kept < 3; kept += 1) {
      const cluster = led();
      expect(commits(cluster)).toBe(true);
      cluster.deadline('b');
      for (let left = cluster.wire.length; left > 0; left -= 1) cluster.deliver();
      for (const id of cluster.nodes.keys()) cluster.crash(id, kept);
      for (const id of cluster.nodes.keys()) cluster.restart(id);
      cluster.run(2_000);
      expect(cluster.leaders).toHaveLength(1);
      expect(commits(cluster)).toBe(true);
    }
  });

  test('pitfall 16: control: a vote forgotten over a restart is given twice, and seen (PySyncObj#202)', () => {
    const cluster = new HandCluster({ sabotage: 'vote-forgotten-at-restart' });
    const askBy = (from: string): void => {
      cluster.step('c', { kind: 'message', message: { ...ask, from, to: 'c', term: 1 } });
      cluster.sync('c');
    };
    askBy('a');
    cluster.crash('c');
    cluster.restart('c');
    expect(() => askBy('b')).toThrow(/OneVotePerTerm/);
  });
});

describe('pitfall 17: who steps down in a term keeps the vote that it gave in it', () => {
  const refuses = (bench: Bench): void => {
    const { term } = bench.status;
    bench.receive({ kind: 'vote', from: 'c', term, lastIndex: 99, lastTerm: 5, transfer: false });
    bench.sync();
    expect(bench.takeOf('vote-reply').at(-1)).toMatchObject({ to: 'c', granted: false });
    expect(bench.status.votedFor).toBe('a');
  };

  test('pitfall 17: a candidate that finds a leader of its term (octo-im#42)', () => {
    const bench = new Bench({ term: 5 });
    bench.becomeCandidate();
    bench.sync();
    bench.appendFrom('b', 6);
    expect(bench.status).toMatchObject({ role: 'follower', votedFor: 'a', leader: 'b' });
    refuses(bench);
  });

  test('pitfall 17: a candidate that asks for pre-votes again, and is refused them (CCF#8094)', () => {
    const bench = new Bench({ term: 5 });
    bench.becomeCandidate();
    bench.sync();
    bench.deadline();
    for (const from of ['b', 'c']) {
      bench.receive({ kind: 'pre-vote-reply', from, term: 6, granted: false, quietMs: 0 });
    }
    expect(bench.status).toMatchObject({ role: 'follower', term: 6, leader: null });
    refuses(bench);
  });

  test('pitfall 17: a leader without a quorum, and one with a stalled disk (CCF#8094)', () => {
    for (const end of ['silence', 'disk'] as const) {
      const bench = new Bench({ term: 5 });
      bench.lead();
      if (end === 'silence') {
        bench.elapse(bench.options.checkQuorumMs + 100);
        bench.step({ kind: 'deadline' });
      } else {
        bench.propose();
        bench.step({ kind: 'disk-stalled', sinceMs: bench.now });
      }
      expect(bench.status).toMatchObject({ role: 'follower', term: 6, leader: null });
      refuses(bench);
    }
  });

  test('pitfall 17: control: in the next term it votes again (CCF#8094)', () => {
    const bench = new Bench({ term: 5, votedFor: 'a' });
    const ask = { kind: 'vote', from: 'c', lastIndex: 99, lastTerm: 5, transfer: false } as const;
    bench.receive({ ...ask, term: 6 });
    expect(bench.status.votedFor).toBe('c');
  });
});

test('pitfall 18: a leader that meets a higher term votes by its log (databend#16175, openraft#1220)', () => {
  const bench = new Bench({ terms: [1, 1, 1] });
  bench.lead();
  const ask = { kind: 'vote', term: 7, transfer: true } as const;
  bench.receive({ ...ask, from: 'b', lastIndex: 2, lastTerm: 1 });
  bench.sync();
  expect(bench.status).toMatchObject({ role: 'follower', term: 7, votedFor: null });
  expect(bench.takeOf('vote-reply')).toMatchObject([{ to: 'b', granted: false }]);
  bench.receive({ ...ask, from: 'c', lastIndex: 4, lastTerm: 2 });
  bench.sync();
  expect(bench.takeOf('vote-reply')).toMatchObject([{ to: 'c', granted: true }]);
});

describe('pitfall 19: the answer of one voter counts once, however often it comes', () => {
  test.each(['pre-vote-reply', 'vote-reply'] as const)(
    'pitfall 19: a repeated %s wins nothing (coyote-samples#8, butane-oracles#18)',
    (kind) => {
      const bench = new Bench({ configuration: configuration(['a', 'b', 'c', 'd', 'e']) });
      if (kind === 'pre-vote-reply') bench.deadline();
      else bench.becomeCandidate(['b', 'c']);
      bench.sync();
      const { role } = bench.status;
      const reply = { kind, term: 1, granted: true, quietMs: 0 } as const;
      for (let i = 0; i < 5; i += 1) bench.receive({ ...reply, from: 'b' });
      expect(bench.status.role).toBe(role);
      bench.receive({ ...reply, from: 'c' });
      expect(bench.status.role).not.toBe(role);
    },
  );
});

describe('pitfall 20: entries of an earlier term are committed by one of the present term only', () => {
  test('pitfall 20: figure 8 of the paper: what a majority holds of an old term may still go (LogCabin#44)', () => {
    const disks = {
      a: diskWith([1, 2], { term: 3 }),
      b: diskWith([1, 2], { term: 2 }),
      c: diskWith([1], { term: 3 }),
      d: diskWith([1], { term: 3 }),
      e: diskWith([1, 3], { term: 3 }),
    };
    const cluster = new HandCluster({ nodes: [...'abcde'], disks });
    cluster.crash('e');
    // Entry 2 of term 2 reaches c, the no-op of the new term nobody: figure 8 (c).
    cluster.tamper = (message) => {
      if (message.kind !== 'append') return message;
      const entries = message.entries.filter(({ term }) => term < 4);
      return { ...message, entries };
    };
    cluster.deadline('a');
    cluster.settle();
    const refused = { kind: 'append-reply', to: 'a', term: 4, matchIndex: 1, readId: 0 } as const;
    cluster.wire.push({ ...refused, from: 'c', conflict: { index: 1, term: 1 } });
    cluster.settle();
    expect(cluster.leader).toBe('a');
    const held = ['a', 'b', 'c'].map((id) => cluster.node(id).core?.termAt(2));
    expect(held).toEqual([2, 2, 2]);
    expect(cluster.committed).toBe(0);
    // Figure 8 (d): e wins with its entry of term 3, and that one is committed instead.
    cluster.tamper = (message) => message;
    cluster.crash('a');
    cluster.restart('e');
    cluster.wire.length = 0;
    cluster.now += 1_000;
    cluster.deadline('e');
    cluster.settle();
    cluster.deadline('e');
    cluster.settle();
    expect(cluster.leader).toBe('e');
    expect(commits(cluster)).toBe(true);
    expect(cluster.checker.committedAt(2)?.term).toBe(3);
  });

  test('pitfall 20: only the acknowledgement of the no-op commits what is older (LogCabin#44)', () => {
    const bench = new Bench({ entries: entriesOf([1, 2]), term: 3 });
    bench.becomeLeader();
    bench.sync();
    for (const from of ['b', 'c']) bench.ack(from, 2);
    expect(bench.status.commitIndex).toBe(0);
    bench.ack('b', 3);
    expect(bench.status.commitIndex).toBe(3);
  });
});
