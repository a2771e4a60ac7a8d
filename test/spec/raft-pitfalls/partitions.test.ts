/** Networks that break in part, and took other systems down: real cores, links cut by hand. */
import { expect, test } from 'vitest';
import { HandCluster } from '../../raft/hand-cluster.ts';
import {
  commits,
  diskWith,
  led,
  termsOf,
  WITHOUT_CHECK_QUORUM,
  withoutPreVoteAndStickiness,
} from './a-cluster.ts';

const FIVE = ['a', 'b', 'c', 'd', 'e'];

test('pitfall 1: a node that was cut off comes back and disturbs nobody (etcd#8499, etcd#9333)', () => {
  const cluster = led();
  cluster.cut('ac', 'bc');
  cluster.run(5_000);
  cluster.mend();
  cluster.run(2_000);
  expect(cluster.leader).toBe('a');
  expect(termsOf(cluster)).toEqual([1, 1, 1]);
});

test('pitfall 1: a node that missed its removal asks in vain, and its votes are ignored (etcd#9352)', () => {
  const cluster = led();
  cluster.cut('ac', 'bc');
  cluster.change('a', { voters: ['a', 'b'], learners: [] });
  cluster.run(1_000);
  expect(cluster.status('a').configuration.voters).toEqual(['a', 'b']);
  cluster.mend();
  cluster.run(3_000);
  expect(cluster.sent.some(({ kind, from }) => kind === 'pre-vote' && from === 'c')).toBe(true);
  // And if it did not ask first:
  const vote = { kind: 'vote', from: 'c', lastIndex: 99, lastTerm: 8, transfer: false } as const;
  for (const to of ['a', 'b']) cluster.wire.push({ ...vote, to, term: 9 });
  cluster.run(1_000);
  expect(cluster.leader).toBe('a');
  expect(cluster.status('a').term).toBe(1);
});

test('pitfall 1: control: without pre-vote and stickiness it takes the leader down', () => {
  const cluster = led();
  withoutPreVoteAndStickiness(cluster);
  cluster.cut('ac', 'bc');
  cluster.run(5_000);
  cluster.mend();
  cluster.run(500);
  expect(cluster.status('a').term).toBeGreaterThan(1);
});

test('pitfall 2: the link of leader and follower breaks, a third node hears both (Cloudflare 2020-11-02)', () => {
  const cluster = led();
  cluster.cut('ac');
  cluster.run(10_000);
  expect(cluster.leader).toBe('a');
  expect(termsOf(cluster).slice(0, 2)).toEqual([1, 1]);
  expect(commits(cluster)).toBe(true);
});

test('pitfall 2: control: without pre-vote and stickiness leadership goes from hand to hand', () => {
  const cluster = led();
  withoutPreVoteAndStickiness(cluster);
  cluster.cut('ac');
  cluster.run(10_000);
  expect(cluster.status('b').term).toBeGreaterThan(3);
});

test('pitfall 3: proof of death elects at once although voters are sticky (cockroach#104042)', () => {
  const cluster = led();
  cluster.crash('a');
  for (const id of ['b', 'c']) cluster.step(id, { kind: 'forget-leader' });
  cluster.run(10);
  expect(cluster.leader).toBe('b');
  expect(commits(cluster)).toBe(true);
});

test('pitfall 3: a proof that is wrong deposes nobody whom others still hear (cockroach#107060)', () => {
  const cluster = led();
  cluster.step('c', { kind: 'forget-leader' });
  cluster.run(2_000);
  expect(cluster.leader).toBe('a');
  expect(termsOf(cluster)).toEqual([1, 1, 1]);
});

test('pitfall 4: a higher term with a shorter log, a lower one with a longer (etcd#8501, etcd#8243)', () => {
  const disks = { b: diskWith([1], { term: 7 }), c: diskWith([1, 1, 2], { term: 2 }) };
  const cluster = new HandCluster({ disks });
  cluster.crash('a');
  cluster.run(2_000);
  expect(cluster.leader).toBe('c');
  expect(cluster.status('c').term).toBeGreaterThan(7);
  expect(commits(cluster)).toBe(true);
});

test('pitfall 5: a voter of the new half alone has a higher term (openraft#1796)', () => {
  const joint = { voters: ['a', 'd'], outgoing: ['a', 'b'], learners: [] };
  const disks = { d: diskWith([], { term: 9 }) };
  const cluster = new HandCluster({ nodes: ['a', 'b', 'd'], configuration: joint, disks });
  cluster.run(2_000);
  expect(cluster.leader).not.toBeNull();
  expect(termsOf(cluster).every((term) => term > 9)).toBe(true);
  expect(cluster.status('a').configuration.outgoing).toEqual([]);
});

/** The leader hears nobody but c; c, d and e hear each other. */
const BRIDGE = ['ab', 'ad', 'ae', 'bc', 'bd', 'be'];

