/**
 * Raft §6: changes of membership through joint consensus.
 *
 * `change` names the voters and learners to arrive at; the leader takes both steps. Learners are the
 * paper's non-voting members. Moving learners alone needs no joint step, since no majority changes.
 */
import { describe, expect, test } from 'vitest';
import type { ChangeTarget, Configuration, Entry } from '../../../src/raft/types.ts';
import { Bench, configuration, entriesOf } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import { append, leaderOf, voteReply, voteRequest, voters } from './parts.ts';

const to = (all: readonly string[], learners: readonly string[] = []): ChangeTarget => ({
  voters: all,
  learners,
});

function configurationEntry(index: number, term: number, to: Configuration): Entry {
  return { index, term, kind: 'configuration', configuration: to };
}

/** A leader of a, b, c that has committed its no-op and then been asked for this change. */
function changing(target: ChangeTarget): Bench {
  const bench = leaderOf([]);
  for (const from of ['b', 'c']) bench.ack(from, 1);
  bench.takeSent();
  const { accepted } = bench.step({ kind: 'change', proposalId: 1, target });
  expect(accepted).toHaveLength(1);
  return bench;
}

function acks(bench: Bench, ...from: readonly string[]): void {
  bench.sync();
  for (const node of from) bench.ack(node, bench.status.lastIndex);
}

describe('Raft §6: the joint configuration', () => {
  test('is a log entry of its own, and goes to the members of both halves', () => {
    const bench = changing(to(['a', 'd', 'e']));
    expect(bench.core.entryAt(2)).toMatchObject({
      kind: 'configuration',
      configuration: { voters: ['a', 'd', 'e'], outgoing: ['a', 'b', 'c'] },
    });
    expect(bench.takeOf('append').map(({ to }) => to)).toEqual(['b', 'c', 'd', 'e']);
  });

  test('is in force at a leader when it is appended, not when it is committed', () => {
    const bench = changing(to(['a', 'd', 'e']));
    expect(bench.status).toMatchObject({ commitIndex: 1, configurationIndex: 2 });
    expect(bench.status.configuration.outgoing).toEqual(['a', 'b', 'c']);
  });

  test('is in force at a follower when it is appended, durable or not', () => {
    const bench = new Bench({ term: 1 });
    const joint = configuration(['a', 'd', 'e'], ['a', 'b', 'c']);
    bench.receive(append('b', 1, { entries: [configurationEntry(1, 1, joint)] }));
    expect(bench.status).toMatchObject({ configuration: joint, commitIndex: 0 });
  });

  test('goes when its entry is truncated, and its predecessor is in force again', () => {
    const joint = configuration(['a', 'd', 'e'], ['a', 'b', 'c']);
    const bench = new Bench({ entries: [configurationEntry(1, 1, joint)] });
    expect(bench.status.configuration).toEqual(joint);
    bench.receive(append('b', 2, { entries: entriesOf([2]) }));
    expect(bench.status.configuration).toEqual(configuration());
  });

  test('survives a restart, committed or not', () => {
    const joint = configuration(['a', 'd', 'e'], ['a', 'b', 'c']);
    const bench = new Bench({ entries: [configurationEntry(1, 1, joint)], commitIndex: 0 });
    expect(bench.status.configuration).toEqual(joint);
  });

  test.each([
    [['b', 'c'], 1],
    [['d', 'e'], 1],
    [['b'], 1],
    [['d'], 1],
    [['b', 'd'], 2],
    [['c', 'e'], 2],
    [['b', 'c', 'd', 'e'], 2],
  ])('needs a majority of each half to commit: the leader and %j reach %i', (from, commitIndex) => {
    const bench = changing(to(['a', 'd', 'e']));
    acks(bench, ...from);
    expect(bench.status.commitIndex).toBe(commitIndex);
  });

  test.each([
    [['b', 'c'], 'candidate'],
    [['d', 'e'], 'candidate'],
    [['b'], 'candidate'],
    [['b', 'd'], 'leader'],
    [['c', 'e'], 'leader'],
  ])('needs a majority of each half to elect: the votes of %j make a %s', (from, role) => {
    const joint = configuration(['a', 'd', 'e'], ['a', 'b', 'c']);
    const bench = new Bench({ entries: [configurationEntry(1, 1, joint)] });
    bench.becomeCandidate(['b', 'd']);
    bench.sync();
    for (const voter of from) bench.receive(voteReply(voter, 2, true));
    expect(bench.status.role).toBe(role);
  });

  test.each([[['b', 'c']], [['d', 'e']]])(
    'a refusal by a majority of one half, %j, ends an election',
    (from) => {
      const joint = configuration(['a', 'd', 'e'], ['a', 'b', 'c']);
      const bench = new Bench({ entries: [configurationEntry(1, 1, joint)] });
      bench.becomeCandidate(['b', 'd']);
      bench.sync();
      for (const voter of from) bench.receive(voteReply(voter, 2, false));
      expect(bench.status.role).toBe('follower');
    },
  );

  test.each(voters(5))(
    'any server of either half may lead: %s does, and finishes the change',
    (id) => {
      const bootstrap = configuration(['c', 'd', 'e'], ['a', 'b', 'c']);
      const five = new Arrangement({ voters: voters(5), bootstrap });
      five.campaign(id);
      expect(five.sent.find(({ kind }) => kind === 'append')?.from).toBe(id);
      expect(five.status('c').configuration).toEqual(configuration(['c', 'd', 'e']));
      expect(five.status('c').commitIndex).toBeGreaterThanOrEqual(2);
      // Whoever is not in the final one leads up to here and no longer, and hands over.
      const [leader = '', ...others] = five.leaders();
      expect(['c', 'd', 'e'].includes(id) ? [id] : ['c', 'd', 'e']).toContain(leader);
      expect(others).toEqual([]);
    },
  );
});

