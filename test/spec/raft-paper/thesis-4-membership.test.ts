/**
 * Thesis chapter 4: changes of membership.
 *
 * The thesis' usual change adds or removes one server, with a single entry. Ours takes the joint way
 * (§4.3) for every change of voters, also for one; what §4.1 and §4.2 demand holds for both.
 */
import { describe, expect, test } from 'vitest';
import type { ChangeTarget, Configuration } from '../../../src/raft/types.ts';
import { Bench, configuration, entriesOf } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import { append, leaderOf, preVoteRequest, voteRequest, voters } from './parts.ts';

const to = (all: readonly string[], learners: readonly string[] = []): ChangeTarget => ({
  voters: all,
  learners,
});

function ask(bench: Bench, target: ChangeTarget): string {
  const { accepted, rejected } = bench.step({ kind: 'change', proposalId: 1, target });
  return rejected[0]?.code ?? `accepted at ${accepted[0]?.index}`;
}

function acks(bench: Bench, ...from: readonly string[]): void {
  bench.sync();
  for (const node of from) bench.ack(node, bench.status.lastIndex);
}

/** Leads this configuration, everything committed. */
function leading(own: Configuration): Bench {
  const bench = leaderOf([], { configuration: own });
  acks(bench, ...[...own.voters, ...own.learners].filter((node) => node !== 'a'));
  bench.takeSent();
  return bench;
}

describe('Thesis §4.1: safety', () => {
  test('each server uses the latest configuration in its log, committed or not', () => {
    const bench = new Bench({ term: 1 });
    const [one, two] = [configuration(['a', 'b'], [], ['c']), configuration(['a'], [], ['b'])];
    const entries = [one, two].map((each, i) => {
      return { index: i + 1, term: 1, kind: 'configuration', configuration: each } as const;
    });
    bench.receive(append('b', 1, { entries: entries.slice(0, 1) }));
    expect(bench.status.configuration).toEqual(one);
    bench.receive(append('b', 1, { prevIndex: 1, prevTerm: 1, entries: entries.slice(1) }));
    expect(bench.status).toMatchObject({ configuration: two, commitIndex: 0 });
  });

  test('it goes back to the one before when its entry is removed by a new leader', () => {
    const five = new Arrangement({ voters: voters(3), others: ['d'] });
    five.elect('a');
    five.lose = ({ from }) => from === 'a';
    five.change('a', to(voters(4)));
    expect(five.status('a').configuration.outgoing).toEqual(voters(3));
    five.partition(['b', 'c']);
    five.elect('b');
    five.mend();
    five.heartbeat('b');
    five.heartbeat('b');
    expect(five.status('a').configuration).toEqual(configuration(voters(3)));
    expect(five.log('a')).toEqual([1, 2]);
  });

  test('a leader refuses a change until the one before is committed', () => {
    const bench = leading(configuration(voters(3)));
    expect(ask(bench, to(voters(3), ['l']))).toBe('accepted at 2');
    expect(ask(bench, to(voters(3), ['m']))).toBe('CHANGE_PENDING');
    acks(bench, 'b');
    expect(ask(bench, to(voters(4)))).toBe('accepted at 3');
    expect(ask(bench, to(voters(2)))).toBe('CHANGE_PENDING');
    // The joint one is committed, the final one is not.
    acks(bench, 'b', 'c', 'd');
    bench.sync();
    expect(bench.status).toMatchObject({ lastIndex: 4, commitIndex: 3 });
    expect(ask(bench, to(voters(2)))).toBe('CHANGE_PENDING');
    acks(bench, 'b', 'c');
    expect(ask(bench, to(voters(2)))).toBe('accepted at 5');
  });

  test('a new leader refuses a change until it has committed an entry of its own term', () => {
    const bench = leaderOf([1, 1], { commitIndex: 2 });
    expect(ask(bench, to(voters(4)))).toBe('TERM_NOT_COMMITTED');
    acks(bench, 'b');
    expect(ask(bench, to(voters(4)))).toBe('accepted at 4');
  });

  test('two leaders in turn, each with an unfinished change, do not decide apart (raft-dev 2015)', () => {
    const six = new Arrangement({ voters: voters(4), others: ['e'] });
    // a takes in e, and reaches e only.
    six.elect('a');
    six.lose = ({ from, to }) => from === 'a' && to !== 'e';
    six.change('a', to(voters(5)));
    // b wins with c and d and wants to be rid of a, before it has committed anything.
    six.partition(['b', 'c', 'd']);
    six.lose = (
      (lost) => (message) =>
        lost(message) || message.kind === 'append-reply'
    )(six.lose);
    six.elect('b');
    expect(six.change('b', to(['b', 'c', 'd'])).rejected).toMatchObject([
      { code: 'TERM_NOT_COMMITTED' },
    ]);
    // With its no-op committed it may; then a cannot win with e any more.
    six.partition(['b', 'c', 'd']);
    six.heartbeat('b');
    expect(six.change('b', to(['b', 'c', 'd'])).accepted).toHaveLength(1);
    expect(six.status('b').configuration).toEqual(configuration(['b', 'c', 'd']));
    six.partition(['a', 'e'], ['b', 'c', 'd']);
    for (let i = 0; i < 3; i += 1) for (const id of ['a', 'e']) six.campaign(id);
    expect(six.leaders()).toEqual(['b']);
  });

  test('a server outside the configuration of the receiver may lead it and be elected by it', () => {
    const bench = new Bench({ configuration: configuration(['a', 'b', 'c']) });
    bench.receive(voteRequest({ from: 'x', term: 1, lastIndex: 0, lastTerm: 0 }));
    bench.receive(append('x', 1, { entries: entriesOf([1]) }));
    bench.sync();
    expect(bench.status).toMatchObject({ votedFor: 'x', leader: 'x', lastIndex: 1 });
  });

  test.each([
    ['names a node twice', to(['a', 'b', 'b'])],
    ['makes one both voter and learner', to(['a', 'b'], ['b'])],
    ['leaves no voter', to([], ['a'])],
    ['keeps not one voter', to(['x', 'y', 'z'])],
    ['changes nothing', to(['c', 'b', 'a'])],
  ])('a change that %s is refused before it reaches the log', (_, target) => {
    const bench = leading(configuration(voters(3)));
    expect(ask(bench, target)).toBe('INVALID_CHANGE');
    expect(bench.status.lastIndex).toBe(1);
  });
});

