/** Elections: Raft §5.2, §5.4.1, §6; thesis §9.6. */
import { describe, expect, test } from 'vitest';
import { Bench, command, configuration, entriesOf } from './bench.ts';

describe('campaigning', () => {
  test('§5.2 a follower that hears nothing asks for pre-votes and keeps its term', () => {
    const bench = new Bench({ terms: [1, 2], term: 3 });
    bench.elapse(199);
    bench.step({ kind: 'deadline' });
    expect(bench.status.role).toBe('follower');
    bench.elapse(21);
    const { sendNow, persist } = bench.step({ kind: 'deadline' });
    expect(bench.status).toMatchObject({ role: 'pre-candidate', term: 3 });
    expect(persist).toBeNull();
    expect(sendNow.map(({ to }) => to)).toEqual(['b', 'c']);
    expect(sendNow[0]).toMatchObject({ kind: 'pre-vote', term: 4, lastIndex: 2, lastTerm: 2 });
  });

  test('§5.2 the rank spaces the timeouts by the gap', () => {
    for (const rank of [0, 1, 2]) {
      const bench = new Bench({ raft: { rank } });
      const { nextDeadlineMs } = bench.step({ kind: 'deadline' });
      expect(nextDeadlineMs).toBeGreaterThanOrEqual(1000 + 200 + rank * 20);
      expect(nextDeadlineMs).toBeLessThan(1000 + 200 + (rank + 1) * 20);
    }
  });

  test('a majority of pre-votes makes a candidate, whose request waits for its own vote on disk', () => {
    const bench = new Bench({ terms: [1] });
    const ready = bench.becomeCandidate(['b']);
    expect(ready.persist?.hardState).toMatchObject({ term: 2, votedFor: 'a' });
    expect(ready.sendNow).toEqual([]);
    expect(ready.sendAfterPersist.map(({ kind, to, term }) => [kind, to, term])).toEqual([
      ['vote', 'b', 2],
      ['vote', 'c', 2],
    ]);
  });

  test('the own vote counts only when it is durable', () => {
    const bench = new Bench();
    bench.becomeCandidate(['b']);
    bench.receive({ kind: 'vote-reply', from: 'b', term: 1, granted: true, quietMs: 0 });
    expect(bench.status.role).toBe('candidate');
    bench.sync();
    expect(bench.status.role).toBe('leader');
  });

  test('a repeated vote of one voter counts once', () => {
    const bench = new Bench({ configuration: configuration(['a', 'b', 'c', 'd', 'e']) });
    bench.becomeCandidate(['b', 'c']);
    bench.sync();
    for (let i = 0; i < 3; i += 1) {
      bench.receive({ kind: 'vote-reply', from: 'b', term: 1, granted: true, quietMs: 0 });
    }
    expect(bench.status.role).toBe('candidate');
  });

  test('votes of learners, strangers and other terms do not count', () => {
    const bench = new Bench({
      terms: [1],
      configuration: configuration(['a', 'b', 'c'], [], ['d']),
    });
    bench.becomeCandidate(['b', 'c']);
    bench.sync();
    bench.receive({ kind: 'vote-reply', from: 'd', term: 2, granted: true, quietMs: 0 });
    bench.receive({ kind: 'vote-reply', from: 'x', term: 2, granted: true, quietMs: 0 });
    bench.receive({ kind: 'vote-reply', from: 'b', term: 1, granted: true, quietMs: 0 });
    expect(bench.status.role).toBe('candidate');
  });

  test('a candidate whose election stays open asks for pre-votes again, in the same term', () => {
    const bench = new Bench();
    bench.becomeCandidate(['b']);
    bench.sync();
    bench.deadline();
    expect(bench.status).toMatchObject({ role: 'pre-candidate', term: 1, votedFor: 'a' });
  });

  test('a candidate whose vote is not on its disk yet starts no other election', () => {
    const bench = new Bench();
    bench.becomeCandidate(['b']);
    const { sendNow, persist } = bench.deadline();
    expect(bench.status).toMatchObject({ role: 'candidate', term: 1 });
    expect([sendNow, persist]).toEqual([[], null]);
    bench.sync();
    bench.receive({ kind: 'vote-reply', from: 'b', term: 1, granted: true, quietMs: 0 });
    expect(bench.status.role).toBe('leader');
  });

  test('a pre-candidate that a majority refuses is a follower again', () => {
    const bench = new Bench({ terms: [1] });
    bench.deadline();
    for (const from of ['b', 'c']) {
      bench.receive({ kind: 'pre-vote-reply', from, term: 1, granted: false, quietMs: 0 });
    }
    expect(bench.status).toMatchObject({ role: 'follower', term: 1 });
  });

  test('a refused pre-vote carries the higher term, and the requester adopts it', () => {
    const bench = new Bench({ terms: [1] });
    bench.deadline();
    bench.receive({ kind: 'pre-vote-reply', from: 'b', term: 7, granted: false, quietMs: 0 });
    expect(bench.status).toMatchObject({ role: 'follower', term: 7 });
    bench.sync();
    bench.takeSent();
    bench.deadline();
    expect(bench.takeOf('pre-vote')[0]).toMatchObject({ term: 8 });
  });

  test('a pre-vote that was granted for an earlier campaign does not count in the next', () => {
    const bench = new Bench({ terms: [1] });
    bench.deadline();
    bench.receive({ kind: 'pre-vote-reply', from: 'c', term: 7, granted: false, quietMs: 0 });
    bench.sync();
    bench.deadline();
    bench.receive({ kind: 'pre-vote-reply', from: 'b', term: 2, granted: true, quietMs: 0 });
    expect(bench.status).toMatchObject({ role: 'pre-candidate', term: 7 });
  });

  test('a node that is no voter never campaigns', () => {
    for (const voters of [configuration(['b', 'c']), configuration(['b', 'c'], [], ['a'])]) {
      const bench = new Bench({ configuration: voters });
      for (let i = 0; i < 5; i += 1) bench.deadline();
      expect(bench.status).toMatchObject({ role: 'follower', term: 0 });
      expect(bench.takeSent()).toEqual([]);
    }
  });

  test('a node whose disk is stalled does not campaign until a write comes back', () => {
    const bench = new Bench();
    bench.appendFrom('b', 1, { entries: entriesOf([1]) });
    bench.step({ kind: 'disk-stalled', sinceMs: 0 });
    bench.deadline();
    expect(bench.status.role).toBe('follower');
    bench.sync();
    bench.deadline();
    expect(bench.status.role).toBe('pre-candidate');
  });

  test('a voter whose disk is stalled grants no pre-vote until a write comes back', () => {
    const bench = new Bench();
    bench.appendFrom('b', 1, { entries: entriesOf([1]) });
    bench.step({ kind: 'disk-stalled', sinceMs: 0 });
    bench.elapse(1000);
    const ask = (): unknown => {
      bench.takeSent();
      const place = { lastIndex: 1, lastTerm: 1, transfer: false };
      bench.receive({ kind: 'pre-vote', from: 'c', term: 2, ...place });
      return bench.takeSent()[0];
    };
    expect(ask()).toMatchObject({ kind: 'pre-vote-reply', granted: false });
    bench.sync();
    expect(ask()).toMatchObject({ kind: 'pre-vote-reply', granted: true });
  });

  test('a single voter elects itself and commits, one sync for each', () => {
    const bench = new Bench({ configuration: configuration(['a']) });
    bench.deadline();
    expect(bench.status.role).toBe('candidate');
    bench.syncOne();
    expect(bench.status.role).toBe('leader');
    bench.syncOne();
    expect(bench.status.commitIndex).toBe(1);
  });

  test('§6 joint: both halves must grant', () => {
    const bench = new Bench({ configuration: configuration(['a', 'b', 'c'], ['c', 'd', 'e']) });
    bench.elapse(1000);
    bench.step({ kind: 'deadline' });
    const grant = (from: string): void => {
      bench.receive({ kind: 'pre-vote-reply', from, term: 1, granted: true, quietMs: 0 });
    };
    grant('b');
    grant('d');
    expect(bench.status.role).toBe('pre-candidate');
    grant('e');
    expect(bench.status.role).toBe('candidate');
  });
});

