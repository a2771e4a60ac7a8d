/**
 * Raft figure 2, row by row. The sections hold the details; here every line of the summary has at
 * least one test, so that none is forgotten.
 *
 * Where our core differs: the commit index is written along with other things, so a restart begins
 * with a lower bound instead of 0; an election begins with a pre-vote.
 */
import { describe, expect, test } from 'vitest';
import { Bench, configuration, entriesOf } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import {
  answers,
  append,
  inRole,
  leaderOf,
  ROLES,
  refusal,
  termsOf,
  voteReply,
  voteRequest,
  voters,
} from './parts.ts';

describe('Raft figure 2: persistent state on all servers', () => {
  test('currentTerm starts at 0 and only grows, across crashes', () => {
    const three = new Arrangement({ voters: voters(3) });
    expect(three.ids.map((id) => three.status(id).term)).toEqual([0, 0, 0]);
    three.elect('a');
    for (const id of three.ids) three.crash(id);
    for (const id of three.ids) three.start(id);
    expect(three.ids.map((id) => three.status(id).term)).toEqual([1, 1, 1]);
    three.elect('b');
    expect(three.ids.map((id) => three.status(id).term)).toEqual([2, 2, 2]);
  });

  test('votedFor is of the present term, or null, across crashes', () => {
    const three = new Arrangement({ voters: voters(3) });
    expect(three.status('b').votedFor).toBeNull();
    three.elect('a');
    three.crash('b');
    three.start('b');
    expect(three.status('b').votedFor).toBe('a');
    three.step('b', { kind: 'message', message: { ...append('c', 2), to: 'b' } });
    expect(three.status('b').votedFor).toBeNull();
  });

  test('log holds command and term of each entry, from index 1, across crashes', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.propose('a', 'command');
    three.crash('b');
    three.start('b');
    expect(three.disk('b').entries).toMatchObject([
      { index: 1, term: 1, kind: 'no-op' },
      { index: 2, term: 1, kind: 'command', data: new TextEncoder().encode('command') },
    ]);
    expect(three.log('b')).toEqual([1, 1]);
  });
});

describe('Raft figure 2: volatile state', () => {
  test('commitIndex starts at 0 and only grows', () => {
    const bench = new Bench({ terms: [1, 1, 1] });
    const seen = [bench.status.commitIndex];
    for (const commitIndex of [1, 3, 2, 0, 3]) {
      bench.receive(append('b', 1, { prevIndex: 3, prevTerm: 1, commitIndex }));
      seen.push(bench.status.commitIndex);
    }
    expect(seen).toEqual([0, 1, 3, 3, 3, 3]);
  });

  test('commitIndex begins after a restart with what was written, never past the log', () => {
    expect(new Bench({ terms: [1, 1], commitIndex: 1 }).status.commitIndex).toBe(1);
    expect(new Bench({ terms: [1, 1], commitIndex: 9 }).status.commitIndex).toBe(2);
  });

  test('lastApplied starts at 0, follows the state machine and never passes commitIndex', () => {
    const bench = new Bench({ terms: [1, 1, 1] });
    expect(bench.status.appliedIndex).toBe(0);
    bench.receive(append('b', 1, { prevIndex: 3, prevTerm: 1, commitIndex: 2 }));
    for (const [index, applied] of [
      [1, 1],
      [9, 2],
      [1, 2],
    ] as const) {
      bench.step({ kind: 'applied', index });
      expect(bench.status.appliedIndex).toBe(applied);
    }
  });

  test('nextIndex of each follower starts behind the last entry of the leader', () => {
    const bench = new Bench({ terms: [1, 1, 1] });
    bench.becomeLeader();
    expect(bench.takeOf('append').map(({ prevIndex }) => prevIndex)).toEqual([3, 3]);
  });

  test('matchIndex of each follower starts at 0 and only grows', () => {
    const bench = leaderOf([1, 1, 1]);
    const match = () => bench.status.followers.map(({ matchIndex }) => matchIndex);
    expect(match()).toEqual([0, 0]);
    for (const [index, expected] of [
      [3, 3],
      [1, 3],
      [4, 4],
      [0, 4],
    ] as const) {
      bench.ack('b', index);
      expect(match()).toEqual([expected, 0]);
    }
  });

  test('both are forgotten and begin anew with each election', () => {
    const bench = leaderOf([1, 1, 1]);
    bench.ack('b', 4);
    bench.receive(append('c', 3));
    bench.becomeLeader();
    expect(bench.status.followers.map(({ matchIndex }) => matchIndex)).toEqual([0, 0]);
  });
});