describe('Thesis §4.1: one server at a time, from one to seven and back', () => {
  const steps = [1, 2, 3, 4, 5, 6].flatMap((size) => [
    [size, size + 1] as const,
    [size + 1, size] as const,
  ]);

  test.each(steps)(
    'from %i voters to %i, with proposals before, during and after',
    (from, until) => {
      const cluster = new Arrangement({ voters: voters(from), others: voters(7).slice(from) });
      cluster.elect('a');
      cluster.propose('a', 'before');
      cluster.step('a', { kind: 'change', proposalId: 1, target: to(voters(until)) });
      cluster.propose('a', 'during');
      cluster.propose('a', 'after');
      for (const id of voters(until)) {
        expect(cluster.status(id).configuration).toEqual(configuration(voters(until)));
        const texts = cluster
          .applied(id)
          .flatMap((entry) =>
            entry.kind === 'command' ? [new TextDecoder().decode(entry.data)] : [],
          );
        expect(texts).toEqual(['before', 'during', 'after']);
      }
      // A majority of the new ones goes on without the others.
      const majority = voters(until).slice(0, Math.floor(until / 2) + 1);
      cluster.partition(majority);
      const { commitIndex } = cluster.status('a');
      cluster.propose('a');
      expect(cluster.status('a').commitIndex).toBe(commitIndex + 1);
    },
  );

  test('all the way up and down, under one leader and after it', () => {
    const cluster = new Arrangement({ voters: ['a'], others: voters(7).slice(1) });
    cluster.elect('a');
    for (const size of [2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2]) {
      cluster.change('a', to(voters(size)));
      cluster.propose('a', `${size}`);
    }
    cluster.crash('a');
    cluster.campaign('b');
    // Of two voters one is left: nobody leads, until the other is back.
    expect(cluster.leaders()).toEqual([]);
    cluster.start('a');
    cluster.elect('b');
    expect(cluster.applied('b').filter(({ kind }) => kind === 'command')).toHaveLength(11);
  });
});

