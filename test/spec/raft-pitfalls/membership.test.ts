/** Changes of membership, and snapshots that carry them. */
import { describe, expect, test } from 'vitest';
import type { Command } from '../../../src/cluster/command.ts';
import { settled, towards } from '../../../src/raft/change.ts';
import { votersOf } from '../../../src/raft/configuration.ts';
import type { Configuration, Entry, RaftMessage } from '../../../src/raft/types.ts';
import { applyAll, founded, member, refusal } from '../../cluster/a-cluster.ts';
import { Bench, configuration, entriesOf } from '../../raft/bench.ts';
import { EMPTY_DISK } from '../../raft/hand-cluster.ts';
import { disjointQuorum, pathTo } from '../../raft/majorities.ts';
import { commits, led } from './a-cluster.ts';

const change = (index: number, term: number, to: Configuration): Entry => {
  return { index, term, kind: 'configuration', configuration: to };
};
const STATE = Uint8Array.from({ length: 25 }, (_, i) => i);

/** Swallows what brings the entry at `index` to one of `nodes`. */
const withholding =
  (index: number, ...nodes: readonly string[]) =>
  (message: RaftMessage): RaftMessage | null => {
    const brings = message.kind === 'append' && message.entries.some((one) => one.index >= index);
    return brings && nodes.includes(message.to) ? null : message;
  };

describe('pitfall 22: the configuration lies in the log and in the snapshot, and nowhere else', () => {
  test('pitfall 22: power fails at any write of a promotion: what the log says counts (etcd#21190)', () => {
    for (let kept = 0; kept < 4; kept += 1) {
      const cluster = led({
        nodes: ['a', 'b', 'c', 'd'],
        configuration: configuration(['a', 'b', 'c'], [], ['d']),
      });
      cluster.change('a', { voters: ['a', 'b', 'c', 'd'], learners: [] });
      for (let round = 0; round < kept; round += 1) {
        for (let left = cluster.wire.length; left > 0; left -= 1) cluster.deliver();
        for (const id of ['a', 'b', 'c', 'd']) cluster.sync(id);
        cluster.compact('d');
      }
      cluster.crash('d', kept % 2);
      const { snapshot, entries } = cluster.node('d').disk;
      const inLog = entries.findLast((entry) => entry.kind === 'configuration');
      cluster.restart('d');
      expect(cluster.status('d').configuration).toEqual(
        inLog?.kind === 'configuration'
          ? inLog.configuration
          : (snapshot?.meta.configuration ?? configuration(['a', 'b', 'c'], [], ['d'])),
      );
      cluster.run(1_000);
      expect(cluster.status('d').configuration).toEqual(configuration(['a', 'b', 'c', 'd']));
    }
  });

  test('pitfall 22: a promoted node is no learner for anybody, also after snapshots (etcd#18347)', () => {
    const cluster = led({
      nodes: ['a', 'b', 'c', 'd'],
      configuration: configuration(['a', 'b', 'c'], [], ['d']),
    });
    cluster.change('a', { voters: ['a', 'b', 'c', 'd'], learners: [] });
    cluster.run(100);
    for (const id of cluster.nodes.keys()) {
      cluster.compact(id);
      cluster.settle();
      cluster.crash(id);
      cluster.restart(id);
      expect(cluster.status(id).configuration).toEqual(configuration(['a', 'b', 'c', 'd']));
    }
  });
});

describe('pitfall 23: no change before the leader has committed in its term', () => {
  test.each([
    ['one adds, one removes', ['a', 'b', 'c', 'd', 'e'], ['b', 'c', 'd']],
    ['both add', ['a', 'b', 'c', 'd', 'e'], ['a', 'b', 'c', 'd', 'f']],
    ['both remove', ['a', 'b', 'c'], ['b', 'c', 'd']],
  ])(
    'pitfall 23: two leaders in a row change, and %s (Ongaro on raft-dev 2015)',
    (_, first, second) => {
      const nodes = [...'abcdef'];
      const cluster = led({ nodes, configuration: configuration(['a', 'b', 'c', 'd']) });
      cluster.cut('ab', 'ac', 'ad', 'ae', 'af');
      cluster.change('a', { voters: first, learners: [] });
      expect(cluster.status('a').configuration.voters).toEqual(first);
      cluster.now += 1_000;
      cluster.deadline('b');
      // Until b leads, and not one step further.
      for (let i = 0; i < 200 && cluster.leader !== 'b'; i += 1) {
        if (cluster.wire.length > 0) cluster.deliver();
        for (const id of ['b', 'c', 'd']) if (cluster.leader !== 'b') cluster.sync(id);
      }
      expect(cluster.leader).toBe('b');
      const to = { voters: second, learners: [] };
      expect(cluster.change('b', to)?.rejected[0]?.code).toBe('TERM_NOT_COMMITTED');
      cluster.run(50);
      expect(cluster.change('b', to)?.accepted).toHaveLength(1);
      cluster.run(50);
      expect(cluster.status('b').configuration).toEqual(configuration(second));
      // The first leader comes back with a change that nobody else has ever seen.
      cluster.mend();
      cluster.run(3_000);
      expect(cluster.leaders).toHaveLength(1);
      expect(cluster.status(cluster.leader ?? 'a').configuration.voters).toEqual(second);
      expect(commits(cluster)).toBe(true);
    },
  );
});

