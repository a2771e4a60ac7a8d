import { describe, expect, test } from 'vitest';
import { CatchUp } from '../../src/failover/catch-up.ts';
import type { RaftStatus } from '../../src/raft/types.ts';

const TIMES = { shortestRoundMs: 50, longestRoundMs: 200, freshMs: 250 };

type Seen = { readonly last: number; readonly match: number; readonly heardMs?: number };

function status({ last, match }: Seen, contactMs: number, learners = ['d']): RaftStatus {
  return {
    role: 'leader',
    term: 2,
    leader: 'a',
    votedFor: 'a',
    commitIndex: last,
    appliedIndex: last,
    lastIndex: last,
    lastTerm: 2,
    firstIndex: 1,
    configuration: { voters: ['a', 'b', 'c'], outgoing: [], learners },
    configurationIndex: 1,
    diskStalled: false,
    followers: [
      { node: 'b', state: 'replicate', matchIndex: last, contactMs },
      { node: 'd', state: 'replicate', matchIndex: match, contactMs },
    ],
    transferringTo: null,
  };
}

/** Whether `d` has caught up at each of the moments. */
function play(moments: readonly (readonly [number, Seen])[]): readonly boolean[] {
  const catchUp = new CatchUp(TIMES);
  return moments.map(([now, seen]) => {
    return catchUp.observe(status(seen, seen.heardMs ?? now), now).has('d');
  });
}

describe('a learner', () => {
  test('that has everything must have had it for a round', () => {
    const seen = { last: 10, match: 10 };
    expect(
      play([
        [0, seen],
        [49, seen],
        [50, seen],
        [51, seen],
      ]),
    ).toEqual([false, false, true, true]);
  });

  test('that needs long for what was there when the round began has not caught up', () => {
    const verdicts = play([
      [0, { last: 1_000, match: 0 }],
      [100, { last: 1_100, match: 400 }],
      [300, { last: 1_200, match: 1_000 }],
      [350, { last: 1_250, match: 1_220 }],
    ]);
    expect(verdicts).toEqual([false, false, false, true]);
  });

  test('that never has the very last entry, but follows within a round, has caught up', () => {
    const under = (now: number): readonly [number, Seen] => [
      now,
      { last: now * 10, match: now * 10 - 30 },
    ];
    expect(play([0, 60, 120, 180].map(under))).toEqual([false, true, true, true]);
  });

  test('that falls behind is no longer taken for caught up', () => {
    const verdicts = play([
      [0, { last: 10, match: 10 }],
      [60, { last: 500, match: 10 }],
      [261, { last: 900, match: 20 }],
      [300, { last: 900, match: 900 }],
    ]);
    expect(verdicts).toEqual([false, true, false, false]);
  });

  test('that falls silent begins anew', () => {
    const verdicts = play([
      [0, { last: 10, match: 10 }],
      [60, { last: 10, match: 10 }],
      [400, { last: 10, match: 10, heardMs: 60 }],
      [410, { last: 10, match: 10 }],
      [470, { last: 10, match: 10 }],
    ]);
    expect(verdicts).toEqual([false, true, false, false, true]);
  });

  test('that is none any more is forgotten, and voters are no learners', () => {
    const catchUp = new CatchUp(TIMES);
    const seen = { last: 10, match: 10 };
    catchUp.observe(status(seen, 0), 0);
    expect([...catchUp.observe(status(seen, 60), 60)]).toEqual(['d']);
    expect([...catchUp.observe(status(seen, 70, []), 70)]).toEqual([]);
    expect([...catchUp.observe(status(seen, 80), 80)]).toEqual([]);
  });
});