describe('Thesis §4.2.1: catching up new servers', () => {
  test('a new server first gets the log as a learner, and the leader shows how far it is', () => {
    const four = new Arrangement({ voters: voters(3), others: ['d'] });
    four.elect('a');
    for (let i = 0; i < 50; i += 1) four.propose('a');
    four.lose = ({ to }) => to === 'd';
    four.change('a', to(voters(3), ['d']));
    const progress = () => four.status('a').followers.find(({ node }) => node === 'd');
    expect(progress()).toMatchObject({ matchIndex: 0 });
    four.mend();
    for (let i = 0; i < 3; i += 1) four.heartbeat('a');
    expect(progress()).toMatchObject({ matchIndex: 52, state: 'replicate' });
  });

  test('a learner that is slow or gone holds up nothing', () => {
    const bench = leading(configuration(voters(3), [], ['l']));
    bench.propose();
    acks(bench, 'b');
    expect(bench.status.commitIndex).toBe(2);
    for (let beats = 0; beats < 10; beats += 1) {
      bench.deadline();
      const round = bench.takeOf('append').at(-1)?.readId ?? 0;
      for (const from of ['b', 'c']) bench.ack(from, 2, round);
    }
    expect(bench.status.role).toBe('leader');
  });

  test('a learner with the whole log helps no entry to be committed and no leader to stay', () => {
    const bench = leading(configuration(voters(3), [], ['l', 'm']));
    bench.propose();
    acks(bench, 'l', 'm');
    expect(bench.status.commitIndex).toBe(1);
    for (let beats = 0; beats < 10 && bench.status.role === 'leader'; beats += 1) {
      bench.deadline();
      const round = bench.takeOf('append').at(-1)?.readId ?? 0;
      for (const from of ['l', 'm']) bench.ack(from, 2, round);
    }
    expect(bench.status.role).toBe('follower');
  });

  test('its echoes confirm no read', () => {
    const bench = leading(configuration(voters(3), [], ['l', 'm']));
    bench.step({ kind: 'read', readId: 1 });
    const round = bench.takeOf('append').at(-1)?.readId ?? 0;
    for (const from of ['l', 'm']) expect(bench.ack(from, 1, round).reads).toEqual([]);
    expect(bench.ack('b', 1, round).reads).toHaveLength(1);
  });

  test('promoted, it counts from the joint configuration on', () => {
    const bench = leading(configuration(voters(3), [], ['d']));
    expect(ask(bench, to(voters(4)))).toBe('accepted at 2');
    // Three of four are needed of the new ones: a, b and d; of the old ones a and b.
    acks(bench, 'b');
    expect(bench.status.commitIndex).toBe(1);
    acks(bench, 'd');
    expect(bench.status.commitIndex).toBe(2);
  });

  test('a voter may become a learner again, and counts until then', () => {
    const bench = leading(configuration(voters(3)));
    expect(ask(bench, to(['a', 'b'], ['c']))).toBe('accepted at 2');
    acks(bench, 'b');
    acks(bench, 'b');
    expect(bench.status.configuration).toEqual(configuration(['a', 'b'], [], ['c']));
    bench.propose();
    acks(bench, 'c');
    expect(bench.status.commitIndex).toBe(3);
  });
});

describe('Thesis §4.2.2: removing the present leader', () => {
  test('it manages a cluster that it is not part of, until the change is committed', () => {
    const four = new Arrangement({ voters: voters(4) });
    four.elect('a');
    four.holdDisks('b', 'c', 'd');
    four.change('a', to(['b', 'c', 'd']));
    expect(four.leaders()).toEqual(['a']);
    four.releaseDisks('b', 'c', 'd');
    four.pump();
    expect(four.status('a')).toMatchObject({ role: 'follower', commitIndex: 3 });
    // The others know of the commit, and one of them has been told to take over.
    const commits = ['b', 'c', 'd'].map((id) => four.status(id).commitIndex);
    expect(Math.min(...commits)).toBeGreaterThanOrEqual(3);
    expect(['b', 'c', 'd']).toContain(four.leaders()[0]);
  });

  test('one that crashes before that may lead again, and finishes the change', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.lose = ({ from, kind }) => from !== 'a' && kind === 'append-reply';
    three.change('a', to(['b', 'c']));
    three.crash('a');
    three.start('a');
    three.mend();
    three.campaign('a');
    for (const id of three.ids) {
      expect(three.status(id).configuration).toEqual(configuration(['b', 'c']));
    }
    three.run(2000);
    expect(three.leaders()).toHaveLength(1);
    expect(three.leaders()).not.toContain('a');
  });

  test('one that is made a learner steps down like one that is removed', () => {
    const bench = leading(configuration(voters(3)));
    ask(bench, to(['b', 'c'], ['a']));
    acks(bench, 'b', 'c');
    acks(bench, 'b', 'c');
    expect(bench.status).toMatchObject({ role: 'follower', commitIndex: 3 });
    for (let i = 0; i < 5; i += 1) bench.deadline();
    expect(bench.status.role).toBe('follower');
  });

  test('handing over first (§3.10) spares the timeout', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.step('a', { kind: 'transfer', to: 'b', timeoutMs: 200 });
    three.pump();
    three.change('b', to(['b', 'c']));
    expect(three.leaders()).toEqual(['b']);
    expect(three.status('b').configuration).toEqual(configuration(['b', 'c']));
  });
});

