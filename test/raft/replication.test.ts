/** Replication and commit: Raft §5.3, §5.4.2, figures 7 and 8; what waits for the disk: §5.1. */
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/raft/types.ts';
import { Bench, command, configuration, entriesOf } from './bench.ts';

const terms = (bench: Bench): readonly number[] =>
  Array.from({ length: bench.status.lastIndex }, (_, i) => bench.core.termAt(i + 1) ?? 0);

describe('a follower', () => {
  test('§5.3 takes entries that follow its log and acknowledges them when they are durable', () => {
    const bench = new Bench({ terms: [1], term: 1 });
    const ready = bench.appendFrom('b', 1, {
      prevIndex: 1,
      prevTerm: 1,
      entries: entriesOf([1, 1], 2),
      commitIndex: 1,
      readId: 7,
    });
    expect(ready.persist?.entries.map(({ index }) => index)).toEqual([2, 3]);
    expect(ready.sendNow).toEqual([]);
    expect(ready.sendAfterPersist).toMatchObject([
      { kind: 'append-reply', term: 1, matchIndex: 3, conflict: null, readId: 7 },
    ]);
    expect(ready.committed.map(({ index }) => index)).toEqual([1]);
  });

  test('§5.3 truncates from the first entry that conflicts, and only from there', () => {
    const bench = new Bench({ terms: [1, 1, 2, 2], term: 3 });
    const ready = bench.appendFrom('b', 3, {
      prevIndex: 1,
      prevTerm: 1,
      entries: [command(2, 1), command(3, 3)],
    });
    expect(terms(bench)).toEqual([1, 1, 3]);
    expect(ready.persist?.entries.map(({ index }) => index)).toEqual([3]);
  });

  test('§5.3 a late append does not shorten the log', () => {
    const bench = new Bench({ terms: [1, 1, 1], term: 1 });
    const ready = bench.appendFrom('b', 1, { entries: entriesOf([1]) });
    expect(terms(bench)).toEqual([1, 1, 1]);
    expect(ready.persist).toBeNull();
  });

  for (const [words, ours, prevIndex, prevTerm, conflict] of [
    ['too short', [1], 4, 2, { index: 1, term: 1 }],
    ['of another term at the place', [1, 1, 1], 3, 2, { index: 3, term: 1 }],
    ['diverged over a whole term', [1, 2, 2, 2], 4, 1, { index: 1, term: 1 }],
    ['of other terms everywhere', [3, 3], 2, 2, { index: 0, term: 0 }],
  ] as const) {
    test(`§5.3 refuses, and says where it may agree, with a log that is ${words}`, () => {
      const bench = new Bench({ terms: ours, term: 4 });
      bench.appendFrom('b', 4, { prevIndex, prevTerm, readId: 3 });
      expect(bench.takeSent()).toMatchObject([{ kind: 'append-reply', conflict, readId: 3 }]);
    });
  }

  test('a bare commit index in a round that was answered is taken without a second answer', () => {
    const bench = new Bench({ term: 1 });
    const logs = { prevIndex: 0, prevTerm: 0, entries: entriesOf([1]), readId: 7 };
    const mark = bench.appendFrom('b', 1, logs).persist?.mark ?? 0;
    bench.step({ kind: 'durable', mark });
    bench.takeSent();
    const push = { prevIndex: 1, prevTerm: 1, commitIndex: 1 };
    const told = bench.appendFrom('b', 1, { ...push, readId: 7 });
    expect(told.commitIndex).toBe(1);
    expect([...told.sendNow, ...told.sendAfterPersist]).toEqual([]);
    // A lost answer is made up for: a round of its own is answered, and so are entries that come again.
    bench.appendFrom('b', 1, { ...push, readId: 8 });
    expect(bench.takeSent()).toMatchObject([{ kind: 'append-reply', matchIndex: 1, readId: 8 }]);
    bench.appendFrom('b', 1, { ...logs, readId: 8 });
    expect(bench.takeSent()).toMatchObject([{ kind: 'append-reply', matchIndex: 1, readId: 8 }]);
  });

  test('what was answered for the time after a write does not count as an answer before it', () => {
    const bench = new Bench({ term: 1 });
    bench.appendFrom('b', 1, { prevIndex: 0, prevTerm: 0, entries: entriesOf([1]), readId: 7 });
    bench.takeSent();
    bench.appendFrom('b', 1, { prevIndex: 0, prevTerm: 0, readId: 7 });
    expect(bench.takeSent()).toMatchObject([{ kind: 'append-reply', matchIndex: 0, readId: 7 }]);
  });

  test('a refused append is a sign of life all the same', () => {
    const bench = new Bench({ term: 1 });
    bench.elapse(150);
    const { leader, nextDeadlineMs } = bench.appendFrom('b', 1, { prevIndex: 9, prevTerm: 1 });
    expect(leader).toBe('b');
    expect(nextDeadlineMs).toBeGreaterThanOrEqual(bench.now + 200);
  });

  test('an append without entries is answered at once, with what is durable', () => {
    const bench = new Bench({ terms: [1], term: 1 });
    bench.appendFrom('b', 1, { prevIndex: 1, prevTerm: 1, entries: entriesOf([1, 1], 2) });
    bench.appendFrom('b', 1, { prevIndex: 3, prevTerm: 1, readId: 5 });
    expect(bench.takeSent()).toMatchObject([{ matchIndex: 1, conflict: null, readId: 5 }]);
    bench.sync();
    bench.takeSent();
    bench.appendFrom('b', 1, { prevIndex: 3, prevTerm: 1, readId: 6 });
    expect(bench.takeSent()).toMatchObject([{ matchIndex: 3, readId: 6 }]);
  });

  test('a repeated append waits for the write that is still under way', () => {
    const bench = new Bench({ term: 1 });
    bench.appendFrom('b', 1, { entries: entriesOf([1]) });
    bench.appendFrom('b', 1, { entries: entriesOf([1]) });
    expect(bench.takeSent()).toEqual([]);
    bench.sync();
    expect(bench.takeSent()).toMatchObject([{ matchIndex: 1 }, { matchIndex: 1 }]);
  });

  test('an echo in a new term waits until the term is durable', () => {
    const bench = new Bench({ term: 1 });
    bench.appendFrom('b', 5);
    expect(bench.takeSent()).toEqual([]);
    bench.sync();
    expect(bench.takeSent()).toMatchObject([{ kind: 'append-reply', term: 5 }]);
  });

  test('term and entries of one step are one write', () => {
    const bench = new Bench({ term: 1 });
    const { persist } = bench.appendFrom('b', 5, { entries: entriesOf([5]) });
    expect(persist).toMatchObject({ hardState: { term: 5 }, entries: [{ index: 1, term: 5 }] });
  });

  test('a late acknowledgement carries the term in which the entries were taken', () => {
    const bench = new Bench({ term: 1 });
    bench.appendFrom('b', 1, { entries: entriesOf([1, 1]) });
    bench.appendFrom('c', 2, { entries: [command(1, 2)] });
    bench.sync();
    expect(bench.takeSent()).toMatchObject([
      { to: 'b', term: 1, matchIndex: 2 },
      { to: 'c', term: 2, matchIndex: 1 },
    ]);
  });

  test('ABA: a write that truncation has overtaken vouches for nothing it no longer holds', () => {
    const bench = new Bench({ term: 1 });
    bench.appendFrom('b', 1, { entries: entriesOf([1, 1, 1]) });
    bench.elapse(1000);
    bench.receive({ kind: 'vote', from: 'c', term: 2, lastIndex: 9, lastTerm: 1, transfer: false });
    bench.appendFrom('c', 2, { entries: [command(1, 1), command(2, 2), command(3, 2)] });
    bench.syncOne();
    bench.syncOne();
    bench.takeSent();
    // Term and vote are durable, and so is the first entry; the write of the others is under way.
    bench.appendFrom('c', 2, { prevIndex: 3, prevTerm: 2 });
    expect(bench.takeOf('append-reply')).toMatchObject([{ matchIndex: 1 }]);
    bench.syncOne();
    expect(bench.takeOf('append-reply')).toMatchObject([{ matchIndex: 3 }]);
  });

  test('entries that replace durable ones are not durable yet', () => {
    const bench = new Bench({ terms: [1, 1], term: 2 });
    bench.appendFrom('c', 2, { prevIndex: 1, prevTerm: 1, entries: [command(2, 2)] });
    bench.appendFrom('c', 2, { prevIndex: 2, prevTerm: 2 });
    expect(bench.takeSent()).toMatchObject([{ kind: 'append-reply', matchIndex: 1 }]);
  });

  test('commits no further than it has verified, whatever the leader has committed', () => {
    const bench = new Bench({ terms: [1, 1, 2, 2], term: 3 });
    bench.appendFrom('b', 3, { prevIndex: 2, prevTerm: 1, commitIndex: 4 });
    expect(bench.status.commitIndex).toBe(2);
  });

  test('hands out each committed entry once, in order', () => {
    const bench = new Bench({ terms: [1, 1, 1], term: 1, commitIndex: 2 });
    bench.appendFrom('b', 1, { prevIndex: 3, prevTerm: 1, commitIndex: 3 });
    bench.appendFrom('b', 1, { prevIndex: 3, prevTerm: 1, commitIndex: 3 });
    bench.appendFrom('b', 1, { prevIndex: 2, prevTerm: 1, commitIndex: 2 });
    expect(bench.committed.map(({ index }) => index)).toEqual([1, 2, 3]);
  });

  test('never touches what is committed, even when a message asks for it', () => {
    const bench = new Bench({ terms: [1, 1], term: 1, commitIndex: 2 });
    bench.appendFrom('b', 2, { entries: entriesOf([2, 2]) });
    bench.appendFrom('b', 2, { prevIndex: 2, prevTerm: 2, entries: entriesOf([2], 3) });
    expect(terms(bench)).toEqual([1, 1]);
    expect(bench.status.leader).toBeNull();
  });

  test('never touches what lies below the last committed entry, whatever precedes that', () => {
    const bench = new Bench({ terms: [1, 2], term: 3, commitIndex: 2 });
    bench.appendFrom('b', 3, { entries: entriesOf([2, 2, 3]) });
    expect(terms(bench)).toEqual([1, 2, 3]);
  });
});

