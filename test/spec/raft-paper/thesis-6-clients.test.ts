/**
 * Thesis chapter 6: clients. §6.3 (sessions, commands that are applied once) is the state machine's;
 * §6.4.1 (leases) is left out on purpose: no clock decides what a read may see.
 */
import { describe, expect, test } from 'vitest';
import { Bench, configuration, OPTIONS } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import { append, leaderOf, voters } from './parts.ts';

function established(size = 3): Bench {
  const bench = leaderOf([], { configuration: configuration(voters(size)) });
  for (const from of voters(size).slice(1)) bench.ack(from, 1);
  bench.takeSent();
  return bench;
}

/** Nobody answers until it gives up; false if it does not. */
function givesUp(bench: Bench): boolean {
  for (let beats = 0; beats < 100 && bench.status.role === 'leader'; beats += 1) bench.deadline();
  return bench.status.role !== 'leader';
}

/** The round that the appends of this moment ask to echo. */
const lastRound = (bench: Bench): number => bench.takeOf('append').at(-1)?.readId ?? 0;

const read = (bench: Bench, readId = 1) => bench.step({ kind: 'read', readId });

describe('Thesis §6.2: a leader that no majority answers steps down', () => {
  test.each([3, 4, 5, 6, 7])('of %i voters it needs a majority, itself included', (size) => {
    const needed = Math.floor(size / 2);
    for (const [answering, role] of [
      [needed, 'leader'],
      [needed - 1, 'follower'],
    ] as const) {
      const bench = established(size);
      for (let beats = 0; beats < 10 && bench.status.role === 'leader'; beats += 1) {
        bench.deadline();
        const round = lastRound(bench);
        for (const from of voters(size).slice(1, 1 + answering)) bench.ack(from, 1, round);
      }
      expect(bench.status.role).toBe(role);
    }
  });

  test('it does so on its own, in its bound, and sends nothing more', () => {
    const bench = established();
    const began = bench.now;
    expect(givesUp(bench)).toBe(true);
    expect(bench.now - began).toBe(OPTIONS.checkQuorumMs);
    bench.takeSent();
    expect(bench.propose().rejected).toMatchObject([{ code: 'NOT_LEADER', leader: null }]);
    expect(bench.takeSent()).toEqual([]);
  });

  test('it keeps term and vote, so that it cannot vote twice', () => {
    const bench = established();
    expect(givesUp(bench)).toBe(true);
    expect(bench.status).toMatchObject({ role: 'follower', term: 1, votedFor: 'a' });
  });

  test('answers to rounds from before it stood still do not keep it', () => {
    const bench = established();
    bench.deadline();
    const round = lastRound(bench);
    bench.elapse(5000);
    for (const from of ['b', 'c']) bench.ack(from, 1, round);
    bench.step({ kind: 'deadline' });
    expect(bench.status.role).toBe('follower');
  });

  test('a client that asks it afterwards is not kept waiting: reads are refused, too', () => {
    const bench = established();
    read(bench, 7);
    bench.elapse(OPTIONS.checkQuorumMs);
    const { readsRejected } = bench.step({ kind: 'deadline' });
    expect(readsRejected).toEqual([{ readId: 7, leader: null }]);
    expect(read(bench, 8).readsRejected).toEqual([{ readId: 8, leader: null }]);
  });

  test('a follower names the leader that it follows, and nobody once it campaigns', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(append('c', 1));
    expect(bench.propose().rejected[0]?.leader).toBe('c');
    bench.deadline();
    expect(bench.propose().rejected[0]?.leader).toBeNull();
  });

  test('a deposed leader stops to name itself when it hears of the new one', () => {
    const bench = established();
    bench.receive(append('c', 2));
    expect(bench.propose().rejected[0]?.leader).toBe('c');
  });
});

