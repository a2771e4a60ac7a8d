/** Thesis §3.10: a leader hands over to a server of the operator's choice. */
import { describe, expect, test } from 'vitest';
import { Bench, configuration } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import { append, leaderOf, voteRequest, voters } from './parts.ts';

const transfer = (to: string) => ({ kind: 'transfer', to, timeoutMs: 200 }) as const;

/** A leader whose followers hold everything. */
function established(): Bench {
  const bench = new Bench();
  bench.lead();
  return bench;
}

describe('Thesis §3.10: leadership transfer', () => {
  test('1. the leader stops accepting proposals', () => {
    const bench = established();
    bench.step(transfer('b'));
    expect(bench.propose().rejected).toEqual([
      { proposalId: 1, code: 'TRANSFERRING', leader: 'a' },
    ]);
    expect(bench.status).toMatchObject({ role: 'leader', transferringTo: 'b' });
  });

  test('2. it brings the log of the target up to date first', () => {
    const bench = established();
    bench.propose();
    bench.sync();
    bench.takeSent();
    bench.step(transfer('b'));
    expect(bench.takeOf('timeout-now')).toEqual([]);
    bench.ack('c', 2);
    expect(bench.takeOf('timeout-now')).toEqual([]);
    bench.ack('b', 2);
    expect(bench.takeOf('timeout-now').map(({ to }) => to)).toEqual(['b']);
  });

  test('2. entries that travel to a lagging target go on travelling', () => {
    const bench = leaderOf([1, 1, 1]);
    bench.step(transfer('b'));
    bench.receive({
      kind: 'append-reply',
      from: 'b',
      term: 2,
      matchIndex: 0,
      conflict: { index: 1, term: 1 },
      readId: 1,
    });
    const sent = bench
      .takeOf('append')
      .filter(({ to, entries }) => to === 'b' && entries.length > 0);
    expect(sent).toMatchObject([
      { prevIndex: 1, entries: [{ index: 2 }, { index: 3 }, { index: 4 }] },
    ]);
  });

  test('3. it tells the target to campaign at once, without waiting for its timeout', () => {
    const bench = established();
    bench.step(transfer('c'));
    expect(bench.takeOf('timeout-now')).toMatchObject([{ to: 'c', term: 1 }]);
  });

  test('3. the target begins a real election: the next term, its own vote, no pre-vote', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(append('b', 1));
    bench.receive({ kind: 'timeout-now', from: 'b', term: 1 });
    expect(bench.status).toMatchObject({ role: 'candidate', term: 2, votedFor: 'a' });
    bench.sync();
    expect(bench.takeOf('vote').map(({ to, transfer: asked }) => [to, asked])).toEqual([
      ['b', true],
      ['c', true],
    ]);
  });

  test('3. voters that hear the leader vote all the same, since it asked for the election', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(append('b', 1));
    bench.receive(voteRequest({ from: 'c', term: 2, lastIndex: 0, lastTerm: 0, transfer: true }));
    bench.sync();
    expect(bench.takeOf('vote-reply')).toMatchObject([{ to: 'c', granted: true }]);
  });

  test.each([
    ['of a server that is not its leader', 'c', 5],
    ['of an earlier term', 'b', 4],
    ['of a later term', 'b', 6],
  ])('a server does not campaign on the word %s', (_, from, term) => {
    const bench = new Bench({ term: 5 });
    bench.receive(append('b', 5));
    bench.receive({ kind: 'timeout-now', from, term });
    expect(bench.status).toMatchObject({ role: 'follower', term: 5 });
  });

  test('4. the old leader follows when it hears of the new term', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.step('a', transfer('c'));
    three.pump();
    expect(three.leaders()).toEqual(['c']);
    expect(three.status('a')).toMatchObject({ role: 'follower', term: 2, leader: 'c' });
  });

  test('5. a target that does not take over in time: it goes on and accepts proposals again', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.lose = ({ to, from }) => to === 'c' || from === 'c';
    three.step('a', transfer('c'));
    expect(three.propose('a').rejected).toHaveLength(1);
    three.run(250);
    expect(three.status('a')).toMatchObject({ role: 'leader', term: 1, transferringTo: null });
    expect(three.propose('a').accepted).toHaveLength(1);
    expect(three.status('a').commitIndex).toBe(2);
  });

  test('5. a demand that was lost is repeated before the time is up', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.lose = ({ kind }) => kind === 'timeout-now';
    three.step('a', transfer('c'));
    three.mend();
    three.run(100);
    expect(three.leaders()).toEqual(['c']);
  });

  test('a target that lacks a committed entry is never told to campaign', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.lose = ({ to }) => to === 'c';
    three.propose('a');
    three.lose = ({ to, kind }) => to === 'c' && kind === 'append';
    three.step('a', transfer('c'));
    three.run(250);
    expect(three.sent.filter(({ kind }) => kind === 'timeout-now')).toEqual([]);
    expect(three.leaders()).toEqual(['a']);
  });

  test.each([
    ['itself', 'a'],
    ['a learner', 'l'],
    ['a stranger', 'x'],
  ])('it is not begun towards %s', (_, to) => {
    const bench = leaderOf([], { configuration: configuration(voters(3), [], ['l']) });
    for (const from of ['b', 'c', 'l']) bench.ack(from, 1);
    bench.step(transfer(to));
    expect(bench.status).toMatchObject({ role: 'leader', transferringTo: null });
    expect(bench.propose().accepted).toHaveLength(1);
  });

  test('nothing is lost by it: what was accepted before is applied after it', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    for (let i = 0; i < 5; i += 1)
      three.step('a', { kind: 'propose', proposalId: i, data: Uint8Array.of(i) });
    three.step('a', transfer('b'));
    three.pump();
    expect(three.leaders()).toEqual(['b']);
    expect(three.applied('c').filter(({ kind }) => kind === 'command')).toHaveLength(5);
  });
});
