/** Several events in one step: what a driver does with all that has arrived meanwhile. */
import { describe, expect, test } from 'vitest';
import { Bench } from './bench.ts';

describe('what is handed in together', () => {
  const proposal = (proposalId: number) =>
    ({ kind: 'propose', proposalId, data: new Uint8Array([proposalId]) }) as const;

  test('is one write, and one append to each follower', () => {
    const bench = new Bench();
    bench.lead();
    const ready = bench.stepAll([proposal(1), proposal(2), proposal(3)]);
    expect(ready.accepted.map(({ index }) => index)).toEqual([2, 3, 4]);
    expect(ready.persist?.entries).toHaveLength(3);
    const appends = bench.takeOf('append').map(({ entries, to }) => [to, entries.length]);
    expect(appends).toEqual([
      ['b', 3],
      ['c', 3],
    ]);
  });

  test('commits and is told once, however many answers there are', () => {
    const bench = new Bench();
    bench.lead();
    bench.stepAll([proposal(1), proposal(2)]);
    bench.sync();
    bench.takeSent();
    const answer = (from: string, matchIndex: number) =>
      ({
        kind: 'message',
        message: {
          kind: 'append-reply',
          from,
          to: 'a',
          term: 1,
          matchIndex,
          conflict: null,
          readId: 0,
        },
      }) as const;
    const { committed } = bench.stepAll([answer('b', 2), answer('b', 3), answer('c', 3)]);
    expect(committed.map(({ index }) => index)).toEqual([2, 3]);
    expect(bench.takeOf('append').map(({ commitIndex, to }) => [to, commitIndex])).toEqual([
      ['b', 3],
      ['c', 3],
    ]);
  });

  test('an election that is won and lost again in between tells of no horizon', () => {
    const bench = new Bench();
    bench.becomeCandidate();
    bench.sync();
    const from = { from: 'b', to: 'a' } as const;
    const granted = { kind: 'vote-reply', term: 1, granted: true, quietMs: 9, ...from } as const;
    const newer = { kind: 'vote-reply', term: 5, granted: false, quietMs: 9, ...from } as const;
    const ready = bench.stepAll([
      { kind: 'message', message: granted },
      { kind: 'message', message: newer },
    ]);
    expect(ready).toMatchObject({ role: 'follower', term: 5, horizonMs: null });
  });

  test('answers in the order of what came, after one write that holds all of it', () => {
    const bench = new Bench();
    const vote = { kind: 'vote', to: 'a', lastIndex: 0, lastTerm: 0, transfer: false } as const;
    const { persist, sendAfterPersist } = bench.stepAll([
      { kind: 'message', message: { ...vote, from: 'b', term: 2 } },
      { kind: 'message', message: { ...vote, from: 'c', term: 3 } },
    ]);
    expect(persist?.hardState).toMatchObject({ term: 3, votedFor: 'c' });
    expect(sendAfterPersist).toMatchObject([
      { to: 'b', term: 2, granted: true },
      { to: 'c', term: 3, granted: true },
    ]);
  });
});
