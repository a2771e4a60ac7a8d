/**
 * Thesis §9.6: a server that was cut off does not disrupt the cluster when it returns. Before it
 * raises its term it asks whether a majority would vote for it.
 */
import { describe, expect, test } from 'vitest';
import { Bench, configuration } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import { append, inRole, preVoteReply, preVoteRequest, ROLES, voters } from './parts.ts';

describe('Thesis §9.6: asking for pre-votes', () => {
  test('changes neither term nor vote, and writes nothing', () => {
    const bench = new Bench({ terms: [1], term: 3, votedFor: 'c' });
    const { persist } = bench.deadline();
    expect(persist).toBeNull();
    expect(bench.status).toMatchObject({ role: 'pre-candidate', term: 3, votedFor: 'c' });
  });

  test('never ends while no majority answers, and the term stays', () => {
    const bench = new Bench({ term: 3, configuration: configuration(voters(5)) });
    for (let i = 0; i < 100; i += 1) {
      bench.deadline();
      bench.receive(preVoteReply('b', 4, true));
    }
    expect(bench.status).toMatchObject({ role: 'pre-candidate', term: 3 });
  });

  const outcomes = [3, 5].flatMap((size) =>
    Array.from({ length: size }, (_, granted) => {
      const refused = size - 1 - granted;
      const majority = Math.floor(size / 2) + 1;
      return [size, granted, refused, granted + 1 >= majority ? 'candidate' : 'follower'] as const;
    }),
  );
  test.each(outcomes)(
    'of %i voters, %i others would and %i would not: it is a %s',
    (size, granted, _, role) => {
      const bench = new Bench({ term: 3, configuration: configuration(voters(size)) });
      bench.deadline();
      const others = voters(size).slice(1);
      for (const from of others.slice(0, granted)) bench.receive(preVoteReply(from, 4, true));
      for (const from of others.slice(granted)) bench.receive(preVoteReply(from, 3, false));
      expect(bench.status).toMatchObject({ role, term: role === 'candidate' ? 4 : 3 });
    },
  );

  test('answers of another election, repeated ones and those of strangers do not count', () => {
    const bench = new Bench({ term: 3, configuration: configuration(voters(5), [], ['l']) });
    bench.deadline();
    for (const reply of [
      preVoteReply('b', 4, true),
      preVoteReply('b', 4, true),
      preVoteReply('c', 3, true),
      preVoteReply('d', 5, true),
      preVoteReply('l', 4, true),
      preVoteReply('x', 4, true),
    ]) {
      bench.receive(reply);
    }
    expect(bench.status).toMatchObject({ role: 'pre-candidate', term: 3 });
  });

  test('a refusal with a later term tells the one who asks, and it starts from there', () => {
    const bench = new Bench({ term: 3 });
    bench.deadline();
    bench.receive(preVoteReply('b', 8, false));
    expect(bench.status).toMatchObject({ role: 'follower', term: 8 });
  });

  test.each([
    [['b', 'c'], 'd'],
    [['d', 'e'], 'b'],
  ])(
    'in a joint configuration both majorities must be willing: %j are not enough, with %s they are',
    (half, other) => {
      const bench = new Bench({
        configuration: configuration(['a', 'd', 'e'], voters(3)),
        term: 3,
      });
      bench.deadline();
      for (const from of half) bench.receive(preVoteReply(from, 4, true));
      expect(bench.status.role).toBe('pre-candidate');
      bench.receive(preVoteReply(other, 4, true));
      expect(bench.status.role).toBe('candidate');
    },
  );
});