describe('Thesis §6.4: linearizable reads without the log', () => {
  test('1. before an entry of the term is committed the read waits; then it is served', () => {
    const bench = leaderOf([1, 1]);
    read(bench);
    bench.deadline();
    const round = lastRound(bench);
    expect(bench.ack('b', 2, round).reads).toEqual([]);
    expect(bench.ack('c', 2, round).reads).toEqual([]);
    expect(bench.ack('b', 3, round).reads).toEqual([]);
    expect(bench.ack('b', 3, lastRound(bench)).reads).toMatchObject([{ readId: 1, index: 3 }]);
  });

  test('2. the index is the commit index from when the round began, not from before', () => {
    const bench = established();
    bench.propose();
    bench.sync();
    bench.ack('b', 2);
    bench.takeSent();
    read(bench);
    const round = lastRound(bench);
    // What is committed while the round is open is not needed for the read.
    bench.propose();
    bench.sync();
    expect(bench.ack('b', 3, 0).reads).toEqual([]);
    expect(bench.status.commitIndex).toBe(3);
    expect(bench.ack('b', 3, round).reads).toMatchObject([{ index: 2 }]);
  });

  test.each([1, 2, 3, 4, 5, 6, 7])('3. of %i voters a majority must answer a new round', (size) => {
    const bench = established(size);
    let { reads } = read(bench);
    const round = lastRound(bench);
    let answered = 1;
    for (const from of voters(size).slice(1)) {
      if (reads.length > 0) break;
      ({ reads } = bench.ack(from, 1, round));
      answered += 1;
    }
    expect(answered).toBe(Math.floor(size / 2) + 1);
    expect(reads).toMatchObject([{ readId: 1 }]);
  });

  test('3. one voter answers many times and counts once', () => {
    const bench = established(5);
    read(bench);
    const round = lastRound(bench);
    for (let i = 0; i < 5; i += 1) expect(bench.ack('b', 1, round).reads).toEqual([]);
  });

  test('3. an answer to an earlier round, or to one that never was, does not count', () => {
    const bench = established();
    bench.deadline();
    const earlier = lastRound(bench);
    read(bench);
    expect(bench.ack('b', 1, earlier).reads).toEqual([]);
    expect(bench.ack('b', 1, 99).reads).toEqual([]);
  });

  test('3. reads that come while a round is open wait for the next one, together', () => {
    const bench = established();
    read(bench, 1);
    const first = lastRound(bench);
    read(bench, 2);
    read(bench, 3);
    expect(bench.takeOf('append')).toEqual([]);
    expect(bench.ack('b', 1, first).reads).toMatchObject([{ readId: 1 }]);
    const second = lastRound(bench);
    expect(second).toBeGreaterThan(first);
    expect(bench.ack('c', 1, second).reads.map(({ readId }) => readId)).toEqual([2, 3]);
  });

  test('3. an answer that refuses entries is an answer: its sender follows', () => {
    const bench = established();
    read(bench);
    const readId = lastRound(bench);
    const conflict = { index: 0, term: 0 };
    const { reads } = bench.receive({
      kind: 'append-reply',
      from: 'b',
      term: 1,
      matchIndex: 0,
      conflict,
      readId,
    });
    expect(reads).toHaveLength(1);
  });

  test('4. the read is valid once that index is applied: it never is ahead of the commit index', () => {
    const bench = established();
    read(bench);
    const { reads, commitIndex } = bench.ack('b', 1, lastRound(bench));
    expect(reads[0]?.index).toBeLessThanOrEqual(commitIndex);
  });

  test('a leader that is deposed while a read waits refuses it, and names the successor from then on', () => {
    const bench = established();
    read(bench, 5);
    expect(bench.receive(append('c', 2)).readsRejected).toMatchObject([{ readId: 5 }]);
    expect(read(bench, 6).readsRejected).toEqual([{ readId: 6, leader: 'c' }]);
  });

  test('a read sees every write that was confirmed before it, also under a new leader', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    for (let i = 0; i < 5; i += 1) three.propose('a');
    const written = three.status('a').commitIndex;
    three.crash('a');
    three.elect('b');
    three.step('b', { kind: 'read', readId: 1 });
    three.pump();
    expect(three.reads('b')[0]?.index).toBeGreaterThanOrEqual(written);
  });

  test('no lease (§6.4.1): a quorum that answered in this very moment does not spare the round', () => {
    const bench = established();
    bench.deadline();
    const round = lastRound(bench);
    for (const from of ['b', 'c']) bench.ack(from, 1, round);
    expect(read(bench).reads).toEqual([]);
    expect(bench.takeOf('append')).toHaveLength(2);
  });
});