describe('Raft §6: the final configuration', () => {
  test('is appended by the leader when the joint one is committed, not before', () => {
    const bench = changing(to(['a', 'd', 'e']));
    acks(bench, 'b', 'c');
    expect(bench.status).toMatchObject({ commitIndex: 1, lastIndex: 2 });
    acks(bench, 'd');
    expect(bench.core.entryAt(3)).toMatchObject({
      configuration: { voters: ['a', 'd', 'e'], outgoing: [] },
    });
  });

  test('is in force at once: the old majority is not asked any more', () => {
    const bench = changing(to(['a', 'd', 'e']));
    acks(bench, 'b', 'd');
    acks(bench, 'b', 'c');
    expect(bench.status.commitIndex).toBe(2);
    acks(bench, 'd');
    expect(bench.status.commitIndex).toBe(3);
  });

  test('is appended by a new leader that finds a joint one, after it committed in its own term', () => {
    const joint = configuration(['a', 'b', 'd'], ['a', 'b', 'c']);
    const bench = new Bench({ entries: [configurationEntry(1, 1, joint)] });
    bench.becomeLeader(['b', 'd']);
    bench.sync();
    bench.ack('b', 1);
    bench.ack('d', 1);
    expect(bench.status).toMatchObject({ commitIndex: 0, lastIndex: 2 });
    bench.ack('b', 2);
    expect(bench.status).toMatchObject({ commitIndex: 2, lastIndex: 3 });
    expect(bench.status.configuration).toEqual(configuration(['a', 'b', 'd']));
  });

  test('never is beside the old one: at no point could both decide alone', () => {
    const five = new Arrangement({ voters: voters(3), others: ['d', 'e'] });
    five.elect('a');
    // The new half never answers, so the change stays where it is.
    five.lose = ({ from }) => from === 'd' || from === 'e';
    five.change('a', to(['a', 'd', 'e']));
    expect(five.status('a')).toMatchObject({ commitIndex: 1, lastIndex: 2 });
    five.partition(['d', 'e']);
    for (const id of ['d', 'e', 'd', 'e']) five.campaign(id);
    expect(five.status('d').term).toBe(1);
    expect(five.leaders()).toEqual(['a']);
    five.partition(['b', 'c']);
    five.campaign('b');
    expect(five.leaders()).not.toContain('b');
    five.mend();
    five.heartbeat('a');
    if (five.leaders().length === 0) five.elect('a');
    for (let i = 0; i < 3; i += 1) five.heartbeat('a');
    expect(five.status('a').configuration).toEqual(configuration(['a', 'd', 'e']));
    expect(five.log('d')).toEqual(five.log('a'));
  });

  test('proposals are served throughout the change', () => {
    const bench = changing(to(['a', 'b', 'c', 'd', 'e']));
    expect(bench.propose('during the joint phase').accepted).toHaveLength(1);
    acks(bench, 'b', 'c', 'd');
    expect(bench.propose('during the final phase').accepted).toHaveLength(1);
    acks(bench, 'b', 'c');
    expect(bench.committed.map(({ kind }) => kind)).toEqual([
      'no-op',
      'configuration',
      'command',
      'configuration',
      'command',
    ]);
  });
});

