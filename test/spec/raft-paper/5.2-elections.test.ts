/**
 * Raft §5.2: leader election.
 *
 * Two differences from the paper, both on purpose: an election begins with a pre-vote (thesis §9.6),
 * so a timeout raises the term only when a majority would vote; and an election that stays open is
 * asked about again before the next term begins. Ticks of other cores are deadlines here.
 */
import { describe, expect, test } from 'vitest';
import { type Random, seededRandom } from '../../../src/lib/random.ts';
import { RaftCore } from '../../../src/raft/core.ts';
import { Bench, configuration, OPTIONS } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import {
  append,
  inRole,
  preVoteReply,
  preVoteRequest,
  type ROLES,
  voteReply,
  voteRequest,
  voters,
} from './parts.ts';

describe('Raft §5.2: followers', () => {
  test.each([
    ['an empty disk', {}],
    ['a term and a vote', { term: 4, votedFor: 'a' }],
    ['a log', { terms: [1, 2], term: 3 }],
  ])('a server starts as one that knows no leader and sends nothing, with %s', (_, options) => {
    const bench = new Bench(options);
    expect(bench.status).toMatchObject({ role: 'follower', leader: null });
    expect(bench.takeSent()).toEqual([]);
  });

  test('one stays a follower as long as it receives appends of a leader', () => {
    const bench = new Bench();
    for (let i = 0; i < 50; i += 1) {
      bench.receive(append('b', 1));
      bench.elapse(199);
      bench.step({ kind: 'deadline' });
      expect(bench.status).toMatchObject({ role: 'follower', term: 1, leader: 'b' });
    }
  });

  test('a granted vote is a sign of life too', () => {
    const bench = new Bench();
    bench.elapse(199);
    bench.receive(voteRequest({ from: 'b', term: 1, lastIndex: 0, lastTerm: 0 }));
    bench.elapse(199);
    bench.step({ kind: 'deadline' });
    expect(bench.status.role).toBe('follower');
  });

  test.each([
    ['a refused vote request', voteRequest({ from: 'b', term: 5, lastIndex: 0, lastTerm: 0 })],
    ['an append of an earlier term', append('b', 1)],
    ['a pre-vote request', preVoteRequest({ from: 'b', term: 5, lastIndex: 1, lastTerm: 1 })],
  ])('%s is none: the timeout goes on', (_, message) => {
    const bench = new Bench({ terms: [1], term: 4 });
    const { nextDeadlineMs } = bench.step({ kind: 'deadline' });
    bench.elapse(100);
    expect(bench.receive(message).nextDeadlineMs).toBe(nextDeadlineMs);
  });
});

describe('Raft §5.2: beginning an election', () => {
  test.each([
    ['follower', 'pre-candidate'],
    ['pre-candidate', 'pre-candidate'],
    ['candidate', 'pre-candidate'],
  ] as const)(
    'a %s that hears nothing asks all others whether they would vote',
    (role, becomes) => {
      const bench = inRole(role);
      bench.deadline();
      expect(bench.status).toMatchObject({ role: becomes, term: 2 });
      expect(bench.takeOf('pre-vote').map(({ to, term }) => [to, term])).toEqual([
        ['b', 3],
        ['c', 3],
      ]);
    },
  );

  test.each(['follower', 'candidate'] as const)(
    'a %s then raises its term, votes for itself and asks all others at once',
    (role) => {
      const bench = inRole(role);
      bench.becomeCandidate(['b']);
      expect(bench.status).toMatchObject({ role: 'candidate', term: 3, votedFor: 'a' });
      bench.sync();
      expect(bench.takeOf('vote').map(({ to, term }) => [to, term])).toEqual([
        ['b', 3],
        ['c', 3],
      ]);
    },
  );

  test('one voter alone elects itself when its vote is durable', () => {
    const bench = new Bench({ configuration: configuration(['a']) });
    bench.becomeCandidate([]);
    expect(bench.status.role).toBe('candidate');
    bench.sync();
    expect(bench.status.role).toBe('leader');
  });
});