describe('pitfall 24: a configuration counts when it is appended, so none waits to be applied', () => {
  test('pitfall 24: a candidate asks the voters of an uncommitted change (etcd#7280, etcd#5004)', () => {
    const joint = configuration(['a', 'b', 'd'], ['a', 'b', 'c']);
    const bench = new Bench({ term: 1 });
    bench.appendFrom('b', 1, { entries: [change(1, 1, joint)] });
    expect(bench.status).toMatchObject({ configuration: joint, commitIndex: 0 });
    bench.sync();
    bench.takeSent();
    bench.elapse(1_000);
    bench.step({ kind: 'deadline' });
    expect(bench.takeOf('pre-vote').map(({ to }) => to)).toEqual(['b', 'd', 'c']);
    const grant = { kind: 'pre-vote-reply', term: 2, granted: true, quietMs: 0 } as const;
    bench.receive({ ...grant, from: 'c' });
    expect(bench.status.role).toBe('pre-candidate');
    bench.receive({ ...grant, from: 'd' });
    expect(bench.status.role).toBe('candidate');
  });

  test('pitfall 24: five changes, and a new leader before each is applied (etcd-io/raft#456, etcd#7625)', () => {
    const nodes = [...'abcd'];
    const cluster = led({ nodes, configuration: configuration(['a', 'b', 'c']) });
    const targets = ['abd', 'bd', 'bcd', 'abcd', 'abc'].map((voters) => [...voters]);
    for (const voters of targets) {
      const { leader } = cluster;
      cluster.change(leader ?? 'a', { voters, learners: [] });
      // The change has left, and nobody has heard that it is committed.
      for (let left = cluster.wire.length; left > 0; left -= 1) cluster.deliver();
      for (const id of nodes) cluster.sync(id);
      cluster.crash(leader ?? 'a', 9);
      cluster.run(1_500);
      cluster.restart(leader ?? 'a');
      cluster.run(1_000);
      expect(cluster.status(cluster.leader ?? 'x').configuration).toEqual(configuration(voters));
    }
    expect(commits(cluster)).toBe(true);
  });
});

describe('pitfall 25: where majorities are up, somebody can lead', () => {
  test('pitfall 25: the leader dies when only it knows that the joint one is committed (etcd#12359)', () => {
    const cluster = led({ nodes: [...'abcd'], configuration: configuration(['a', 'b', 'c']) });
    cluster.change('a', { voters: ['b', 'c', 'd'], learners: [] });
    cluster.tamper = withholding(3, 'b', 'c', 'd');
    cluster.run(20);
    expect(cluster.status('a').configurationIndex).toBe(3);
    cluster.crash('a');
    cluster.tamper = (message) => message;
    cluster.run(2_000);
    expect(cluster.leader).not.toBeNull();
    expect(cluster.status('b').configuration).toEqual(configuration(['b', 'c', 'd']));
    expect(commits(cluster)).toBe(true);
  });

  test.each([
    ['two of three', ['a', 'b', 'c'], ['c']],
    ['one of two', ['a', 'b'], ['b']],
  ])(
    'pitfall 25: %s are removed, and only they hold the entry that says so (thesis §4.2.2)',
    (_, from, to) => {
      const cluster = led({ nodes: from });
      cluster.change('a', { voters: to, learners: [] });
      cluster.tamper = withholding(3, ...to);
      cluster.settle();
      const left = from.filter((id) => !to.includes(id));
      for (const id of left) expect(cluster.status(id).configuration.voters).toEqual(to);
      for (const id of to) expect(cluster.status(id).configurationIndex).toBe(2);
      cluster.tamper = (message) => message;
      cluster.crash('a', 9);
      cluster.restart('a');
      cluster.run(3_000);
      expect(to).toContain(cluster.leader);
      expect(commits(cluster)).toBe(true);
    },
  );
});

