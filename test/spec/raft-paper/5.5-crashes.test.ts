/** Raft §5.5: followers and candidates crash, messages are lost or come twice. */
import { describe, expect, test } from 'vitest';
import type { RaftMessage } from '../../../src/raft/types.ts';
import { Bench, entriesOf } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import { append, leaderOf, refusal, termsOf, voteReply, voteRequest, voters } from './parts.ts';

describe('Raft §5.5: requests are repeated until they are answered', () => {
  test('a follower that was down gets everything when it is back', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.crash('c');
    for (let i = 0; i < 10; i += 1) three.propose('a');
    three.start('c');
    for (let i = 0; i < 2; i += 1) three.heartbeat('a');
    expect(three.log('c')).toEqual(three.log('a'));
    expect(three.applied('c')).toEqual(three.applied('a'));
  });

  test('a follower that crashes after it wrote and before it answered is asked again', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.lose = ({ from, to }) => from === 'c' || from === 'b' || to === 'b';
    three.propose('a');
    expect(three.log('c')).toEqual([1, 1]);
    expect(three.status('a').commitIndex).toBe(1);
    three.crash('c');
    three.start('c');
    three.lose = ({ from, to }) => from === 'b' || to === 'b';
    three.heartbeat('a');
    expect(three.log('c')).toEqual([1, 1]);
    expect(three.status('a').commitIndex).toBe(2);
  });

  test('a follower that crashes before it wrote has promised nothing', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.lose = ({ from, to }) => from === 'b' || to === 'b';
    three.holdDisks('c');
    three.propose('a');
    three.crash('c');
    expect(three.status('a').commitIndex).toBe(1);
    three.start('c');
    expect(three.log('c')).toEqual([1]);
    for (let i = 0; i < 2; i += 1) three.heartbeat('a');
    expect(three.status('a').commitIndex).toBe(2);
  });

  test('a candidate that crashes leaves its term behind, and another one is elected', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.lose = ({ kind, to }) => kind === 'vote' && to !== 'a';
    three.campaign('a');
    expect(three.status('a').role).toBe('candidate');
    three.crash('a');
    three.mend();
    three.elect('b');
    three.start('a');
    three.heartbeat('b');
    expect(three.status('a')).toMatchObject({
      role: 'follower',
      term: 1,
      leader: 'b',
      votedFor: 'a',
    });
  });

  test('votes that are lost cost one election, no more', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.lose = ({ kind }) => kind === 'vote-reply';
    three.campaign('a');
    three.mend();
    three.elect('a');
    expect(three.status('a').term).toBe(2);
  });

  test('a leader that crashes and comes back is a follower with its log', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.propose('a');
    three.crash('a');
    three.start('a');
    expect(three.status('a')).toMatchObject({
      role: 'follower',
      term: 1,
      votedFor: 'a',
      leader: null,
    });
    expect(three.log('a')).toEqual([1, 1]);
  });
});

describe('Raft §5.5: messages are idempotent', () => {
  const request = append('b', 1, { entries: entriesOf([1, 1]), commitIndex: 1 });

  test('an append that comes again changes and writes nothing, and is answered alike', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(request);
    bench.sync();
    const [first] = bench.takeSent();
    const before = bench.status;
    const again = bench.receive(request);
    expect(again.persist).toBeNull();
    expect(again.committed).toEqual([]);
    expect(bench.takeSent()).toEqual([first]);
    expect(bench.status).toEqual(before);
  });

  test('appends in the wrong order end in the same log', () => {
    const parts = [0, 1, 2].map((prevIndex) =>
      append('b', 1, {
        prevIndex,
        prevTerm: prevIndex === 0 ? 0 : 1,
        entries: entriesOf([1], prevIndex + 1),
      }),
    );
    const orders = [
      [0, 1, 2],
      [0, 2, 1, 2],
      [2, 1, 0, 1, 2],
      [0, 1, 0, 2, 1],
      [1, 0, 0, 1, 1, 2],
    ];
    for (const order of orders) {
      const bench = new Bench({ term: 1 });
      for (const i of order) bench.receive(parts[i] ?? request);
      expect(termsOf(bench)).toEqual([1, 1, 1]);
    }
  });

  test('a vote request that comes again is granted again', () => {
    const bench = new Bench();
    for (let i = 0; i < 2; i += 1) {
      bench.receive(voteRequest({ from: 'b', term: 1, lastIndex: 0, lastTerm: 0 }));
      bench.sync();
    }
    expect(bench.takeOf('vote-reply').map(({ granted }) => granted)).toEqual([true, true]);
  });

  test('answers that come again, late or in any order move a leader once', () => {
    const bench = leaderOf([1]);
    const replies = [
      { ...refusal('b', 2, { index: 0, term: 0 }), conflict: null, matchIndex: 2 },
      voteReply('b', 2, true),
      refusal('b', 2, { index: 0, term: 0 }),
    ] as const;
    for (let i = 0; i < 3; i += 1) for (const reply of replies) bench.receive(reply);
    expect(bench.committed.map(({ index }) => index)).toEqual([1, 2]);
    expect(bench.status.followers[0]).toMatchObject({ node: 'b', matchIndex: 2 });
  });

  test('a cluster whose network delivers everything twice agrees all the same', () => {
    const three = new Arrangement({ voters: voters(3), logs: { b: [1, 2], c: [1, 1, 1] } });
    const twice = (message: RaftMessage): boolean => {
      if (three.isUp(message.to)) three.step(message.to, { kind: 'message', message });
      return false;
    };
    three.lose = twice;
    three.elect('b');
    for (let i = 0; i < 5; i += 1) three.propose('b');
    three.heartbeat('b');
    expect(three.log('c')).toEqual(three.log('b'));
    expect(three.log('a')).toEqual(three.log('b'));
    expect(three.applied('a')).toEqual(three.applied('b'));
    expect(three.applied('b')).toHaveLength(8);
  });
});