/** Every outcome of one round: n voters, so many granted votes besides the own one, so many refused. */
const outcomes = [1, 2, 3, 4, 5, 6, 7].flatMap((size) =>
  Array.from({ length: size }, (_, granted) =>
    Array.from({ length: size - granted }, (__, refused) => {
      const majority = Math.floor(size / 2) + 1;
      const won = granted + 1 >= majority;
      const lost = size - refused < majority;
      return [size, granted, refused, won ? 'leader' : lost ? 'follower' : 'candidate'] as const;
    }),
  ).flat(),
);

describe('Raft §5.2: a majority of the votes of one term wins', () => {
  test('the table holds what a majority is, for 1 to 7 voters', () => {
    expect(outcomes).toHaveLength(84);
    const least = [1, 2, 3, 4, 5, 6, 7].map((size) =>
      Math.min(
        ...outcomes
          .filter(([n, , , role]) => n === size && role === 'leader')
          .map(([, g]) => g + 1),
      ),
    );
    expect(least).toEqual([1, 2, 2, 3, 3, 4, 4]);
  });

  test.each(outcomes)(
    'of %i voters, %i others grant and %i refuse: it is a %s',
    (size, granted, refused, role) => {
      const bench = new Bench({ configuration: configuration(voters(size)) });
      const others = voters(size).slice(1);
      bench.becomeCandidate(others);
      bench.sync();
      for (const [i, from] of others.entries()) {
        if (i < granted + refused) bench.receive(voteReply(from, 1, i < granted));
      }
      expect(bench.status).toMatchObject({ role, term: 1 });
    },
  );

  test('a vote counts once, however often it is repeated', () => {
    const bench = new Bench({ configuration: configuration(voters(5)) });
    bench.becomeCandidate(['b', 'c']);
    bench.sync();
    for (let i = 0; i < 5; i += 1) bench.receive(voteReply('b', 1, true));
    expect(bench.status.role).toBe('candidate');
  });

  test('votes of another term, of learners and of strangers do not count', () => {
    const bench = new Bench({ terms: [1], configuration: configuration(voters(3), [], ['l']) });
    bench.becomeCandidate();
    bench.sync();
    bench.receive(voteReply('b', 1, true));
    bench.receive(voteReply('l', 2, true));
    bench.receive(voteReply('x', 2, true));
    bench.receive(preVoteReply('b', 3, true));
    expect(bench.status.role).toBe('candidate');
  });
});

describe('Raft §5.2: one vote in each term, first come, first served', () => {
  test.each([
    [null, 'b', true],
    [null, 'c', true],
    ['b', 'b', true],
    ['c', 'c', true],
    ['b', 'c', false],
    ['c', 'b', false],
    ['a', 'b', false],
    ['a', 'c', false],
  ])('a server that voted for %s and is asked by %s: %s', (votedFor, from, granted) => {
    const bench = new Bench({ term: 1, votedFor });
    bench.receive(voteRequest({ from, term: 1, lastIndex: 0, lastTerm: 0 }));
    bench.sync();
    expect(bench.takeOf('vote-reply')).toMatchObject([{ to: from, term: 1, granted }]);
    expect(bench.status.votedFor).toBe(votedFor ?? from);
  });

  test('of two that ask in the same term the first one gets it', () => {
    const bench = new Bench();
    for (const from of ['c', 'b']) {
      bench.receive(voteRequest({ from, term: 3, lastIndex: 0, lastTerm: 0 }));
    }
    bench.sync();
    expect(bench.takeOf('vote-reply').map(({ to, granted }) => [to, granted])).toEqual([
      ['c', true],
      ['b', false],
    ]);
  });

  test('a new term brings a new vote', () => {
    const bench = new Bench({ term: 1, votedFor: 'b' });
    bench.receive(voteRequest({ from: 'c', term: 2, lastIndex: 0, lastTerm: 0 }));
    expect(bench.status).toMatchObject({ term: 2, votedFor: 'c' });
  });

  test.each([
    ['following the winner', () => append('b', 2)],
    ['losing', () => voteReply('b', 2, false)],
  ])('a candidate does not get its vote back by %s', (_, message) => {
    const bench = inRole('candidate');
    bench.receive(message());
    bench.receive({ ...voteReply('c', 2, false) });
    bench.receive(voteRequest({ from: 'c', term: 2, lastIndex: 9, lastTerm: 1 }));
    bench.sync();
    expect(bench.status).toMatchObject({ role: 'follower', term: 2, votedFor: 'a' });
    expect(bench.takeOf('vote-reply')).toMatchObject([{ to: 'c', granted: false }]);
  });

  test('a restart does not give it back either', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.lose = ({ to, kind }) => to === 'c' || kind === 'append';
    three.elect('a');
    three.crash('b');
    three.start('b');
    expect(three.status('b')).toMatchObject({ term: 1, votedFor: 'a' });
    three.step('b', {
      kind: 'message',
      message: { ...voteRequest({ from: 'c', term: 1, lastIndex: 0, lastTerm: 0 }), to: 'b' },
    });
    expect(three.sent.at(-1)).toMatchObject({ from: 'b', to: 'c', term: 1, granted: false });
  });

  test.each(['candidate', 'leader'] as const)('a %s has voted for itself', (role) => {
    const bench = inRole(role);
    bench.receive(voteRequest({ from: 'b', term: 2, lastIndex: 9, lastTerm: 1 }));
    expect(bench.takeOf('vote-reply')).toMatchObject([{ to: 'b', granted: false }]);
    expect(bench.status).toMatchObject({ role, term: 2 });
  });
});