describe('figure 7: a leader of term 8 brings every follower of the figure to its own log', () => {
  const leaderTerms = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
  const followers = {
    a: [1, 1, 1, 4, 4, 5, 5, 6, 6],
    b: [1, 1, 1, 4],
    c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    e: [1, 1, 1, 4, 4, 4, 4],
    f: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
  };
  for (const [name, held] of Object.entries(followers)) {
    test(`follower (${name})`, () => {
      const voters = configuration(['a', 'b']);
      const leader = new Bench({ terms: leaderTerms, term: 7, configuration: voters });
      const follower = new Bench({
        terms: held,
        term: 7,
        configuration: voters,
        raft: { id: 'b', rank: 9 },
      });
      leader.becomeLeader(['b']);
      let rounds = 0;
      for (; leader.status.commitIndex < 11 && rounds < 12; rounds += 1) {
        leader.sync();
        for (const message of leader.takeSent()) {
          if (message.kind === 'append') follower.step({ kind: 'message', message });
        }
        follower.sync();
        for (const message of follower.takeSent()) leader.step({ kind: 'message', message });
      }
      expect(terms(follower)).toEqual([...leaderTerms, 8]);
      // One question for a term that diverged, not one for an entry.
      expect(rounds).toBeLessThanOrEqual(4);
    });
  }
});