describe('voting', () => {
  const request = { kind: 'vote', from: 'b', transfer: false } as const;

  test('§5.2 the reply leaves after term and vote are durable', () => {
    const bench = new Bench();
    const ready = bench.receive({ ...request, term: 1, lastIndex: 0, lastTerm: 0 });
    expect(ready.sendNow).toEqual([]);
    expect(ready.persist?.hardState).toMatchObject({ term: 1, votedFor: 'b' });
    expect(ready.sendAfterPersist[0]).toMatchObject({ kind: 'vote-reply', granted: true, term: 1 });
  });

  test('§5.2 one vote in a term, also after a restart; the same candidate is told again', () => {
    const bench = new Bench({ term: 4, votedFor: 'b' });
    bench.receive({ ...request, from: 'c', term: 4, lastIndex: 9, lastTerm: 3 });
    bench.receive({ ...request, from: 'b', term: 4, lastIndex: 9, lastTerm: 3 });
    expect(bench.takeOf('vote-reply').map(({ to, granted }) => [to, granted])).toEqual([
      ['c', false],
      ['b', true],
    ]);
  });

  test('§5.2 a vote in a term that is known already is written before the reply leaves', () => {
    const bench = new Bench({ term: 4 });
    const ready = bench.receive({ ...request, term: 4, lastIndex: 0, lastTerm: 0 });
    expect(ready.persist?.hardState).toMatchObject({ term: 4, votedFor: 'b' });
    expect(ready.sendNow).toEqual([]);
  });

  const ours = [1, 1, 2];
  for (const [lastIndex, lastTerm, granted] of [
    [3, 2, true],
    [4, 2, true],
    [1, 3, true],
    [2, 2, false],
    [9, 1, false],
    [0, 0, false],
  ] as const) {
    const words = `§5.4.1 log 1,1,2 against a candidate at ${lastIndex}/${lastTerm}: ${granted}`;
    test(`${words} for the vote and the pre-vote alike`, () => {
      for (const kind of ['vote', 'pre-vote'] as const) {
        const bench = new Bench({ terms: ours, term: 5 });
        bench.receive({ ...request, kind, term: 6, lastIndex, lastTerm });
        bench.sync();
        expect(bench.takeSent().at(-1)).toMatchObject({ kind: `${kind}-reply`, granted });
      }
    });
  }

  test('a granted reply carries the term of the request, a refusal the own one', () => {
    const bench = new Bench({ terms: [1, 1], term: 5 });
    bench.receive({ ...request, kind: 'pre-vote', term: 9, lastIndex: 2, lastTerm: 1 });
    bench.receive({ ...request, kind: 'pre-vote', term: 9, lastIndex: 1, lastTerm: 1 });
    bench.receive({ ...request, kind: 'pre-vote', term: 4, lastIndex: 2, lastTerm: 1 });
    expect(bench.takeOf('pre-vote-reply').map(({ granted, term }) => [granted, term])).toEqual([
      [true, 9],
      [false, 5],
      [false, 5],
    ]);
  });

  test('a pre-vote changes nothing at the voter', () => {
    const bench = new Bench({ term: 5 });
    const before = bench.status;
    const ready = bench.receive({
      ...request,
      kind: 'pre-vote',
      term: 9,
      lastIndex: 0,
      lastTerm: 0,
    });
    expect(ready.persist).toBeNull();
    expect(bench.status).toEqual(before);
  });

  test('a learner and a node outside the configuration vote when asked', () => {
    for (const voters of [configuration(['b', 'c'], [], ['a']), configuration(['b', 'c'])]) {
      const bench = new Bench({ configuration: voters });
      bench.receive({ ...request, term: 1, lastIndex: 0, lastTerm: 0 });
      bench.sync();
      expect(bench.takeOf('vote-reply')[0]).toMatchObject({ granted: true });
    }
  });

  test('stickiness: who hears a leader refuses pre-votes and ignores votes', () => {
    const bench = new Bench();
    bench.appendFrom('c', 1);
    bench.sync();
    bench.takeSent();
    bench.elapse(199);
    bench.receive({ ...request, kind: 'pre-vote', term: 2, lastIndex: 9, lastTerm: 1 });
    bench.receive({ ...request, term: 2, lastIndex: 9, lastTerm: 1 });
    expect(bench.takeSent()).toMatchObject([{ kind: 'pre-vote-reply', granted: false, term: 1 }]);
    expect(bench.status).toMatchObject({ term: 1, leader: 'c' });
    bench.elapse(1);
    bench.receive({ ...request, kind: 'pre-vote', term: 2, lastIndex: 9, lastTerm: 1 });
    expect(bench.takeSent()).toMatchObject([{ kind: 'pre-vote-reply', granted: true }]);
  });

  test('stickiness does not protect a leader from itself', () => {
    const bench = new Bench();
    bench.appendFrom('b', 1);
    bench.sync();
    bench.takeSent();
    bench.receive({ ...request, kind: 'pre-vote', term: 2, lastIndex: 9, lastTerm: 1 });
    expect(bench.takeSent()).toMatchObject([{ kind: 'pre-vote-reply', granted: true }]);
  });

  test('a vote that the leader asked for is granted although the leader is heard', () => {
    const bench = new Bench();
    bench.appendFrom('c', 1);
    bench.receive({ ...request, term: 2, lastIndex: 9, lastTerm: 1, transfer: true });
    bench.sync();
    expect(bench.takeOf('vote-reply')).toMatchObject([{ granted: true, term: 2 }]);
  });

  test('a granted vote gives the candidate its time; a refused one does not', () => {
    const bench = new Bench({ terms: [1, 1], term: 1 });
    const before = bench.step({ kind: 'deadline' }).nextDeadlineMs;
    bench.elapse(150);
    expect(bench.receive({ ...request, term: 2, lastIndex: 0, lastTerm: 0 }).nextDeadlineMs).toBe(
      before,
    );
    expect(
      bench.receive({ ...request, term: 3, lastIndex: 2, lastTerm: 1 }).nextDeadlineMs,
    ).toBeGreaterThan(before);
  });
});