describe('Raft §5.2: another server establishes itself', () => {
  test.each([
    ['candidate', 2],
    ['candidate', 3],
    ['pre-candidate', 2],
    ['pre-candidate', 3],
    ['follower', 2],
    ['leader', 3],
  ] as const)('a %s in term 2 that hears an append of term %i follows its sender', (role, term) => {
    const bench = inRole(role);
    bench.receive(append('b', term));
    expect(bench.status).toMatchObject({ role: 'follower', term, leader: 'b' });
  });

  test('also when the entries of that append do not fit', () => {
    const bench = inRole('candidate');
    bench.receive(append('b', 2, { prevIndex: 7, prevTerm: 2 }));
    expect(bench.status).toMatchObject({ role: 'follower', term: 2, leader: 'b' });
  });

  test.each(['pre-candidate', 'candidate'] as const)(
    'a %s stays one when the append is older',
    (role) => {
      const bench = inRole(role);
      bench.receive(append('b', 1));
      expect(bench.status).toMatchObject({ role, term: 2 });
    },
  );

  test('votes that come too late make no leader', () => {
    const bench = inRole('candidate');
    bench.receive(append('b', 2));
    for (const from of ['b', 'c']) bench.receive(voteReply(from, 2, true));
    expect(bench.status).toMatchObject({ role: 'follower', leader: 'b' });
  });
});

describe('Raft §5.2: a leader', () => {
  test.each([3, 5, 7])('of %i voters tells all others in the step in which it wins', (size) => {
    const bench = new Bench({ configuration: configuration(voters(size)) });
    bench.becomeLeader(voters(size).slice(1));
    expect(bench.takeOf('append').map(({ to, term }) => [to, term])).toEqual(
      voters(size)
        .slice(1)
        .map((to) => [to, 1]),
    );
  });

  test.each([3, 5, 7])(
    'of %i voters sends its heartbeats again and again, at its interval',
    (size) => {
      const bench = new Bench({ configuration: configuration(voters(size)) });
      bench.becomeLeader(voters(size).slice(1));
      bench.sync();
      for (let round = 2; round < 12; round += 1) {
        bench.takeSent();
        const { now } = bench;
        bench.deadline();
        expect(bench.now - now).toBe(OPTIONS.heartbeatMs);
        const beats = bench.takeOf('append');
        // A heartbeat is an append without entries.
        expect(beats.map(({ entries }) => entries.length)).toEqual(beats.map(() => 0));
        expect(beats.map(({ to }) => to)).toEqual(voters(size).slice(1));
        for (const from of voters(size).slice(1)) bench.ack(from, 1, round);
      }
      expect(bench.status).toMatchObject({ role: 'leader', term: 1 });
    },
  );

  test('keeps others from campaigning by its heartbeats alone', () => {
    const five = new Arrangement({ voters: voters(5) });
    five.run(1000);
    const term = five.status('a').term;
    five.run(60_000);
    expect(five.leaders()).toEqual(['a']);
    expect(five.ids.map((id) => five.status(id).term)).toEqual(voters(5).map(() => term));
    expect(five.ids.map((id) => five.status(id).leader)).toEqual(voters(5).map(() => 'a'));
  });
});