describe('Raft figure 2: AppendEntries RPC', () => {
  test('arguments: term, leader, the entry before, the entries, the leader’s commit index', () => {
    const bench = leaderOf([1, 1]);
    for (const from of ['b', 'c']) bench.ack(from, 3);
    bench.takeSent();
    bench.propose('x');
    expect(bench.takeOf('append')[0]).toMatchObject({
      term: 2,
      from: 'a',
      prevIndex: 3,
      prevTerm: 2,
      entries: [{ index: 4, term: 2 }],
      commitIndex: 3,
    });
  });

  test('1. the answer is no when the term is older, with the own term', () => {
    const bench = new Bench({ terms: [1], term: 4 });
    const [answer] = answers(
      bench.receive(append('b', 3, { prevIndex: 1, prevTerm: 1, entries: entriesOf([3], 2) })),
    );
    expect(answer).toMatchObject({ kind: 'append-reply', term: 4, matchIndex: 0 });
    expect(bench.status).toMatchObject({ lastIndex: 1, leader: null });
  });

  test('2. the answer is no when the entry before is missing or of another term', () => {
    for (const [prevIndex, prevTerm] of [
      [2, 1],
      [1, 2],
      [5, 3],
    ] as const) {
      const bench = new Bench({ terms: [1], term: 4 });
      const [answer] = answers(bench.receive(append('b', 4, { prevIndex, prevTerm })));
      expect(answer).toMatchObject({ conflict: { index: expect.any(Number) } });
    }
  });

  test('3. an entry that conflicts goes, and all that follow it', () => {
    const bench = new Bench({ terms: [1, 2, 2, 2], term: 4 });
    bench.receive(append('b', 4, { prevIndex: 1, prevTerm: 1, entries: entriesOf([3], 2) }));
    expect(termsOf(bench)).toEqual([1, 3]);
  });

  test('4. entries that are not in the log yet are appended, and no others', () => {
    const bench = new Bench({ terms: [1, 2], term: 4 });
    const { persist } = bench.receive(append('b', 4, { entries: entriesOf([1, 2, 4, 4]) }));
    expect(termsOf(bench)).toEqual([1, 2, 4, 4]);
    expect(persist?.entries.map(({ index }) => index)).toEqual([3, 4]);
  });

  test.each([
    [9, 3],
    [2, 2],
    [3, 3],
  ])(
    '5. the commit index becomes the smaller of the leader’s, %i, and the last new entry: %i',
    (leader, own) => {
      const bench = new Bench({ terms: [1, 1, 1, 1, 1] });
      const entries = entriesOf([1], 3);
      bench.receive(append('b', 1, { prevIndex: 2, prevTerm: 1, entries, commitIndex: leader }));
      expect(bench.status.commitIndex).toBe(own);
    },
  );
});

describe('Raft figure 2: RequestVote RPC', () => {
  test('arguments: term, candidate, index and term of its last entry', () => {
    const bench = new Bench({ terms: [1, 2] });
    bench.becomeCandidate();
    bench.sync();
    expect(bench.takeOf('vote')[0]).toMatchObject({
      term: 3,
      from: 'a',
      lastIndex: 2,
      lastTerm: 2,
    });
  });

  test('1. the answer is no when the term is older, with the own term', () => {
    const bench = new Bench({ term: 4 });
    bench.receive(voteRequest({ from: 'b', term: 3, lastIndex: 9, lastTerm: 2 }));
    expect(bench.takeOf('vote-reply')).toMatchObject([{ term: 4, granted: false }]);
  });

  test.each([
    [null, 1, true],
    ['b', 1, true],
    ['c', 1, false],
    [null, 0, false],
    ['b', 0, false],
  ])('2. voted for %s, asked by b whose log ends at %i: %s', (votedFor, lastIndex, granted) => {
    const bench = new Bench({ terms: [1], term: 4, votedFor });
    bench.receive(voteRequest({ from: 'b', term: 4, lastIndex, lastTerm: lastIndex }));
    bench.sync();
    expect(bench.takeOf('vote-reply')).toMatchObject([{ granted }]);
  });
});