test('pitfall 26: who finds an uncommitted joint configuration commits it before leaving it (camunda#60086)', () => {
  const joint = configuration(['a', 'b', 'd'], ['a', 'b', 'c']);
  const bench = new Bench({ entries: [change(1, 1, joint)] });
  bench.becomeLeader(['b', 'c', 'd']);
  bench.sync();
  const configurations = (): number[] =>
    [1, 2, 3, 4].filter((index) => bench.core.entryAt(index)?.kind === 'configuration');
  expect(configurations()).toEqual([1]);
  bench.ack('d', 2);
  expect([bench.status.commitIndex, configurations()]).toEqual([0, [1]]);
  bench.ack('c', 2);
  expect([bench.status.commitIndex, configurations()]).toEqual([2, [1, 3]]);
  expect(bench.status.configuration).toEqual(settled(joint));
});

describe('snapshots and configurations', () => {
  const install = (
    bench: Bench,
    meta: { index: number; term: number; to: Configuration },
  ): void => {
    bench.receive({
      kind: 'snapshot',
      from: 'b',
      term: 5,
      meta: { index: meta.index, term: meta.term, configuration: meta.to },
      offset: 0,
      last: true,
      chunk: STATE,
      readId: 1,
    });
    bench.sync();
  };

  test.each([
    ['before', 9],
    ['at', 4],
    ['behind', 2],
  ])(
    'pitfall 27: a snapshot replaces an uncommitted configuration, with its end %s it (openraft#1808)',
    (_, index) => {
      const stray = configuration(['x', 'y', 'z']);
      const entries = [...entriesOf([1, 1, 1]), change(4, 1, stray)];
      const bench = new Bench({ entries, term: 5 });
      expect(bench.status.configuration).toEqual(stray);
      install(bench, { index, term: 2, to: configuration(['a', 'b']) });
      expect(bench.status).toMatchObject({
        configuration: configuration(['a', 'b']),
        configurationIndex: index,
        lastIndex: index,
      });
      bench.appendFrom('b', 5, {
        prevIndex: index,
        prevTerm: 2,
        entries: entriesOf([5], index + 1),
      });
      expect(bench.status.configuration).toEqual(configuration(['a', 'b']));
    },
  );

  test('pitfall 28: a voter that a snapshot makes a learner takes it, and campaigns no more (etcd#10864)', () => {
    const bench = new Bench({ terms: [1], term: 5 });
    install(bench, { index: 9, term: 2, to: configuration(['b', 'c'], [], ['a']) });
    expect(bench.status.configuration.learners).toEqual(['a']);
    expect(bench.status.commitIndex).toBe(9);
    bench.takeSent();
    for (let i = 0; i < 5; i += 1) bench.deadline();
    expect(bench.status.role).toBe('follower');
    expect(bench.takeSent()).toEqual([]);
  });

  test('pitfall 32: a node that becomes a candidate amid a snapshot takes the rest of it (nebula#1769)', () => {
    const raft = { maxUncommittedBytes: 200, snapshotChunkBytes: 5 };
    const cluster = led({ raft });
    cluster.crash('c');
    for (let i = 0; i < 12; i += 1) commits(cluster);
    for (const id of ['a', 'b']) cluster.compact(id);
    cluster.settle();
    cluster.restart('c');
    const chunks = (): number => cluster.sent.filter(({ kind }) => kind === 'snapshot').length;
    cluster.run(500, () => chunks() >= 2);
    expect(cluster.status('c').commitIndex).toBe(0);
    cluster.deadline('c');
    expect(cluster.status('c').role).toBe('pre-candidate');
    cluster.run(2_000);
    expect(cluster.leaders).toHaveLength(1);
    expect(cluster.node('c').appliedIndex).toBe(cluster.committed);
    expect(cluster.node('c').disk.snapshot).not.toBeNull();
  });
});