describe('a leader', () => {
  test('§5.2 appends a no-op, and sends it before it is durable', () => {
    const bench = new Bench({ terms: [1, 1] });
    const ready = bench.becomeLeader(['b']);
    expect(ready.persist?.entries).toMatchObject([{ kind: 'no-op', index: 3, term: 2 }]);
    expect(ready.sendNow).toMatchObject([
      { kind: 'append', to: 'b', prevIndex: 2, prevTerm: 1, entries: [{ index: 3 }] },
      { kind: 'append', to: 'c', prevIndex: 2, prevTerm: 1, entries: [{ index: 3 }] },
    ]);
  });

  test('proposals that came while the election was open travel with the no-op', () => {
    const bench = new Bench();
    bench.becomeCandidate(['b']);
    bench.sync();
    expect(bench.propose('decision', 5).accepted).toEqual([]);
    const ready = bench.receive({
      kind: 'vote-reply',
      from: 'b',
      term: 1,
      granted: true,
      quietMs: 0,
    });
    expect(ready.accepted).toEqual([{ proposalId: 5, index: 2, term: 1 }]);
    expect(ready.persist?.entries.map(({ kind }) => kind)).toEqual(['no-op', 'command']);
    expect(ready.sendNow[0]).toMatchObject({ entries: [{ kind: 'no-op' }, { kind: 'command' }] });
  });

  test('proposals that came while the election was open are refused when it is lost', () => {
    const bench = new Bench();
    bench.becomeCandidate(['b']);
    bench.propose('decision', 5);
    const { rejected } = bench.appendFrom('c', 1);
    expect(rejected).toEqual([{ proposalId: 5, code: 'NOT_LEADER', leader: 'c' }]);
  });

  test('what it proposes right after its election does not wait for an answer', () => {
    const bench = new Bench();
    bench.becomeLeader();
    bench.takeSent();
    bench.propose();
    expect(bench.takeOf('append')).toMatchObject([
      { to: 'b', prevIndex: 1, entries: [{ index: 2 }] },
      { to: 'c', prevIndex: 1, entries: [{ index: 2 }] },
    ]);
  });

  test('§5.3 commits with a majority, and tells the others at once', () => {
    const bench = new Bench();
    bench.lead();
    bench.propose();
    bench.sync();
    bench.takeSent();
    const ready = bench.ack('b', 2);
    expect(ready.committed).toMatchObject([{ index: 2 }]);
    expect(ready.sendNow.map(({ to }) => to)).toEqual(['b', 'c']);
    expect(ready.sendNow).toMatchObject([{ commitIndex: 2 }, { commitIndex: 2 }]);
  });

  test('its own append counts only when it is durable', () => {
    const bench = new Bench();
    bench.lead();
    bench.propose();
    expect(bench.ack('b', 2).committed).toEqual([]);
    expect(bench.sync()?.committed).toMatchObject([{ index: 2 }]);
  });

  test('a majority without the leader commits too', () => {
    const bench = new Bench();
    bench.lead();
    bench.propose();
    bench.ack('b', 2);
    expect(bench.ack('c', 2).committed).toMatchObject([{ index: 2 }]);
  });

  test('§5.4.2 figure 8: an entry of an earlier term is not committed by counting', () => {
    const bench = new Bench({ terms: [1, 2], term: 3 });
    bench.becomeLeader();
    bench.sync();
    bench.ack('b', 2);
    bench.ack('c', 2);
    expect(bench.status.commitIndex).toBe(0);
    expect(bench.ack('b', 3).committed.map(({ index }) => index)).toEqual([1, 2, 3]);
  });

  test('§6 joint: both halves must hold an entry; a learner never counts', () => {
    const bench = new Bench({
      configuration: configuration(['a', 'b', 'c'], ['a', 'd', 'e'], ['l']),
    });
    bench.becomeLeader(['b', 'd']);
    bench.sync();
    bench.ack('b', 1);
    bench.ack('l', 1);
    expect(bench.status.commitIndex).toBe(0);
    bench.ack('d', 1);
    expect(bench.status.commitIndex).toBe(1);
  });

  test('acknowledgements of other terms, of strangers and beyond the log count for nothing', () => {
    const bench = new Bench({ term: 4 });
    bench.becomeLeader();
    bench.sync();
    bench.ack('x', 1);
    bench.ack('b', 1, 0, 4);
    bench.ack('b', 99);
    expect(bench.status.commitIndex).toBe(0);
  });

  test('a late acknowledgement takes nothing back', () => {
    const bench = new Bench();
    bench.lead();
    bench.propose();
    bench.ack('b', 2);
    bench.ack('b', 1);
    expect(bench.status.followers).toMatchObject([{ node: 'b', matchIndex: 2 }, { node: 'c' }]);
  });

  test('sends no more than the window before it hears anything', () => {
    const bench = new Bench();
    bench.lead();
    for (let i = 0; i < 10; i += 1) bench.propose();
    const toB = bench.takeOf('append').filter(({ to }) => to === 'b');
    expect(toB).toHaveLength(4);
    bench.ack('b', 3);
    const more = bench.takeOf('append').filter(({ to }) => to === 'b');
    expect(more.flatMap(({ entries }) => entries).map(({ index }) => index)).toEqual(
      // Two places in the window: one entry, and then all that waits.
      [6, 7, 8, 9, 10, 11],
    );
  });

  test('an append carries no more bytes than allowed, but always one entry', () => {
    const bench = new Bench({ raft: { maxAppendBytes: 300 } });
    bench.lead();
    bench.propose('x'.repeat(1000));
    expect(bench.takeOf('append')[0]?.entries).toHaveLength(1);
    const entries = Array.from({ length: 6 }, (_, i) => command(i + 1, 1, 'x'.repeat(50)));
    const other = new Bench({ entries, raft: { maxAppendBytes: 300 } });
    other.becomeLeader();
    other.takeSent();
    other.receive({
      kind: 'append-reply',
      from: 'b',
      term: 2,
      matchIndex: 0,
      conflict: { index: 0, term: 0 },
      readId: 0,
    });
    expect(other.takeOf('append')[0]?.entries).toHaveLength(2);
  });

  test('refuses proposals when too much is uncommitted, and takes them again afterwards', () => {
    const bench = new Bench({ raft: { maxUncommittedBytes: 500 } });
    bench.lead();
    bench.propose('x'.repeat(300), 1);
    expect(bench.propose('x'.repeat(300), 2).rejected).toEqual([
      { proposalId: 2, code: 'TOO_MANY_UNCOMMITTED', leader: 'a' },
    ]);
    bench.sync();
    bench.ack('b', 2);
    expect(bench.propose('x'.repeat(300), 3).accepted).toHaveLength(1);
  });

  test('a proposal at another node is refused with the name of the leader', () => {
    const bench = new Bench();
    bench.appendFrom('b', 1);
    expect(bench.propose('x', 4).rejected).toEqual([
      { proposalId: 4, code: 'NOT_LEADER', leader: 'b' },
    ]);
  });

  test('a lost append is noticed by the next heartbeat and sent again', () => {
    const bench = new Bench();
    bench.lead();
    bench.propose();
    bench.takeSent();
    bench.deadline();
    expect(bench.takeOf('append')[0]).toMatchObject({ to: 'b', prevIndex: 2, entries: [] });
    bench.receive({
      kind: 'append-reply',
      from: 'b',
      term: 1,
      matchIndex: 1,
      conflict: { index: 1, term: 1 },
      readId: 2,
    });
    expect(bench.takeOf('append')).toMatchObject([{ prevIndex: 1, entries: [{ index: 2 }] }]);
  });

  test('repeated refusals do not multiply appends', () => {
    const bench = new Bench({ terms: [1, 1, 1] });
    bench.becomeLeader();
    bench.takeSent();
    for (let i = 0; i < 5; i += 1) {
      bench.receive({
        kind: 'append-reply',
        from: 'b',
        term: 2,
        matchIndex: 0,
        conflict: { index: 1, term: 1 },
        readId: 1,
      });
    }
    expect(bench.takeOf('append')).toHaveLength(1);
  });
});