describe('Thesis §9.6: answering them', () => {
  test.each(ROLES)('changes nothing in a %s, whatever it answers', (role) => {
    const bench = inRole(role);
    const { nextDeadlineMs, ...before } = { ...bench.status, nextDeadlineMs: bench.nextDeadlineMs };
    for (const lastIndex of [0, 9]) {
      const lastTerm = lastIndex === 0 ? 0 : 2;
      const ready = bench.receive(preVoteRequest({ from: 'b', term: 9, lastIndex, lastTerm }));
      expect(ready).toMatchObject({ persist: null, nextDeadlineMs });
    }
    expect(bench.status).toEqual(before);
  });

  test('a server may grant several in one term, and none of them is its vote', () => {
    const bench = new Bench({ term: 1, votedFor: 'c' });
    for (const from of ['b', 'c']) {
      bench.receive(preVoteRequest({ from, term: 2, lastIndex: 0, lastTerm: 0 }));
    }
    expect(bench.takeOf('pre-vote-reply').map(({ to, granted }) => [to, granted])).toEqual([
      ['b', true],
      ['c', true],
    ]);
    expect(bench.status).toMatchObject({ term: 1, votedFor: 'c' });
  });

  test.each([
    [1, false],
    [2, false],
    [3, true],
  ])('in term 2, a pre-vote for term %i: %s', (term, granted) => {
    const bench = new Bench({ term: 2 });
    bench.receive(preVoteRequest({ from: 'b', term, lastIndex: 0, lastTerm: 0 }));
    expect(bench.takeOf('pre-vote-reply')).toMatchObject([{ granted, term: granted ? term : 2 }]);
  });

  test.each([
    [0, false],
    [199, false],
    [200, true],
  ])('%i ms after a leader was heard: %s', (ms, granted) => {
    const bench = new Bench({ term: 1 });
    bench.receive(append('c', 1));
    bench.takeSent();
    bench.elapse(ms);
    bench.receive(preVoteRequest({ from: 'b', term: 2, lastIndex: 0, lastTerm: 0 }));
    expect(bench.takeOf('pre-vote-reply')).toMatchObject([{ granted }]);
  });

  test('a leader that hears its quorum refuses', () => {
    const bench = new Bench();
    bench.lead();
    bench.receive(preVoteRequest({ from: 'b', term: 2, lastIndex: 1, lastTerm: 1 }));
    expect(bench.takeOf('pre-vote-reply')).toMatchObject([{ granted: false, term: 1 }]);
  });
});

describe('Thesis §9.6: a server that was cut off', () => {
  test.each([3, 5])('of %i comes back without an election, and follows', (size) => {
    const cluster = new Arrangement({ voters: voters(size) });
    cluster.run(1000);
    const { term } = cluster.status('a');
    cluster.partition(voters(size).slice(0, -1));
    const last = voters(size).at(-1) ?? '';
    cluster.run(60_000);
    expect(cluster.status(last).term).toBe(term);
    cluster.propose('a');
    cluster.mend();
    cluster.run(1000);
    expect(cluster.leaders()).toEqual(['a']);
    expect(cluster.ids.map((id) => cluster.status(id).term)).toEqual(voters(size).map(() => term));
    expect(cluster.log(last)).toEqual(cluster.log('a'));
  });

  test('with the stickiness of the others and a leader that steps down: one broken link harms nobody', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.run(1000);
    const { term } = three.status('a');
    three.lose = ({ from, to }) => (from === 'a' && to === 'c') || (from === 'c' && to === 'a');
    three.run(30_000);
    expect(three.leaders()).toEqual(['a']);
    expect(three.ids.map((id) => three.status(id).term)).toEqual([term, term, term]);
  });

  test('when the old leader is gone the rest elects as soon as its timeouts pass', () => {
    const five = new Arrangement({ voters: voters(5) });
    five.run(1000);
    const { term } = five.status('a');
    five.crash('a');
    five.run(400);
    expect(five.leaders()).toHaveLength(1);
    expect(five.status(five.leaders()[0] ?? '').term).toBe(term + 1);
  });

  test('a higher term with a shorter log, and a lower term with the longer one, still elect', () => {
    const three = new Arrangement({
      voters: voters(3),
      logs: { a: [1, 1, 1], b: [1] },
      terms: { b: 9 },
    });
    three.crash('c');
    three.run(3000);
    expect(three.leaders()).toEqual(['a']);
    expect(three.status('a').term).toBeGreaterThan(9);
  });
});
