/**
 * Raft §8: what the core does for clients. That a command which is sent twice is applied once is kept
 * by the state machine (src/cluster), not by consensus.
 */
import { describe, expect, test } from 'vitest';
import { Bench } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import { append, inRole, leaderOf, voters } from './parts.ts';

describe('Raft §8: finding the leader', () => {
  test('a server that does not lead rejects a proposal and names the leader that it heard last', () => {
    const bench = new Bench({ term: 1 });
    expect(bench.propose().rejected).toEqual([{ proposalId: 1, code: 'NOT_LEADER', leader: null }]);
    bench.receive(append('b', 1));
    expect(bench.propose().rejected).toEqual([{ proposalId: 1, code: 'NOT_LEADER', leader: 'b' }]);
  });

  test('a pre-candidate rejects; a candidate holds it and appends it if it wins', () => {
    expect(inRole('pre-candidate').propose().rejected).toHaveLength(1);
    const bench = inRole('candidate');
    expect(bench.propose('early', 5)).toMatchObject({ rejected: [], accepted: [] });
    const vote = { kind: 'vote-reply', from: 'b', term: 2, granted: true, quietMs: 0 } as const;
    expect(bench.receive(vote).accepted).toEqual([{ proposalId: 5, index: 3, term: 2 }]);
  });

  test('a candidate that loses rejects what it held, and names the winner', () => {
    const bench = inRole('candidate');
    bench.propose('early', 5);
    expect(bench.receive(append('b', 2)).rejected).toEqual([
      { proposalId: 5, code: 'NOT_LEADER', leader: 'b' },
    ]);
  });
});

describe('Raft §8: a leader commits a no-op at the start of its term', () => {
  test('it appends and sends one in the step in which it wins', () => {
    const bench = new Bench({ terms: [1] });
    const ready = bench.becomeLeader();
    expect(ready.persist?.entries).toEqual([{ index: 2, term: 2, kind: 'no-op' }]);
    expect(bench.takeOf('append').map(({ entries }) => entries)).toEqual(
      ['b', 'c'].map(() => [{ index: 2, term: 2, kind: 'no-op' }]),
    );
  });

  test('that commits what earlier leaders left, without any client', () => {
    const three = new Arrangement({ voters: voters(3), logs: { a: [1, 2], b: [1, 2], c: [1] } });
    three.elect('a');
    for (const id of three.ids) expect(three.status(id).commitIndex).toBe(3);
  });
});

describe('Raft §8: read-only operations', () => {
  test('nothing is read before the no-op is committed: a new leader may not know what is', () => {
    const bench = leaderOf([1, 1]);
    expect(bench.step({ kind: 'read', readId: 1 }).reads).toEqual([]);
    expect(bench.ack('b', 2, 1).reads).toEqual([]);
    expect(bench.ack('b', 3, 1).reads).toEqual([]);
    const { reads } = bench.ack('b', 3, 2);
    expect(reads).toMatchObject([{ readId: 1, index: 3 }]);
  });

  test('a leader exchanges heartbeats with a majority before it answers', () => {
    const bench = new Bench();
    bench.lead();
    expect(bench.step({ kind: 'read', readId: 1 }).reads).toEqual([]);
    const [beat, another] = bench.takeOf('append');
    expect([beat?.to, another?.to]).toEqual(['b', 'c']);
    expect(bench.ack('b', 1, beat?.readId).reads).toMatchObject([{ readId: 1, index: 1 }]);
  });

  test('answers to heartbeats from before the read prove nothing', () => {
    const bench = new Bench();
    bench.lead();
    bench.step({ kind: 'deadline' });
    const old = bench
      .deadline()
      .sendNow.flatMap((message) => (message.kind === 'append' ? [message.readId] : []));
    bench.step({ kind: 'read', readId: 1 });
    for (const from of ['b', 'c']) expect(bench.ack(from, 1, old[0]).reads).toEqual([]);
  });

  test('a deposed leader that has not heard of it answers no read', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.partition(['b', 'c']);
    three.elect('b');
    three.propose('b', 'newer');
    // It still takes itself for the leader; the read has no quorum, and then it gives up.
    three.step('a', { kind: 'read', readId: 1 });
    three.pump();
    three.run(1000);
    expect(three.reads('a')).toEqual([]);
    expect(three.leaders()).toEqual(['b']);
  });

  test('a server that does not lead rejects a read and names the leader', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(append('b', 1));
    expect(bench.step({ kind: 'read', readId: 4 }).readsRejected).toEqual([
      { readId: 4, leader: 'b' },
    ]);
  });
});
