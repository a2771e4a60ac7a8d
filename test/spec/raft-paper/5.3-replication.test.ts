/**
 * Raft §5.3: log replication.
 *
 * A new leader's no-op (§8) is the first entry of its term, so indexes lie one higher than in a core
 * without it. Heartbeats are appends without entries. A new commit index is told at once.
 */
import { describe, expect, test } from 'vitest';
import { Bench, configuration, entriesOf, OPTIONS } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import { answers, append, leaderOf, refusal, termsOf, voters } from './parts.ts';

describe('Raft §5.3: a leader replicates', () => {
  test('a proposal is appended and sent to all others at once, and is not committed by that', () => {
    const bench = leaderOf([]);
    for (const from of ['b', 'c']) bench.ack(from, 1);
    bench.takeSent();
    const ready = bench.propose('some data');
    expect(ready.accepted).toEqual([{ proposalId: 1, index: 2, term: 1 }]);
    expect(ready.persist?.entries.map(({ index, term }) => [index, term])).toEqual([[2, 1]]);
    expect(bench.takeOf('append')).toMatchObject(
      ['b', 'c'].map((to) => ({
        to,
        prevIndex: 1,
        prevTerm: 1,
        commitIndex: 1,
        entries: [{ index: 2, term: 1, kind: 'command' }],
      })),
    );
    expect(bench.status).toMatchObject({ lastIndex: 2, commitIndex: 1 });
  });

  test('a committed entry goes to the state machine, and followers are told at once', () => {
    const bench = leaderOf([]);
    for (const from of ['b', 'c']) bench.ack(from, 1);
    bench.propose('some data');
    bench.sync();
    bench.takeSent();
    const ready = bench.ack('b', 2);
    expect(ready.committed.map(({ index }) => index)).toEqual([2]);
    expect(bench.takeOf('append').map(({ to, commitIndex }) => [to, commitIndex])).toEqual([
      ['b', 2],
      ['c', 2],
    ]);
  });

  const acknowledged = [1, 2, 3, 4, 5, 6, 7].flatMap((size) =>
    Array.from({ length: size }, (_, count) => {
      const needed = Math.floor(size / 2) + 1;
      return [size, count, count + 1 >= needed] as const;
    }),
  );
  test.each(acknowledged)(
    'of %i voters, %i others hold the entry: committed is %s',
    (size, count, committed) => {
      const bench = leaderOf([], { configuration: configuration(voters(size)) });
      for (const from of voters(size).slice(1)) bench.ack(from, 1);
      bench.propose();
      bench.sync();
      for (const from of voters(size).slice(1, 1 + count)) bench.ack(from, 2);
      expect(bench.status.commitIndex).toBe(committed ? 2 : 1);
    },
  );

  test.each([[[]], [[2]], [[1]], [[1, 2]], [[1, 1, 1, 2, 2]]])(
    'the entries of earlier leaders, %j, are committed along with its own, in order',
    (terms) => {
      const bench = leaderOf(terms, { term: 2 });
      bench.propose();
      bench.sync();
      bench.ack('b', terms.length + 2);
      expect(bench.committed.map(({ term }) => term)).toEqual([...terms, 3, 3]);
      expect(bench.committed.map(({ index }) => index)).toEqual(
        bench.committed.map((_, i) => i + 1),
      );
    },
  );

  test('it never overwrites or deletes what is in its own log, whatever it is sent', () => {
    const bench = leaderOf([1, 1]);
    const before = termsOf(bench);
    bench.receive(append('b', 2, { entries: entriesOf([1, 2]) }));
    bench.receive(append('b', 1, { entries: entriesOf([1]) }));
    bench.receive(refusal('b', 2, { index: 1, term: 1 }));
    expect(termsOf(bench)).toEqual(before);
    expect(bench.status.role).toBe('leader');
  });

  test('a slow follower does not hold up the others', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.lose = ({ to }) => to === 'c';
    for (let i = 0; i < 20; i += 1) three.propose('a');
    expect(three.status('a').commitIndex).toBe(21);
    expect(three.status('b').commitIndex).toBe(21);
    expect(three.status('c').commitIndex).toBe(1);
  });

  test('it tries again until each follower stores all entries, also after they are committed', () => {
    const three = new Arrangement({ voters: voters(3) });
    three.elect('a');
    three.lose = ({ to }) => to === 'c';
    for (let i = 0; i < 20; i += 1) three.propose('a');
    for (let i = 0; i < 20; i += 1) three.heartbeat('a');
    three.mend();
    three.heartbeat('a');
    expect(three.log('c')).toEqual(three.log('a'));
    expect(three.applied('c')).toEqual(three.applied('a'));
  });
});

