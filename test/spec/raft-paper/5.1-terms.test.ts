/** Raft §5.1: terms act as a logical clock, and stable storage is written before an answer leaves. */
import { describe, expect, test } from 'vitest';
import type { Role } from '../../../src/raft/types.ts';
import { Bench, configuration, entriesOf, type Incoming } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import {
  answers,
  append,
  inRole,
  preVoteReply,
  preVoteRequest,
  ROLES,
  refusal,
  termsOf,
  voteReply,
  voteRequest,
} from './parts.ts';

const snapshot = (term: number): Incoming => ({
  kind: 'snapshot',
  from: 'b',
  term,
  meta: { index: 9, term: 1, configuration: configuration() },
  offset: 0,
  last: false,
  chunk: Uint8Array.of(1),
  readId: 1,
});

const snapshotReply = (term: number): Incoming => ({
  kind: 'snapshot-reply',
  from: 'b',
  term,
  index: 1,
  offset: 0,
  done: false,
  readId: 1,
});

/** A request whose candidate has an older log: its term counts, it gets no vote. */
const vote = (term: number): Incoming =>
  voteRequest({ from: 'b', term, lastIndex: 0, lastTerm: 0 });

const later: readonly (readonly [string, Incoming, string | null])[] = [
  ['an append', append('b', 5), 'b'],
  ['a chunk of a snapshot', snapshot(5), 'b'],
  ['a vote request', vote(5), null],
  ['a refused vote', voteReply('b', 5, false), null],
  ['a refused pre-vote', preVoteReply('b', 5, false), null],
  [
    'an accepted append',
    { ...refusal('b', 5, { index: 0, term: 0 }), conflict: null } as Incoming,
    null,
  ],
  ['a refused append', refusal('b', 5, { index: 0, term: 0 }), null],
  ['an answer to a snapshot', snapshotReply(5), null],
];

describe('Raft §5.1: a later term', () => {
  const rows = ROLES.flatMap((role) =>
    later.map(([what, message, leader]) => [role, what, message, leader] as const),
  );
  test.each(rows)(
    'a %s that sees it in %s takes it over and follows',
    (role, _, message, leader) => {
      const bench = inRole(role);
      bench.receive(message);
      expect(bench.status).toMatchObject({ role: 'follower', term: 5, votedFor: null, leader });
    },
  );

  test.each(ROLES)('a %s does not take over one that is only asked about (PreVote)', (role) => {
    const bench = inRole(role);
    bench.receive(preVoteRequest({ from: 'b', term: 9, lastIndex: 9, lastTerm: 2 }));
    expect(bench.status).toMatchObject({ role, term: 2 });
  });

  test('a demand to campaign is no proof of one', () => {
    const bench = inRole('follower');
    bench.receive({ kind: 'timeout-now', from: 'b', term: 5 });
    expect(bench.status).toMatchObject({ role: 'follower', term: 2 });
  });

  test.each(ROLES)(
    'a %s does not learn it from the answer of a stranger, who was not asked',
    (role) => {
      const bench = inRole(role);
      bench.receive(voteReply('x', 5, false));
      bench.receive(refusal('x', 5, { index: 0, term: 0 }));
      expect(bench.status).toMatchObject({ role, term: 2 });
    },
  );
});

describe('Raft §5.1: an earlier term', () => {
  const requests: readonly (readonly [string, Incoming])[] = [
    ['an append', append('b', 1, { prevIndex: 1, prevTerm: 1, entries: entriesOf([1], 2) })],
    ['a chunk of a snapshot', snapshot(1)],
    ['a vote request', voteRequest({ from: 'b', term: 1, lastIndex: 0, lastTerm: 0 })],
    ['a pre-vote request', preVoteRequest({ from: 'b', term: 1, lastIndex: 0, lastTerm: 0 })],
  ];
  const rows = ROLES.flatMap((role) =>
    requests.map(([what, message]) => [role, what, message] as const),
  );
  test.each(rows)('a %s rejects %s of it and says its own', (role, _, message) => {
    const bench = inRole(role);
    const before = { status: bench.status, log: termsOf(bench) };
    const [answer, another] = answers(bench.receive(message));
    expect(answer).toMatchObject({ to: 'b', term: 2 });
    expect(answer).not.toMatchObject({ granted: true });
    expect(answer).not.toMatchObject({ matchIndex: 1 });
    expect(another).toBeUndefined();
    expect({ status: bench.status, log: termsOf(bench) }).toEqual(before);
  });

  const replies: readonly (readonly [Role, string, Incoming])[] = [
    ['candidate', 'a granted vote', voteReply('b', 1, true)],
    ['pre-candidate', 'a granted pre-vote', preVoteReply('b', 2, true)],
    [
      'leader',
      'an accepted append',
      { ...refusal('b', 1, { index: 0, term: 0 }), conflict: null, matchIndex: 2 } as Incoming,
    ],
    ['leader', 'a refused append', refusal('b', 1, { index: 0, term: 0 })],
    ['leader', 'an answer to a snapshot', { ...snapshotReply(1), done: true } as Incoming],
    ['follower', 'a demand to campaign', { kind: 'timeout-now', from: 'b', term: 1 }],
  ];
  test.each(replies)('a %s is not moved by %s of it', (role, _, message) => {
    const bench = inRole(role);
    const before = bench.status;
    bench.receive(message);
    expect(bench.status).toEqual(before);
  });
});

