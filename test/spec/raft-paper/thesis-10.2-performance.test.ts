/** Thesis §10.2: what may go on in parallel without giving up safety. */
import { describe, expect, test } from 'vitest';
import { Bench, configuration, entriesOf } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import { append, leaderOf, voters } from './parts.ts';

describe('Thesis §10.2.1: the leader writes while its entries travel', () => {
  test('entries are sent in the step that appends them, before they are durable', () => {
    const bench = leaderOf([]);
    for (const from of ['b', 'c']) bench.ack(from, 1);
    bench.takeSent();
    const ready = bench.propose();
    expect(ready.persist).not.toBeNull();
    expect(ready.sendNow.map(({ kind, to }) => [kind, to])).toEqual([
      ['append', 'b'],
      ['append', 'c'],
    ]);
    expect(ready.sendAfterPersist).toEqual([]);
  });

  test.each([
    [3, ['b'], false, 1],
    [3, ['b', 'c'], false, 2],
    [3, ['b'], true, 2],
    [3, [], true, 1],
    [5, ['b', 'c'], false, 1],
    [5, ['b', 'c', 'd'], false, 2],
    [5, ['b', 'c'], true, 2],
    [1, [], false, 1],
    [1, [], true, 2],
  ])(
    'of %i voters, %j hold the entry and its own disk does is %s: committed up to %i',
    (size, holders, durable, expected) => {
      const bench = leaderOf([], { configuration: configuration(voters(size)) });
      for (const from of voters(size).slice(1)) bench.ack(from, 1);
      bench.propose();
      if (durable) bench.sync();
      for (const from of holders) bench.ack(from, 2);
      expect(bench.status.commitIndex).toBe(expected);
    },
  );

  test('an entry that was committed without the leader’s disk survives the leader', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.holdDisks('a');
    three.propose('a', 'x');
    expect(three.status('a').commitIndex).toBe(2);
    three.crash('a');
    three.start('a');
    expect(three.log('a')).toEqual([1]);
    three.elect('b');
    three.heartbeat('b');
    expect(three.log('a')).toEqual([1, 1, 2]);
    expect(three.applied('a')).toEqual(three.applied('b'));
  });

  test('a leader that lost its unwritten entries in a crash cannot win against those who hold them', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.holdDisks('a');
    three.propose('a', 'x');
    three.crash('a');
    three.start('a');
    three.campaign('a');
    expect(three.leaders()).toEqual([]);
  });

  test('one answer of the disk stands for all writes before it', () => {
    const bench = new Bench({ configuration: configuration(['a']) });
    bench.becomeLeader([]);
    bench.sync();
    const marks = [1, 2, 3].map((id) => bench.propose('x', id).persist?.mark ?? 0);
    expect(bench.status.commitIndex).toBe(1);
    bench.step({ kind: 'durable', mark: marks[2] ?? 0 });
    expect(bench.status.commitIndex).toBe(4);
  });

  test('an answer of the disk stands for no write after it', () => {
    const bench = new Bench({ configuration: configuration(['a']) });
    bench.becomeLeader([]);
    bench.sync();
    const marks = [1, 2, 3].map((id) => bench.propose('x', id).persist?.mark ?? 0);
    bench.step({ kind: 'durable', mark: marks[1] ?? 0 });
    expect(bench.status.commitIndex).toBe(3);
  });

  test('a follower acknowledges several appends in flight in their order, each when it is durable', () => {
    const bench = new Bench({ term: 1 });
    for (const prevIndex of [0, 1, 2]) {
      const prevTerm = prevIndex === 0 ? 0 : 1;
      bench.receive(
        append('b', 1, { prevIndex, prevTerm, entries: entriesOf([1], prevIndex + 1) }),
      );
    }
    const matches = [];
    for (let i = 0; i < 3; i += 1) {
      bench.syncOne();
      matches.push(...bench.takeOf('append-reply').map(({ matchIndex }) => matchIndex));
    }
    expect(matches).toEqual([1, 2, 3]);
  });

  test('a write that a newer leader’s entries replaced vouches for nothing', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(append('b', 1, { entries: entriesOf([1, 1]) }));
    bench.receive(append('c', 2));
    bench.receive(append('c', 2, { entries: entriesOf([2]) }));
    // On the disk now: the entries of term 1, and the term 2; not the entry that replaced them.
    bench.syncOne();
    bench.syncOne();
    bench.takeSent();
    bench.receive(append('c', 2, { prevIndex: 1, prevTerm: 2 }));
    expect(bench.takeOf('append-reply')).toMatchObject([{ matchIndex: 0 }]);
    bench.sync();
    bench.takeSent();
    bench.receive(append('c', 2, { prevIndex: 1, prevTerm: 2 }));
    expect(bench.takeOf('append-reply')).toMatchObject([{ matchIndex: 1 }]);
  });
});

describe('Thesis §10.2.2: batching and pipelining', () => {
  test('appends leave without waiting for the answers to those before', () => {
    const bench = leaderOf([]);
    bench.ack('b', 1);
    bench.takeSent();
    for (let i = 0; i < 3; i += 1) bench.propose();
    const sent = bench.takeOf('append').filter(({ to }) => to === 'b');
    expect(sent.map(({ prevIndex }) => prevIndex)).toEqual([1, 2, 3]);
  });

  test('what gathers while the window is full leaves together', () => {
    const bench = leaderOf([]);
    bench.ack('b', 1);
    for (let i = 0; i < 10; i += 1) bench.propose();
    bench.takeSent();
    bench.ack('b', 2);
    const sent = bench
      .takeOf('append')
      .filter(({ to, entries }) => to === 'b' && entries.length > 0);
    expect(sent.map(({ entries }) => entries.length)).toEqual([6]);
  });

  test('answers in another order than the appends move the commit index all the same', () => {
    const bench = leaderOf([]);
    for (let i = 0; i < 3; i += 1) bench.propose();
    bench.sync();
    for (const match of [4, 2, 3]) bench.ack('b', match);
    expect(bench.status.commitIndex).toBe(4);
  });

  test('an append that was lost between two others is noticed and made up for', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    let count = 0;
    three.lose = ({ to, kind }) => {
      if (to === 'b' && kind === 'append') count += 1;
      return to === 'b' && kind === 'append' && count === 1;
    };
    for (let i = 0; i < 5; i += 1)
      three.step('a', { kind: 'propose', proposalId: i, data: Uint8Array.of(i) });
    three.pump();
    expect(three.log('b')).toEqual(three.log('a'));
  });
});