describe('pitfall 29: old and new voters have quorums that do not meet, so both count', () => {
  test('pitfall 29: a step to voters of whom not one stays is refused (etcd-io/raft#372)', () => {
    const detail = 'not one voter would stay';
    const refused = { ok: false, error: { code: 'INVALID_CHANGE', detail } };
    expect(
      towards(configuration(['a', 'b', 'c']), { voters: ['d', 'e', 'f'], learners: [] }),
    ).toEqual(refused);
    const cluster = led();
    const { rejected } = cluster.change('a', { voters: ['d', 'e'], learners: [] }) ?? {};
    expect(rejected?.[0]?.code).toBe('INVALID_CHANGE');
  });

  test('pitfall 29: where a majority goes at once each quorum meets the next (etcd-io/raft#372)', () => {
    const from = configuration(['a', 'b', 'c']);
    const path = pathTo(from, { voters: ['c', 'd', 'e'], learners: [] }) ?? [];
    expect(path).toHaveLength(3);
    for (const [i, next] of path.slice(1).entries()) {
      expect(disjointQuorum(path[i] ?? from, next)).toBeNull();
    }
    expect(disjointQuorum(from, configuration(['c', 'd', 'e']))).not.toBeNull();
  });
});

describe('pitfall 30: two voters cannot remove the dead one of them', () => {
  test('pitfall 30: what the living one decides is never committed, and it ceases to lead (etcd raft doc.go)', () => {
    const cluster = led({ nodes: ['a', 'b'] });
    cluster.crash('b');
    const before = cluster.committed;
    expect(cluster.change('a', { voters: ['a'], learners: [] })?.accepted).toHaveLength(1);
    expect(votersOf(cluster.status('a').configuration)).toEqual(['a', 'b']);
    cluster.run(10_000);
    expect(cluster.committed).toBe(before);
    expect(cluster.leaders).toEqual([]);
    const later = cluster.change('a', { voters: ['a'], learners: [] });
    expect(later?.rejected[0]?.code).toBe('NOT_LEADER');
  });

  test('pitfall 30: it keeps its term, and goes on when the other is back (etcd raft doc.go)', () => {
    const cluster = led({ nodes: ['a', 'b'] });
    cluster.crash('b');
    cluster.run(10_000);
    expect(cluster.status('a').term).toBe(1);
    cluster.restart('b');
    cluster.run(1_000);
    expect(commits(cluster)).toBe(true);
  });
});

describe('pitfall 31: a name that was used is not used again', () => {
  test('pitfall 31: a member number is given once, also when its member has gone (etcd raft doc.go)', () => {
    const gone = applyAll(
      founded,
      { kind: 'admit-member', member: member(9), invitation: null },
      { kind: 'set-role', node: 'n9', role: 'leaving', by: 'test' },
      { kind: 'remove-member', node: 'n9' },
    );
    expect(Object.keys(gone.members)).not.toContain('n9');
    const again = (node: string): Command => ({
      kind: 'admit-member',
      member: { ...member(9), node },
      invitation: null,
    });
    expect(refusal(gone, again('n9'))).toBe('NAME_USED');
    expect(refusal(gone, again('n10'))).toBe('NUMBER_USED');
  });

  test('pitfall 31: who lost its log is not served as if it had it (hashicorp/raft peers.json)', () => {
    const cluster = led();
    for (let i = 0; i < 3; i += 1) commits(cluster);
    cluster.run(100);
    const matched = (): number | undefined =>
      cluster.status('a').followers.find(({ node }) => node === 'c')?.matchIndex;
    const before = matched();
    cluster.crash('c');
    cluster.node('c').disk = EMPTY_DISK;
    cluster.restart('c');
    cluster.run(2_000);
    expect(cluster.leader).toBe('a');
    expect(matched()).toBe(before);
    expect(cluster.node('c').appliedIndex).toBe(0);
    // Removed, and admitted under a new name, the same machine is a follower again.
    cluster.change('a', { voters: ['a', 'b'], learners: [] });
    cluster.run(100);
    expect(cluster.status('a').configuration).toEqual(configuration(['a', 'b']));
  });

  test('pitfall 31: control: with its log it is served (hashicorp/raft peers.json)', () => {
    const cluster = led();
    for (let i = 0; i < 3; i += 1) commits(cluster);
    cluster.crash('c');
    cluster.restart('c');
    cluster.run(1_000);
    expect(cluster.node('c').appliedIndex).toBe(cluster.committed);
  });
});