describe('Raft §6: new servers catch up without a vote', () => {
  test('a learner receives the log and is no part of any majority', () => {
    const four = new Arrangement({ voters: voters(3), others: ['l'] });
    four.elect('a');
    four.change('a', to(voters(3), ['l']));
    four.propose('a');
    expect(four.log('l')).toEqual(four.log('a'));
    four.lose = ({ from }) => from === 'b' || from === 'c';
    const { commitIndex } = four.status('a');
    four.propose('a');
    expect(four.log('l')).toEqual(four.log('a'));
    expect(four.status('a').commitIndex).toBe(commitIndex);
  });

  test('a change of learners alone is one simple entry', () => {
    const bench = changing(to(voters(3), ['l']));
    expect(bench.status.configuration).toEqual(configuration(voters(3), [], ['l']));
    acks(bench, 'b');
    expect(bench.status).toMatchObject({ commitIndex: 2, lastIndex: 2 });
  });

  test('a learner never campaigns', () => {
    const bench = new Bench({ configuration: configuration(['b', 'c'], [], ['a']), term: 3 });
    for (let i = 0; i < 10; i += 1) bench.deadline();
    expect(bench.status).toMatchObject({ role: 'follower', term: 3 });
    expect(bench.takeSent()).toEqual([]);
  });

  test('a learner, or a server outside its own configuration, votes when it is asked', () => {
    for (const own of [configuration(['b', 'c'], [], ['a']), configuration(['b', 'c'])]) {
      const bench = new Bench({ configuration: own });
      bench.receive(voteRequest({ from: 'b', term: 1, lastIndex: 0, lastTerm: 0 }));
      bench.sync();
      expect(bench.takeOf('vote-reply')).toMatchObject([{ to: 'b', granted: true }]);
    }
  });

  test('a promoted learner that has not heard of it is needed for its vote, and gives it', () => {
    const five = new Arrangement({ voters: voters(3), others: ['d'] });
    five.elect('a');
    five.change('a', to(voters(3), ['d']));
    five.lose = ({ from, to }) => from === 'd' || to === 'd';
    five.change('a', to(voters(4)));
    expect(five.status('a').configuration).toEqual(configuration(voters(4)));
    five.crash('a');
    five.mend();
    // Two of four are left of those who know that d votes; d itself still takes itself for a learner.
    expect(five.status('d').configuration.learners).toEqual(['d']);
    five.elect('b');
    expect(five.status('d').configuration.voters).toContain('d');
  });

  test('an append is taken from a leader that is in no configuration of ours', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(append('x', 2, { entries: entriesOf([2]) }));
    bench.sync();
    expect(bench.status).toMatchObject({ leader: 'x', lastIndex: 1 });
    expect(bench.takeOf('append-reply')).toMatchObject([{ to: 'x', matchIndex: 1 }]);
  });

  test('a vote is given to a candidate that is in no configuration of ours', () => {
    const bench = new Bench();
    bench.receive(voteRequest({ from: 'x', term: 1, lastIndex: 0, lastTerm: 0 }));
    bench.sync();
    expect(bench.takeOf('vote-reply')).toMatchObject([{ to: 'x', granted: true }]);
  });
});