describe('Thesis §4.2.3: disruptive servers', () => {
  test.each([
    ['a vote request', voteRequest, 'is not even answered'],
    ['a pre-vote request', preVoteRequest, 'is refused'],
  ])('%s %s while a leader is heard', (_, request) => {
    for (const ms of [0, 100, 199]) {
      const bench = new Bench({ term: 1 });
      bench.receive(append('b', 1));
      bench.takeSent();
      bench.elapse(ms);
      bench.receive(request({ from: 'x', term: 8, lastIndex: 9, lastTerm: 7 }));
      expect(bench.status).toMatchObject({ term: 1, votedFor: null });
      expect(bench.takeSent().filter((message) => 'granted' in message && message.granted)).toEqual(
        [],
      );
    }
  });

  test('a server that starts anew has heard nobody and votes at once', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(voteRequest({ from: 'c', term: 2, lastIndex: 0, lastTerm: 0 }));
    expect(bench.status.votedFor).toBe('c');
  });

  test('the leader that is heard may itself ask: it has plainly given up leading', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(append('b', 1));
    bench.receive(voteRequest({ from: 'b', term: 2, lastIndex: 0, lastTerm: 0 }));
    expect(bench.status).toMatchObject({ term: 2, votedFor: 'b' });
  });

  test('a leader is not deposed by a removed server with a high term and a long log', () => {
    const three = new Arrangement({ voters: voters(3), logs: { c: [1] }, terms: { c: 40 } });
    three.partition(['a', 'b']);
    three.elect('a');
    three.change('a', to(['a', 'b']));
    three.mend();
    const { term } = three.status('a');
    three.run(10_000);
    expect(three.leaders()).toEqual(['a']);
    expect(three.status('a').term).toBe(term);
  });

  test('knowledge that the leader is gone lifts it', () => {
    const bench = new Bench({ term: 1, raft: { rank: 2 } });
    bench.receive(append('b', 1));
    bench.step({ kind: 'forget-leader' });
    bench.receive(voteRequest({ from: 'c', term: 2, lastIndex: 0, lastTerm: 0 }));
    expect(bench.status).toMatchObject({ term: 2, votedFor: 'c' });
  });
});

describe('Thesis §4.2.4: availability during a change', () => {
  const stages = [0, 1, 2, 3, 4, 5, 6].flatMap((answers) =>
    [[], ['d'], ['e']].map((others) => [answers, others] as const),
  );
  test.each(stages)(
    'the leader fails after %i answers, and %j with it: the rest goes on',
    (count, others) => {
      const cluster = new Arrangement({ voters: voters(3), others: ['d', 'e'] });
      cluster.elect('a');
      let answers: number = count;
      cluster.lose = ({ kind }) => {
        if (kind === 'append-reply') answers -= 1;
        return answers < 0;
      };
      cluster.change('a', to(voters(5)));
      // Majorities of both halves are left.
      for (const id of ['a', ...others]) cluster.crash(id);
      cluster.mend();
      cluster.run(5000);
      const [leader = '', second] = cluster.leaders();
      expect([leader, second]).toEqual([expect.stringMatching(/^[bcde]$/), undefined]);
      const { commitIndex } = cluster.status(leader);
      cluster.propose(leader);
      expect(cluster.status(leader).commitIndex).toBe(commitIndex + 1);
    },
  );
});