describe('Raft §5.1: consecutive integers', () => {
  test('each election begins one new term', () => {
    const three = new Arrangement({ voters: ['a', 'b', 'c'] });
    for (const [i, id] of ['a', 'b', 'c', 'a'].entries()) {
      three.elect(id);
      expect(three.status(id).term).toBe(i + 1);
    }
  });

  test('every message carries the term of its sender, and a pre-vote the one it would begin', () => {
    const three = new Arrangement({ voters: ['a', 'b', 'c'], logs: { c: [1, 1] } });
    three.elect('c');
    three.propose('c');
    three.elect('a');
    for (const id of three.ids) {
      const terms = three.sent
        .filter(({ from, kind }) => from === id && !kind.startsWith('pre-vote'))
        .map(({ term }) => term);
      expect(terms).toEqual([...terms].sort((x, y) => x - y));
      expect(terms.at(-1)).toBe(3);
    }
    const asked = three.sent.filter(({ kind }) => kind === 'pre-vote').map(({ term }) => term);
    expect(asked).toEqual([2, 2, 3, 3]);
  });
});

describe('Raft §5.1: stable storage is updated before responding', () => {
  test('a granted vote leaves when term and vote are durable', () => {
    const bench = new Bench();
    const ready = bench.receive(voteRequest({ from: 'b', term: 3, lastIndex: 0, lastTerm: 0 }));
    expect(ready.persist?.hardState).toMatchObject({ term: 3, votedFor: 'b' });
    expect(bench.takeSent()).toEqual([]);
    bench.sync();
    expect(bench.takeOf('vote-reply')).toMatchObject([{ to: 'b', term: 3, granted: true }]);
  });

  test('a refused vote in a new term leaves when the term is durable', () => {
    const bench = new Bench({ terms: [1] });
    const ready = bench.receive(vote(3));
    expect(ready.persist?.hardState).toMatchObject({ term: 3, votedFor: null });
    expect(bench.takeSent()).toEqual([]);
    bench.sync();
    expect(bench.takeOf('vote-reply')).toMatchObject([{ term: 3, granted: false }]);
  });

  test('a repeated request is not answered before the first answer may leave', () => {
    const bench = new Bench();
    const request = voteRequest({ from: 'b', term: 3, lastIndex: 0, lastTerm: 0 });
    bench.receive(request);
    bench.receive(request);
    expect(bench.takeSent()).toEqual([]);
    bench.sync();
    expect(bench.takeOf('vote-reply')).toHaveLength(2);
  });

  test('a request for votes leaves when the vote for itself is durable', () => {
    const bench = new Bench();
    const ready = bench.becomeCandidate();
    expect(ready.persist?.hardState).toMatchObject({ term: 1, votedFor: 'a' });
    expect(bench.takeOf('vote')).toEqual([]);
    bench.sync();
    expect(bench.takeOf('vote').map(({ to }) => to)).toEqual(['b', 'c']);
  });

  test('the acknowledgement of entries leaves when they are durable', () => {
    const bench = new Bench({ terms: [1] });
    const ready = bench.receive(
      append('b', 1, { prevIndex: 1, prevTerm: 1, entries: entriesOf([1, 1], 2) }),
    );
    expect(ready.persist?.entries.map(({ index }) => index)).toEqual([2, 3]);
    expect(bench.takeSent()).toEqual([]);
    bench.sync();
    expect(bench.takeOf('append-reply')).toMatchObject([{ matchIndex: 3 }]);
  });

  test('term and entries of one message become durable together', () => {
    const bench = new Bench();
    const { persist } = bench.receive(append('b', 4, { entries: entriesOf([4]) }));
    expect(persist).toMatchObject({ hardState: { term: 4 }, entries: [{ index: 1 }] });
  });

  test('even a sign of life is not answered in a term that is not durable', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(append('b', 2));
    expect(bench.takeSent()).toEqual([]);
    bench.sync();
    expect(bench.takeOf('append-reply')).toMatchObject([{ term: 2 }]);
  });

  test('a refused append is not answered in a term that is not durable', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(append('b', 2, { prevIndex: 4, prevTerm: 1 }));
    expect(bench.takeSent()).toEqual([]);
    bench.sync();
    expect(bench.takeOf('append-reply')).toMatchObject([{ term: 2, conflict: { index: 0 } }]);
  });

  test('a stale request is not answered in a term that is not durable', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(append('b', 3));
    bench.receive(append('c', 2));
    expect(bench.takeSent()).toEqual([]);
    bench.sync();
    expect(bench.takeOf('append-reply').map(({ to, term }) => [to, term])).toEqual([
      ['b', 3],
      ['c', 3],
    ]);
  });

  test('after a crash, what was answered still holds and what was not written was never said', () => {
    const three = new Arrangement({ voters: ['a', 'b', 'c'] });
    three.holdDisks('b');
    three.lose = ({ to }) => to === 'c';
    three.campaign('a');
    // The vote for a is in memory only, so nobody heard of it.
    expect(three.status('b')).toMatchObject({ term: 1, votedFor: 'a' });
    expect(three.status('a').role).toBe('candidate');
    three.crash('b');
    three.start('b');
    expect(three.status('b')).toMatchObject({ term: 0, votedFor: null });
    three.partition(['b', 'c']);
    three.elect('c');
    three.crash('b');
    three.start('b');
    expect(three.status('b')).toMatchObject({ term: three.status('c').term, votedFor: 'c' });
  });
});