describe('Raft §5.3: a follower learns what is committed', () => {
  test.each([
    [[1], 1],
    [[1, 1], 2],
    [[1, 1], 1],
    [[1, 1], 0],
    [[1, 1, 1, 1], 3],
  ])(
    'entries %j come with commit index %i: it applies so many, in log order',
    (terms, commitIndex) => {
      const bench = new Bench({ term: 1 });
      bench.receive(append('b', 1, { entries: entriesOf(terms), commitIndex }));
      expect(bench.status.commitIndex).toBe(commitIndex);
      expect(bench.committed).toEqual(entriesOf(terms).slice(0, commitIndex));
    },
  );

  test.each([
    ['nothing new', 2, [], 2],
    ['one new entry', 2, [1], 3],
    ['a place early in its log', 1, [], 1],
    ['everything it holds', 4, [], 4],
  ])('never past what the message vouches for: %s', (_, prevIndex, terms, commits) => {
    const bench = new Bench({ terms: [1, 1, 1, 1] });
    const entries = entriesOf(terms, prevIndex + 1);
    bench.receive(append('b', 1, { prevIndex, prevTerm: 1, entries, commitIndex: 9 }));
    expect(bench.status.commitIndex).toBe(commits);
  });

  test('a smaller commit index, from an older message, takes nothing back', () => {
    const bench = new Bench({ terms: [1, 1] });
    bench.receive(append('b', 1, { prevIndex: 2, prevTerm: 1, commitIndex: 2 }));
    bench.receive(append('b', 1, { prevIndex: 2, prevTerm: 1, commitIndex: 1 }));
    expect(bench.status.commitIndex).toBe(2);
    expect(bench.committed).toHaveLength(2);
  });
});

describe('Raft §5.3: the consistency check', () => {
  /** The follower holds 1/1 and 2/2, of which the first is committed. */
  const follower = () => new Bench({ terms: [1, 2], commitIndex: 1 });

  test.each([
    [0, 0, 1],
    [1, 1, 1],
    [2, 2, 2],
  ])('passes at %i with term %i, which the follower holds', (prevIndex, prevTerm, matchIndex) => {
    const bench = follower();
    bench.receive(append('b', 2, { prevIndex, prevTerm }));
    expect(bench.takeOf('append-reply')).toMatchObject([{ matchIndex, conflict: null }]);
  });

  test.each([
    ['another term', 2, 1, { index: 1, term: 1 }],
    ['no such entry', 3, 2, { index: 2, term: 2 }],
    ['no such entry', 9, 2, { index: 2, term: 2 }],
    ['no such entry, nor a term so early', 9, 1, { index: 1, term: 1 }],
  ])(
    'refuses: %s at %i/%i, and says where the logs may agree',
    (_, prevIndex, prevTerm, conflict) => {
      const bench = follower();
      const [reply] = answers(
        bench.receive(append('b', 2, { prevIndex, prevTerm, commitIndex: 2 })),
      );
      expect(reply).toMatchObject({ kind: 'append-reply', matchIndex: 1, conflict });
      expect(bench.status).toMatchObject({ commitIndex: 1, lastIndex: 2 });
    },
  );

  test.each([
    ['extends', [1, 2], 2, 2, [3], [1, 2, 3]],
    ['extends by several', [1, 2], 2, 2, [2, 3, 3], [1, 2, 2, 3, 3]],
    ['replaces a conflict and all that follows it', [1, 2], 1, 1, [3, 4], [1, 3, 4]],
    ['replaces a long wrong tail by one entry', [1, 2, 2, 2, 2], 1, 1, [3], [1, 3]],
    ['finds the conflict inside the message', [1, 2, 2], 0, 0, [1, 2, 4], [1, 2, 4]],
    ['keeps what agrees', [1, 2], 0, 0, [1], [1, 2]],
    ['keeps what follows an old message', [1, 2, 2, 2], 1, 1, [2], [1, 2, 2, 2]],
    ['keeps everything for a heartbeat', [1, 2, 2], 1, 1, [], [1, 2, 2]],
    ['replaces all that is not committed', [1, 1], 0, 0, [4], [4]],
    ['starts an empty log', [], 0, 0, [1, 4], [1, 4]],
  ])(
    '%s: log %j, entries after %i/%i: %j give %j',
    (_, log, prevIndex, prevTerm, terms, expected) => {
      const bench = new Bench({ terms: log, term: 4 });
      const entries = entriesOf(terms, prevIndex + 1);
      const ready = bench.receive(append('b', 4, { prevIndex, prevTerm, entries }));
      expect(termsOf(bench)).toEqual(expected);
      // What is written is what is new, and nothing else.
      const firstNew = ready.persist?.entries[0]?.index ?? expected.length + 1;
      expect(expected.slice(0, firstNew - 1)).toEqual(log.slice(0, firstNew - 1));
      bench.sync();
      expect(bench.takeOf('append-reply')).toMatchObject([
        { matchIndex: prevIndex + terms.length, conflict: null },
      ]);
    },
  );

  test('a committed entry is not replaced: such a message is not from a leader', () => {
    const bench = new Bench({ terms: [1, 1], commitIndex: 2, term: 4 });
    bench.receive(append('b', 4, { prevIndex: 1, prevTerm: 1, entries: entriesOf([4], 2) }));
    bench.receive(append('b', 4, { entries: entriesOf([1, 4]) }));
    expect(termsOf(bench)).toEqual([1, 1]);
    expect(bench.takeSent()).toEqual([]);
  });

  test('a message that lies below the commit index is answered with that, and changes nothing', () => {
    const bench = new Bench({ terms: [1, 1], commitIndex: 2 });
    bench.receive(append('b', 1, { entries: entriesOf([1]) }));
    expect(termsOf(bench)).toEqual([1, 1]);
    expect(bench.takeOf('append-reply')).toMatchObject([{ matchIndex: 2, conflict: null }]);
  });

  test('an acknowledgement vouches for what was compared only, not for the tail behind it', () => {
    const bench = new Bench({ terms: [1, 1, 1] });
    bench.receive(append('b', 2, { entries: entriesOf([1]) }));
    bench.sync();
    expect(bench.takeOf('append-reply')).toMatchObject([{ matchIndex: 1 }]);
  });
});