describe('Raft §6: a leader that is not in the new configuration', () => {
  test('leads until that is committed, and steps down in that step', () => {
    const bench = changing(to(['b', 'c', 'd']));
    acks(bench, 'b', 'c');
    expect(bench.status).toMatchObject({ role: 'leader', lastIndex: 3, commitIndex: 2 });
    bench.sync();
    bench.ack('b', 3);
    expect(bench.status.role).toBe('leader');
    bench.ack('c', 3);
    expect(bench.status).toMatchObject({ role: 'follower', commitIndex: 3 });
  });

  test('does not count itself in the majorities of the final one', () => {
    const bench = changing(to(['b', 'c']));
    acks(bench, 'b', 'c');
    // Itself and b would be two of the three that it led; of b and c it is one.
    acks(bench, 'b');
    expect(bench.status.commitIndex).toBe(2);
    acks(bench, 'c');
    expect(bench.status.commitIndex).toBe(3);
  });

  test.each([
    // Thesis §4.2.2: until the change is committed it may have to lead once more.
    [['b'], 'pre-candidate'],
    [['b', 'c'], 'leader'],
  ])('does not count itself to stay a leader either: heard by %j it is a %s', (heard, role) => {
    const bench = changing(to(['b', 'c', 'd']));
    acks(bench, 'b', 'c');
    bench.takeSent();
    for (let beats = 0; beats < 8; beats += 1) {
      bench.deadline();
      const round = bench.takeOf('append').at(-1)?.readId ?? 0;
      for (const from of heard) bench.ack(from, 2, round);
    }
    expect(bench.status).toMatchObject({ role, commitIndex: 2 });
  });

  test('tells its followers of the commit before it goes', () => {
    const bench = changing(to(['b', 'c']));
    acks(bench, 'b', 'c');
    bench.takeSent();
    acks(bench, 'b', 'c');
    expect(bench.takeOf('append').map(({ to, commitIndex }) => [to, commitIndex])).toEqual([
      ['b', 3],
      ['c', 3],
    ]);
  });

  test('does not campaign afterwards, and the others elect one of themselves', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.change('a', to(['b', 'c']));
    expect(three.leaders()).not.toContain('a');
    three.run(3000);
    const [leader = ''] = three.leaders();
    expect(['b', 'c']).toContain(leader);
    expect(three.status('a').role).toBe('follower');
    three.propose(leader);
    expect(three.status(leader).commitIndex).toBe(three.status(leader).lastIndex);
  });
});

describe('Raft §6: removed servers do not disrupt', () => {
  test('a vote request within the minimum timeout of hearing a leader changes neither term nor vote', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(append('b', 1));
    bench.takeSent();
    bench.elapse(199);
    bench.receive(voteRequest({ from: 'c', term: 9, lastIndex: 9, lastTerm: 1 }));
    expect(bench.status).toMatchObject({ role: 'follower', term: 1, votedFor: null, leader: 'b' });
    expect(bench.takeSent()).toEqual([]);
  });

  test('after it, the request is heard', () => {
    const bench = new Bench({ term: 1 });
    bench.receive(append('b', 1));
    bench.elapse(200);
    bench.receive(voteRequest({ from: 'c', term: 9, lastIndex: 9, lastTerm: 1 }));
    expect(bench.status).toMatchObject({ term: 9, votedFor: 'c' });
  });

  test('a leader that hears its quorum ignores it too, and stays', () => {
    const bench = leaderOf([]);
    bench.receive(voteRequest({ from: 'x', term: 9, lastIndex: 9, lastTerm: 1 }));
    expect(bench.status).toMatchObject({ role: 'leader', term: 1 });
  });

  test('a removed server that knows nothing of it asks for ever, and nobody’s term moves', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.lose = ({ from, to }) => to === 'c' && from === 'a';
    three.change('a', to(['a', 'b']));
    expect(three.status('a').configuration).toEqual(configuration(['a', 'b']));
    expect(three.status('c').configuration).toEqual(configuration(voters(3)));
    three.run(20_000);
    expect(three.leaders()).toEqual(['a']);
    expect(three.ids.map((id) => three.status(id).term)).toEqual([1, 1, 1]);
  });

  test('a removed server that learnt of it stays silent', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.change('a', to(['a', 'b']));
    expect(three.status('c').configuration).toEqual(configuration(['a', 'b']));
    three.sent.length = 0;
    three.run(5000);
    expect(three.sent.filter(({ from }) => from === 'c')).toEqual([]);
  });

  test('votes of a server that is in neither half count for nothing', () => {
    const bench = new Bench({ entries: [configurationEntry(1, 1, configuration(['a', 'b']))] });
    bench.becomeCandidate(['b']);
    bench.sync();
    bench.receive(voteReply('c', 2, true));
    expect(bench.status.role).toBe('candidate');
  });
});