describe('Raft §5.2: a split vote', () => {
  /** a and b campaign in the same instant; each gets its own vote and one other. */
  function split(): Arrangement {
    const four = new Arrangement({ voters: voters(4) });
    four.lose = ({ from, to, kind }) =>
      kind === 'vote' && ((from === 'a' && to === 'd') || (from === 'b' && to === 'c'));
    four.now += 1000;
    for (const id of ['a', 'b']) four.step(id, { kind: 'deadline' });
    four.pump();
    return four;
  }

  test('elects nobody', () => {
    const four = split();
    expect(four.ids.map((id) => four.status(id).votedFor)).toEqual(['a', 'b', 'a', 'b']);
    expect(four.leaders()).toEqual([]);
  });

  test('ends with the next timeout, in the next term', () => {
    const four = split();
    four.mend();
    four.campaign('b');
    expect(four.leaders()).toEqual(['b']);
    expect(four.status('b').term).toBe(2);
  });

  test('resolves by itself: the timeouts differ', () => {
    const four = split();
    four.mend();
    four.run(2000);
    expect(four.leaders()).toHaveLength(1);
  });
});

describe('Raft §5.2: timeouts are random and seldom meet', () => {
  const gap = OPTIONS.electionGapMs;

  test.each(['follower', 'pre-candidate', 'candidate'] as const)(
    'those of a %s take every value of its interval, and no other',
    (role) => {
      const seen = new Set<number>();
      for (let i = 0; i < 1000; i += 1) seen.add(timeoutOf(role, 0, i));
      const first = OPTIONS.electionTimeoutMs;
      expect([...seen].sort((x, y) => x - y)).toEqual(
        Array.from({ length: gap }, (_, i) => first + i),
      );
    },
  );

  test.each(['follower', 'candidate'] as const)(
    'with ranks, no two of five %ss share one: their intervals do not overlap',
    (role) => {
      for (let i = 0; i < 200; i += 1) {
        const drawn = [0, 1, 2, 3, 4].map((rank) => timeoutOf(role, rank, i * 5 + rank));
        expect(drawn).toEqual([...drawn].sort((x, y) => x - y));
        expect(new Set(drawn).size).toBe(5);
      }
    },
  );

  test.each(['follower', 'candidate'] as const)(
    'without ranks, chance alone leaves the earliest of five %ss mostly alone',
    (role) => {
      let conflicts = 0;
      for (let i = 0; i < 1000; i += 1) {
        const drawn = [0, 1, 2, 3, 4].map((node) => timeoutOf(role, 0, i * 5 + node));
        const earliest = Math.min(...drawn);
        if (drawn.filter((timeout) => timeout === earliest).length > 1) conflicts += 1;
      }
      expect(conflicts).toBeLessThan(300);
      expect(conflicts).toBeGreaterThan(0);
    },
  );

  test('a new one is drawn with each election', () => {
    const bench = new Bench();
    const drawn = new Set<number>();
    for (let i = 0; i < 50; i += 1) drawn.add(bench.deadline().nextDeadlineMs - bench.now);
    expect(drawn.size).toBeGreaterThan(5);
  });

  /** How long a server in this role waits, drawn with this seed. */
  function timeoutOf(role: (typeof ROLES)[number], rank: number, seed: number): number {
    const random: Random = seededRandom(seed);
    const now = 1000;
    const core = RaftCore.restore(
      { ...OPTIONS, rank },
      { hardState: { term: 1, votedFor: null, commitIndex: 0 }, snapshot: null, entries: [] },
      configuration(),
      now,
      random,
    );
    const started = core.step({ kind: 'deadline' }, now, random);
    if (role === 'follower') return started.nextDeadlineMs - now;
    const later = started.nextDeadlineMs;
    const asked = core.step({ kind: 'deadline' }, later, random);
    if (role === 'pre-candidate') return asked.nextDeadlineMs - later;
    const message = { ...preVoteReply('b', 2, true), to: 'a' };
    return core.step({ kind: 'message', message }, later, random).nextDeadlineMs - later;
  }
});
