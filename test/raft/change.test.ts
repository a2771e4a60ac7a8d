/** Changing voters and learners: Raft §6; thesis §4.1–§4.3. */
import { describe, expect, test } from 'vitest';
import { settled, towards } from '../../src/raft/change.ts';
import type { ChangeTarget, Configuration, Ready } from '../../src/raft/types.ts';
import { Bench, configuration } from './bench.ts';

const target = (voters: readonly string[], learners: readonly string[] = []): ChangeTarget => ({
  voters,
  learners,
});

function change(bench: Bench, to: ChangeTarget, proposalId = 7): Ready {
  return bench.step({ kind: 'change', proposalId, target: to });
}

/** Everyone named acknowledges everything that the leader has. */
function acknowledge(bench: Bench, ...nodes: readonly string[]): void {
  bench.sync();
  for (const node of nodes) bench.ack(node, bench.status.lastIndex);
}

function appended(bench: Bench): Configuration | null {
  const entry = bench.core.entryAt(bench.status.lastIndex);
  return entry?.kind === 'configuration' ? entry.configuration : null;
}

describe('the first configuration on the way', () => {
  const now = configuration(['a', 'b', 'c'], [], ['d']);

  test('is joint when voters differ, and leads to the target', () => {
    const joint = { voters: ['a', 'b', 'd'], outgoing: ['a', 'b', 'c'], learners: [] };
    expect(towards(now, target(['a', 'b', 'd']))).toEqual({ ok: true, value: joint });
    expect(settled(joint)).toEqual({ voters: ['a', 'b', 'd'], outgoing: [], learners: [] });
  });

  test('is the target itself when only learners differ', () => {
    const value = { voters: ['c', 'b', 'a'], outgoing: [], learners: ['e'] };
    expect(towards(now, target(['c', 'b', 'a'], ['e']))).toEqual({ ok: true, value });
  });

  test.each([
    ['nobody would vote', target([], ['a'])],
    ['a node is named twice', target(['a', 'b'], ['b'])],
    ['nothing would change', target(['c', 'a', 'b'], ['d'])],
    ['not one voter would stay', target(['x', 'y', 'z'])],
  ])('is refused when %s', (detail, to) => {
    expect(towards(now, to)).toEqual({ ok: false, error: { code: 'INVALID_CHANGE', detail } });
  });
});

describe('a leader that is asked for a change', () => {
  test('appends the joint configuration, and the final one by itself when that is committed', () => {
    const bench = new Bench();
    bench.lead();
    expect(change(bench, target(['a', 'b', 'd'])).accepted).toEqual([
      { proposalId: 7, index: 2, term: 1 },
    ]);
    expect(bench.status.configuration.outgoing).toEqual(['a', 'b', 'c']);
    // Old majority without new majority, then both.
    acknowledge(bench, 'c');
    expect(bench.status.commitIndex).toBe(1);
    acknowledge(bench, 'd');
    expect(bench.status.commitIndex).toBe(2);
    expect(appended(bench)).toEqual({ voters: ['a', 'b', 'd'], outgoing: [], learners: [] });
    acknowledge(bench, 'd');
    expect(bench.status).toMatchObject({ role: 'leader', commitIndex: 3, configurationIndex: 3 });
  });

  test('tells the removed node of its removal, and then no more', () => {
    const bench = new Bench();
    bench.lead();
    change(bench, target(['a', 'b']));
    acknowledge(bench, 'b', 'c');
    acknowledge(bench, 'c');
    bench.takeSent();
    acknowledge(bench, 'b');
    const told = bench.takeOf('append').filter(({ to }) => to === 'c');
    expect(told.map(({ commitIndex }) => commitIndex)).toEqual([3]);
    expect(bench.status.followers.map(({ node }) => node)).toEqual(['b']);
    bench.deadline();
    expect(bench.takeSent().map(({ to }) => to)).toEqual(['b']);
  });

  test('steps down when it removed itself, once that is committed and told', () => {
    const bench = new Bench();
    bench.lead();
    change(bench, target(['b', 'c']));
    acknowledge(bench, 'b', 'c');
    expect(bench.status.role).toBe('leader');
    bench.takeSent();
    acknowledge(bench, 'b', 'c');
    expect(bench.status.role).toBe('follower');
    const sent = bench.takeSent();
    const appends = sent.filter((message) => message.kind === 'append');
    expect(appends.map(({ to, commitIndex }) => [to, commitIndex])).toEqual([
      ['b', 3],
      ['c', 3],
    ]);
    // The successor hears of the commit first, and then need not wait until its leader is missed.
    expect(sent.at(-1)).toMatchObject({ kind: 'timeout-now', to: 'b' });
  });

  test('refuses it while another one is not finished, joint or not committed', () => {
    const bench = new Bench();
    bench.lead();
    change(bench, target(['a', 'b', 'c'], ['d']));
    const refused = [{ proposalId: 8, code: 'CHANGE_PENDING', leader: 'a' }];
    expect(change(bench, target(['a', 'b', 'c'], ['e']), 8).rejected).toEqual(refused);
    acknowledge(bench, 'b');
    expect(change(bench, target(['a', 'b', 'c', 'd']), 9).rejected).toEqual([]);
    expect(change(bench, target(['a', 'b', 'c']), 8).rejected).toEqual(refused);
  });

  test('refuses it before it has committed an entry of its term', () => {
    const bench = new Bench();
    bench.becomeLeader();
    const { rejected } = change(bench, target(['a', 'b']));
    expect(rejected).toEqual([{ proposalId: 7, code: 'TERM_NOT_COMMITTED', leader: 'a' }]);
  });

  test('refuses it while it hands over, and when it does not lead', () => {
    const bench = new Bench();
    expect(change(bench, target(['a', 'b'])).rejected[0]?.code).toBe('NOT_LEADER');
    bench.lead();
    bench.step({ kind: 'transfer', to: 'b', timeoutMs: 100 });
    expect(change(bench, target(['a', 'b'])).rejected[0]?.code).toBe('TRANSFERRING');
  });

  test('leaves a joint configuration that it found in its log, after its own first commit', () => {
    const joint = configuration(['a', 'b', 'd'], ['a', 'b', 'c']);
    const entries = [{ index: 1, term: 1, kind: 'configuration', configuration: joint }] as const;
    const bench = new Bench({ entries });
    bench.becomeLeader(['b', 'c', 'd']);
    expect(bench.status.lastIndex).toBe(2);
    acknowledge(bench, 'b');
    expect(appended(bench)).toEqual(settled(joint));
  });

  test('leaves a joint configuration that was committed before its term after its own commit', () => {
    const joint = configuration(['a', 'b', 'd'], ['a', 'b', 'c']);
    const entries = [{ index: 1, term: 1, kind: 'configuration', configuration: joint }] as const;
    const bench = new Bench({ entries, commitIndex: 1 });
    bench.becomeLeader(['b', 'c', 'd']);
    expect(bench.status).toMatchObject({ lastIndex: 2, configurationIndex: 1 });
    acknowledge(bench, 'b');
    expect(appended(bench)).toEqual(settled(joint));
  });
});