test('pitfall 6: a leader that reaches the bridge alone falls silent, and the others elect (openraft#2080)', () => {
  const cluster = led({ nodes: FIVE });
  cluster.cut(...BRIDGE);
  cluster.run(1_500);
  expect(['c', 'd', 'e']).toContain(cluster.leader);
  expect(cluster.leaders).toHaveLength(1);
  expect(commits(cluster)).toBe(true);
  const { leader } = cluster;
  cluster.run(5_000);
  expect(cluster.leader).toBe(leader);
});

test('pitfall 6: control: without CheckQuorum its heartbeats hold up the election for good', () => {
  const cluster = led({ nodes: FIVE, raft: WITHOUT_CHECK_QUORUM });
  cluster.cut(...BRIDGE);
  cluster.run(10_000);
  expect(cluster.leaders).toEqual(['a']);
  expect(commits(cluster)).toBe(false);
});

/** d and e hear one follower each, not the leader, and not each other. */
const TWO_LEAVES = ['ad', 'ae', 'de', 'bd', 'ce'];

test('pitfall 7: a leader with a quorum stays although two leaves do not hear it (openraft#2111)', () => {
  const cluster = led({ nodes: FIVE });
  cluster.cut(...TWO_LEAVES);
  cluster.run(5_000);
  expect(cluster.leader).toBe('a');
  expect(termsOf(cluster).slice(0, 3)).toEqual([1, 1, 1]);
  expect(commits(cluster)).toBe(true);
});

test('pitfall 7: control: without pre-vote and stickiness the leaves take it down', () => {
  const cluster = led({ nodes: FIVE });
  withoutPreVoteAndStickiness(cluster);
  cluster.cut(...TWO_LEAVES);
  cluster.run(5_000);
  expect(cluster.status('b').term).toBeGreaterThan(2);
});

test('pitfall 9: two of three are left, one of them the former leader (hashicorp/raft#605)', () => {
  const cluster = led();
  cluster.crash('c');
  // It hears nobody and steps down, while b goes on hearing it to the last.
  cluster.cut('b>a');
  cluster.run(1_000, () => cluster.leaders.length === 0);
  expect(cluster.status('b').leader).toBe('a');
  cluster.mend();
  cluster.run(1_000, () => cluster.leader !== null);
  expect(cluster.leader).not.toBeNull();
  expect(commits(cluster)).toBe(true);
});

test('pitfall 13: a leader that can send but not receive steps down (cockroach#79699, cockroach#92991)', () => {
  const cluster = led();
  cluster.cut('b>a', 'c>a');
  cluster.run(2_000);
  expect(['b', 'c']).toContain(cluster.leader);
  expect(cluster.leaders).toHaveLength(1);
  expect(commits(cluster)).toBe(true);
});

test('pitfall 13: control: without CheckQuorum it keeps everyone waiting', () => {
  const cluster = led({ raft: WITHOUT_CHECK_QUORUM });
  cluster.cut('b>a', 'c>a');
  cluster.run(5_000);
  expect(cluster.leaders).toEqual(['a']);
  expect(commits(cluster)).toBe(false);
});

test('pitfall 13: a leader that can receive but not send is replaced, and learns of it (cockroach#79699)', () => {
  const cluster = led();
  cluster.cut('a>b', 'a>c');
  cluster.run(2_000);
  expect(['b', 'c']).toContain(cluster.leader);
  expect(cluster.status('a')).toMatchObject({ role: 'follower', leader: cluster.leader });
});

test('pitfall 15: in a chain one of those who hear a quorum leads, and stays (OmniPaxos, chained scenario)', () => {
  const cluster = led({ nodes: FIVE });
  cluster.cut('ac', 'ad', 'ae', 'bd', 'be', 'ce');
  cluster.run(5_000);
  // a-b-c-d-e: whoever is not at an end hears two others.
  const { leader } = cluster;
  expect(['b', 'c', 'd']).toContain(leader);
  expect(commits(cluster)).toBe(true);
  const terms = termsOf(cluster);
  cluster.run(5_000);
  expect(cluster.leader).toBe(leader);
  expect(termsOf(cluster)).toEqual(terms);
});

test('pitfall 15: only a stale node hears a quorum: the core waits (OmniPaxos, constrained election)', () => {
  const cluster = led({ nodes: FIVE });
  cluster.cut('ac', 'bc', 'cd', 'ce');
  expect([commits(cluster), commits(cluster)]).toEqual([true, true]);
  const before = cluster.committed;
  cluster.mend();
  cluster.wire.length = 0;
  cluster.cut('ab', 'ad', 'ae', 'bd', 'be', 'de');
  // The leader must not bring the stale one up to date either.
  cluster.cut('a>c');
  cluster.run(10_000);
  expect(cluster.leaders).toEqual([]);
  cluster.mend();
  cluster.run(2_000);
  expect(commits(cluster)).toBe(true);
  expect(cluster.committed).toBeGreaterThan(before);
});