describe('terms', () => {
  test('§5.1 an older sender is told the newer term, after it is durable', () => {
    const bench = new Bench({ terms: [1], term: 5 });
    bench.appendFrom('b', 4);
    expect(bench.takeSent()).toMatchObject([{ kind: 'append-reply', term: 5, matchIndex: 0 }]);
    bench.receive({ kind: 'vote', from: 'b', term: 4, lastIndex: 9, lastTerm: 3, transfer: false });
    expect(bench.takeSent()).toMatchObject([{ kind: 'vote-reply', term: 5, granted: false }]);
  });

  test('§5.1 a leader that hears of a higher term steps down and keeps silent', () => {
    const bench = new Bench();
    bench.lead();
    bench.receive({
      kind: 'append-reply',
      from: 'b',
      term: 9,
      matchIndex: 0,
      conflict: null,
      readId: 0,
    });
    expect(bench.status).toMatchObject({ role: 'follower', term: 9, votedFor: null, leader: null });
    bench.elapse(60);
    bench.step({ kind: 'deadline' });
    expect(bench.takeOf('append')).toEqual([]);
  });

  test('a stranger cannot raise the term by replies', () => {
    const bench = new Bench();
    bench.lead();
    bench.receive({
      kind: 'append-reply',
      from: 'x',
      term: 9,
      matchIndex: 0,
      conflict: null,
      readId: 0,
    });
    bench.receive({ kind: 'pre-vote-reply', from: 'x', term: 9, granted: false, quietMs: 0 });
    expect(bench.status).toMatchObject({ role: 'leader', term: 1 });
  });

  test('a step-down in the same term keeps the vote', () => {
    const bench = new Bench();
    bench.becomeCandidate();
    bench.sync();
    bench.appendFrom('b', 1);
    expect(bench.status).toMatchObject({ role: 'follower', votedFor: 'a', leader: 'b' });
    bench.receive({ kind: 'vote', from: 'c', term: 1, lastIndex: 0, lastTerm: 0, transfer: false });
    bench.sync();
    expect(bench.takeOf('vote-reply')).toMatchObject([{ granted: false }]);
  });

  test('a second leader of the same term is not believed', () => {
    const bench = new Bench();
    bench.appendFrom('b', 1, { entries: entriesOf([1]) });
    bench.appendFrom('c', 1, { entries: [command(1, 1, 'other')] });
    expect(bench.status).toMatchObject({ leader: 'b', lastIndex: 1 });
  });
});