describe('Raft §5.3: a leader finds where a log agrees', () => {
  test('a new leader assumes that every log ends like its own', () => {
    const bench = new Bench({ terms: [1, 1, 2] });
    bench.becomeLeader();
    expect(bench.takeOf('append')).toMatchObject(
      ['b', 'c'].map((to) => ({ to, prevIndex: 3, prevTerm: 2, entries: [{ index: 4, term: 3 }] })),
    );
  });

  test('after a refusal it goes back, and after an agreement it sends everything from there', () => {
    const bench = leaderOf([1, 1, 2]);
    bench.receive(refusal('b', 3, { index: 2, term: 1 }));
    const [probe] = bench.takeOf('append');
    expect(probe).toMatchObject({
      to: 'b',
      prevIndex: 2,
      prevTerm: 1,
      entries: [{ index: 3 }, { index: 4 }],
    });
  });

  test('it never goes back below what a follower has acknowledged', () => {
    const bench = leaderOf([1, 1, 2]);
    bench.ack('b', 3);
    bench.takeSent();
    bench.receive(refusal('b', 3, { index: 1, term: 1 }));
    expect(bench.takeOf('append').map(({ prevIndex }) => prevIndex)).toEqual([3]);
  });

  /**
   * The paper asks for at most one refusal for each term of conflicting entries, and its follower
   * names the first index of its term. Ours names the last place where agreement is possible and the
   * leader answers with its own, so terms of both logs count: never more than one refusal for each.
   */
  test.each([
    ['a follower without a log', [1, 1, 2, 3], [], 1],
    ['a missing tail', [1, 1, 2, 2, 3, 3], [1, 1], 1],
    ['one wrong term, however long,', [1, 1, 1, 1, 1, 5], [1, ...Array(60).fill(2)], 2],
    ['one wrong term below the own ones', [1, 4, 4, 4, 4, 4], [1, 3, 3, 3], 1],
    ['two wrong terms', [1, 1, 5, 5, 5, 5, 5], [1, 1, 3, 3, 4, 4], 2],
    ['terms that interleave', [1, 1, 3, 3, 5, 5, 7, 7], [1, 1, 2, 2, 4, 4, 6, 6], 3],
    ['nothing in common', [3, 3, 3, 3], [1, 1, 2, 2, 2], 2],
  ])('%s: %j against %j takes at most %i refusals', (_, leader, follower, refusals) => {
    const three = new Arrangement({
      voters: voters(3),
      logs: { a: leader, b: follower },
      terms: { a: 7, b: 7, c: 7 },
    });
    three.elect('a');
    expect(three.log('b')).toEqual([...leader, 8]);
    const refused = three.sent.filter(
      (message) => message.kind === 'append-reply' && message.from === 'b' && message.conflict,
    );
    expect(refused.length).toBeLessThanOrEqual(refusals);
  });

  test('a probe or its answer that is lost is made up for by the next heartbeat', () => {
    const three = new Arrangement({ voters: voters(3), logs: { a: [1, 1, 2, 2], b: [1] } });
    three.lose = ({ kind, to, from }) => kind.startsWith('append') && (to === 'b' || from === 'b');
    three.elect('a');
    for (const lost of ['to b', 'from b', 'to b']) {
      three.lose = ({ kind, to, from }) =>
        kind.startsWith('append') && (lost === 'to b' ? to === 'b' : from === 'b');
      three.heartbeat('a');
    }
    three.mend();
    for (let i = 0; i < 3; i += 1) three.heartbeat('a');
    expect(three.log('b')).toEqual([1, 1, 2, 2, 3]);
  });

  test('only so many appends travel unanswered, and only so many bytes in one', () => {
    const bench = leaderOf([], { raft: { maxAppendBytes: 200 } });
    bench.ack('b', 1);
    bench.takeSent();
    for (let i = 0; i < 20; i += 1) bench.propose('x'.repeat(100));
    const before = bench.takeOf('append').filter(({ to }) => to === 'b');
    expect(before).toHaveLength(OPTIONS.maxInflightAppends);
    bench.ack('b', before.at(-1)?.entries.at(-1)?.index ?? 0);
    const after = bench
      .takeOf('append')
      .filter(({ to, entries }) => to === 'b' && entries.length > 0);
    expect(after).toHaveLength(OPTIONS.maxInflightAppends);
    expect(after.every(({ entries }) => entries.length === 1)).toBe(true);
  });
});