describe('Raft figure 2: rules for all servers', () => {
  test('what is committed and not yet applied is handed out, in order, once', () => {
    const bench = new Bench({ terms: [1, 1, 1, 1] });
    for (const commitIndex of [2, 2, 4, 3]) {
      bench.receive(append('b', 1, { prevIndex: 4, prevTerm: 1, commitIndex }));
    }
    expect(bench.committed.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
  });

  test.each(ROLES)('a later term in a request or an answer makes a %s a follower in it', (role) => {
    for (const message of [append('b', 7), refusal('b', 7, { index: 0, term: 0 })]) {
      const bench = inRole(role);
      bench.receive(message);
      expect(bench.status).toMatchObject({ role: 'follower', term: 7 });
    }
  });
});

describe('Raft figure 2: rules for followers', () => {
  test('they answer the requests of candidates and leaders, and ask nothing themselves', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(voteRequest({ from: 'c', term: 1, lastIndex: 0, lastTerm: 0 }));
    bench.receive(append('b', 2));
    bench.sync();
    expect(bench.takeSent().map(({ kind, to }) => [kind, to])).toEqual([
      ['vote-reply', 'c'],
      ['append-reply', 'b'],
    ]);
  });

  test('the timeout passes with neither an append nor a granted vote: they campaign', () => {
    const bench = new Bench();
    bench.deadline();
    expect(bench.status.role).toBe('pre-candidate');
  });
});

describe('Raft figure 2: rules for candidates', () => {
  test('the election begins: term, own vote, a new timeout, requests to all others', () => {
    const bench = new Bench({ term: 4 });
    const ready = bench.becomeCandidate();
    expect(bench.status).toMatchObject({ role: 'candidate', term: 5, votedFor: 'a' });
    expect(ready.nextDeadlineMs - bench.now).toBeGreaterThanOrEqual(200);
    expect(ready.sendAfterPersist.map(({ kind, to }) => [kind, to])).toEqual([
      ['vote', 'b'],
      ['vote', 'c'],
    ]);
  });

  test('votes of a majority: it leads', () => {
    const bench = inRole('candidate');
    bench.receive(voteReply('c', 2, true));
    expect(bench.status).toMatchObject({ role: 'leader', leader: 'a' });
  });

  test('an append of a new leader: it follows', () => {
    const bench = inRole('candidate');
    bench.receive(append('c', 2));
    expect(bench.status).toMatchObject({ role: 'follower', leader: 'c' });
  });

  test('the timeout passes: a new election, in a new term as soon as a majority would vote', () => {
    const bench = inRole('candidate');
    bench.becomeCandidate(['b']);
    expect(bench.status).toMatchObject({ role: 'candidate', term: 3 });
  });
});

describe('Raft figure 2: rules for leaders', () => {
  test('on election, and during idle periods, they send to every server', () => {
    const bench = new Bench();
    bench.becomeLeader();
    expect(bench.takeOf('append').map(({ to }) => to)).toEqual(['b', 'c']);
    bench.deadline();
    expect(bench.takeOf('append').map(({ to }) => to)).toEqual(['b', 'c']);
  });

  test('a command is appended, and handed to the state machine when it is committed', () => {
    const bench = leaderOf([]);
    bench.propose('x');
    expect(bench.status.lastIndex).toBe(2);
    bench.sync();
    expect(bench.committed).toEqual([]);
    bench.ack('c', 2);
    expect(bench.committed.map(({ kind }) => kind)).toEqual(['no-op', 'command']);
  });

  test('a follower gets entries from its nextIndex on; a success moves nextIndex and matchIndex', () => {
    const bench = leaderOf([1, 1]);
    bench.ack('b', 3);
    bench.takeSent();
    bench.propose();
    const [sent] = bench.takeOf('append').filter(({ to }) => to === 'b');
    expect(sent).toMatchObject({ prevIndex: 3, entries: [{ index: 4 }] });
    bench.ack('b', 4);
    expect(bench.status.followers).toMatchObject([{ matchIndex: 4 }, { matchIndex: 0 }]);
  });

  test('a failure by inconsistency moves nextIndex back, and the request is made again', () => {
    const bench = leaderOf([1, 1]);
    bench.receive(refusal('b', 2, { index: 1, term: 1 }));
    expect(bench.takeOf('append')).toMatchObject([
      { to: 'b', prevIndex: 1, entries: [{ index: 2 }, { index: 3 }] },
    ]);
  });

  test('N beyond commitIndex on a majority, and of the present term, is committed', () => {
    const bench = leaderOf([1, 1], { configuration: configuration(voters(5)) });
    for (const [from, match] of [
      ['b', 2],
      ['c', 2],
      ['d', 2],
      ['e', 3],
    ] as const) {
      bench.ack(from, match);
      expect(bench.status.commitIndex).toBe(0);
    }
    bench.ack('b', 3);
    expect(bench.status.commitIndex).toBe(3);
  });
});