describe('horizon (DESIGN §7)', () => {
  test('the latest moment at which a granting voter acknowledged, with the drift of its clock', () => {
    const bench = new Bench();
    bench.appendFrom('c', 1);
    bench.sync();
    const acknowledgedMs = bench.now;
    const { horizonMs } = bench.becomeLeader(['b'], 400);
    expect(horizonMs).toBe(Math.max(acknowledgedMs, bench.now - 400 * 0.99));
  });

  test('a voter of the outgoing half of a joint configuration is heard too', () => {
    const bench = new Bench({ configuration: configuration(['a', 'b'], ['a', 'c']) });
    bench.becomeCandidate();
    bench.sync();
    const vote = { kind: 'vote-reply', term: 1, granted: true } as const;
    bench.receive({ ...vote, from: 'b', quietMs: 900 });
    const { horizonMs } = bench.receive({ ...vote, from: 'c', quietMs: 100 });
    expect(horizonMs).toBe(bench.now - 100 * 0.99);
  });

  test('a voter tells for how long it has acknowledged nobody', () => {
    const bench = new Bench();
    bench.elapse(500);
    bench.appendFrom('c', 1);
    bench.sync();
    bench.elapse(300);
    bench.receive({
      kind: 'pre-vote',
      from: 'b',
      term: 2,
      lastIndex: 9,
      lastTerm: 1,
      transfer: false,
    });
    expect(bench.takeOf('pre-vote-reply')).toMatchObject([{ quietMs: 300 }]);
  });

  test('after a restart the own silence is counted from the restart', () => {
    const bench = new Bench({ terms: [1], configuration: configuration(['a']) });
    bench.elapse(5000);
    bench.step({ kind: 'deadline' });
    expect(bench.sync()?.role).toBe('leader');
    const again = new Bench({ terms: [1], configuration: configuration(['a']) });
    again.elapse(5000);
    again.step({ kind: 'deadline' });
    expect(again.syncOne().horizonMs).toBe(1000);
  });

  test('a former leader was the first voter of its own rounds until it stepped down', () => {
    const bench = new Bench();
    bench.lead();
    bench.elapse(400);
    bench.step({ kind: 'deadline' });
    expect(bench.status.role).toBe('follower');
    bench.elapse(70);
    bench.receive({
      kind: 'pre-vote',
      from: 'c',
      term: 3,
      lastIndex: 9,
      lastTerm: 2,
      transfer: false,
    });
    expect(bench.takeOf('pre-vote-reply').at(-1)).toMatchObject({ quietMs: 70 });
  });

  test('a silence that is no number shortens nothing', () => {
    for (const quietMs of [Number.POSITIVE_INFINITY, Number.NaN, -5]) {
      const bench = new Bench();
      expect(bench.becomeLeader(['b'], quietMs).horizonMs).toBe(bench.now);
    }
  });

  test('it is told in the step of the election only', () => {
    const bench = new Bench();
    expect(bench.becomeLeader().horizonMs).not.toBeNull();
    expect(bench.propose().horizonMs).toBeNull();
  });
});