describe('Thesis §4.3: arbitrary changes by joint consensus', () => {
  test.each([
    [
      ['a', 'b', 'c'],
      ['a', 'd', 'e'],
    ],
    [['a', 'b', 'c'], ['a']],
    [['a'], ['a', 'b', 'c', 'd', 'e']],
    [
      ['a', 'b', 'c', 'd', 'e'],
      ['a', 'f', 'g'],
    ],
    [
      ['a', 'b', 'c', 'd'],
      ['d', 'e', 'f', 'g'],
    ],
    [
      ['a', 'b', 'c'],
      ['b', 'c', 'd', 'e', 'f'],
    ],
  ])('from %j to %j in one change', (from, until) => {
    const cluster = new Arrangement({
      voters: from,
      others: voters(7).filter((id) => !from.includes(id)),
    });
    cluster.elect('a');
    cluster.propose('a', 'kept');
    cluster.change('a', to(until));
    for (const id of until) {
      expect(cluster.status(id).configuration).toEqual(configuration(until));
      expect(cluster.applied(id).some(({ kind }) => kind === 'command')).toBe(true);
    }
    if (cluster.leaders().length === 0) cluster.elect(until[0] ?? 'a');
    const [leader = ''] = cluster.leaders();
    cluster.partition(until);
    const { commitIndex } = cluster.status(leader);
    cluster.propose(leader);
    expect(cluster.status(leader).commitIndex).toBe(commitIndex + 1);
  });

  test('reads, too, need both majorities while it is joint', () => {
    const bench = leading(configuration(voters(3)));
    ask(bench, to(['a', 'd', 'e']));
    bench.step({ kind: 'read', readId: 1 });
    const round = bench.takeOf('append').at(-1)?.readId ?? 0;
    for (const from of ['b', 'c']) expect(bench.ack(from, 1, round).reads).toEqual([]);
    expect(bench.ack('d', 0, round).reads).toHaveLength(1);
  });

  test('staying a leader needs both majorities while it is joint', () => {
    for (const [heard, role] of [
      [['b', 'c'], 'follower'],
      [['d', 'e'], 'follower'],
      [['b', 'd'], 'leader'],
    ] as const) {
      const bench = leading(configuration(voters(3)));
      ask(bench, to(['a', 'd', 'e']));
      for (let beats = 0; beats < 10 && bench.status.role === 'leader'; beats += 1) {
        bench.deadline();
        const round = bench.takeOf('append').at(-1)?.readId ?? 0;
        for (const from of heard) bench.ack(from, 1, round);
      }
      expect(bench.status.role).toBe(role);
    }
  });
});

describe('Thesis §4.4: system integration', () => {
  test('whoever asks a server that does not lead is told who does', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(append('b', 1));
    const target = to(voters(2));
    expect(bench.step({ kind: 'change', proposalId: 3, target }).rejected).toEqual([
      { proposalId: 3, code: 'NOT_LEADER', leader: 'b' },
    ]);
  });

  test('the first server may start alone, as the only voter, and take in the others', () => {
    const three = new Arrangement({ voters: ['a'], others: ['b', 'c'] });
    three.run(1000);
    expect(three.leaders()).toEqual(['a']);
    three.change('a', to(voters(3)));
    expect(three.ids.map((id) => three.status(id).configuration.voters)).toEqual(
      Array(3).fill(voters(3)),
    );
  });

  test('a server that was never taken in waits silently', () => {
    const three = new Arrangement({ voters: voters(3), others: ['x'] });
    three.run(5000);
    expect(three.sent.filter(({ from, to }) => from === 'x' || to === 'x')).toEqual([]);
  });

  test('a failed server is replaced: a new one in, the old one out, in one change', () => {
    const four = new Arrangement({ voters: voters(3), others: ['d'] });
    four.elect('a');
    four.crash('c');
    four.change('a', to(['a', 'b', 'd']));
    expect(four.status('d').configuration).toEqual(configuration(['a', 'b', 'd']));
    four.crash('b');
    four.propose('a');
    expect(four.status('a').commitIndex).toBe(four.status('a').lastIndex);
  });
});