describe('configurations', () => {
  const change = (index: number, term: number, voters: readonly string[]): Entry => ({
    index,
    term,
    kind: 'configuration',
    configuration: configuration(voters),
  });

  test('§6 in force when appended, and its predecessor again when truncated', () => {
    const bench = new Bench({ term: 1 });
    bench.appendFrom('b', 1, { entries: [change(1, 1, ['a', 'b']), change(2, 1, ['b'])] });
    expect(bench.status.configuration.voters).toEqual(['b']);
    bench.appendFrom('c', 2, { prevIndex: 1, prevTerm: 1, entries: [command(2, 2)] });
    expect(bench.status.configuration.voters).toEqual(['a', 'b']);
    bench.appendFrom('b', 3, { entries: [command(1, 3)] });
    expect(bench.status.configuration.voters).toEqual(['a', 'b', 'c']);
  });

  test('§6 a restarted node takes the last one of its log', () => {
    const bench = new Bench({ entries: [change(1, 1, ['a', 'b']), command(2, 1)] });
    expect(bench.status.configuration.voters).toEqual(['a', 'b']);
  });

  test('§6 a leader that is left out steps down once that is committed, and not before', () => {
    const bench = new Bench({ entries: [change(1, 1, ['a', 'b', 'c'])], term: 1 });
    bench.becomeLeader();
    bench.sync();
    bench.ack('b', 2);
    expect(bench.status.role).toBe('leader');
  });

  test('§6 a node that is left out does not campaign once that is committed', () => {
    const entries = [change(1, 1, ['b', 'c', 'd'])];
    const out = new Bench({ entries, term: 1, commitIndex: 1 });
    out.deadline();
    expect(out.status.role).toBe('follower');
  });

  test('thesis §4.2.2 until then it may have to campaign, and its own vote does not count', () => {
    const out = new Bench({ entries: [change(1, 1, ['b', 'c', 'd'])], term: 1 });
    out.becomeCandidate(['b']);
    expect(out.status.role).toBe('pre-candidate');
    out.becomeLeader(['c', 'b']);
    out.sync();
    out.ack('b', 2);
    expect(out.status).toMatchObject({ role: 'leader', commitIndex: 0 });
    out.ack('c', 2);
    expect(out.status).toMatchObject({ role: 'follower', leader: null, commitIndex: 2 });
  });
});

describe('a restart', () => {
  test('goes on with term, vote, log and what was committed', () => {
    const bench = new Bench({ terms: [1, 1, 2], term: 4, votedFor: 'c', commitIndex: 2 });
    expect(bench.status).toMatchObject({
      role: 'follower',
      term: 4,
      votedFor: 'c',
      lastIndex: 3,
      lastTerm: 2,
      commitIndex: 2,
    });
    expect(bench.committed.map(({ index }) => index)).toEqual([1, 2]);
  });

  test('a commit index that moved alone costs no write, and travels with the next one', () => {
    const bench = new Bench();
    bench.lead();
    bench.propose();
    bench.sync();
    expect(bench.ack('b', 2).persist).toBeNull();
    expect(bench.propose().persist?.hardState).toMatchObject({ commitIndex: 2 });
  });
});
