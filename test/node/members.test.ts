import { describe, expect, test } from 'vitest';
import type { ClusterState } from '../../src/cluster/state.ts';
import { defaultTimes } from '../../src/config/times.ts';
import type { NodeConfig } from '../../src/config/types.ts';
import { Members } from '../../src/node/members.ts';
import type { RaftStatus } from '../../src/raft/types.ts';
import { applyAll, founded, member } from '../cluster/a-cluster.ts';

const config = (node: string): NodeConfig => ({
  clusterId: 'lab',
  node,
  dataDirectory: '/nowhere',
  socketPath: '/nowhere/socket',
  profile: 'fast',
  times: defaultTimes('fast'),
  interconnects: ['net-a', 'net-b'],
  members: [3, 1, 2].map(member),
  groups: [],
  sabotage: [],
});

function raft(voters: readonly string[], change: Partial<RaftStatus> = {}): RaftStatus {
  return {
    role: 'follower',
    term: 1,
    leader: null,
    votedFor: null,
    commitIndex: 5,
    appliedIndex: 5,
    lastIndex: 5,
    lastTerm: 1,
    firstIndex: 1,
    configuration: { voters, outgoing: [], learners: [] },
    configurationIndex: 4,
    diskStalled: false,
    followers: [],
    transferringTo: null,
    ...change,
  };
}

function membersOn(node: string, state: ClusterState, status: RaftStatus | null): Members {
  const members = new Members({
    config: config(node),
    state: () => state,
    raft: () => status,
    logged: [],
    changed: () => undefined,
  });
  members.refresh();
  return members;
}

const leaving = applyAll(founded, { kind: 'set-role', node: 'n2', role: 'leaving', by: 'op' });

describe('the rank of a node', () => {
  test('is its place among the voters of the moment, by number', () => {
    expect(membersOn('n3', founded, raft(['n3', 'n2', 'n1'])).rank()).toBe(2);
    expect(membersOn('n3', founded, raft(['n3', 'n2'])).rank()).toBe(1);
    expect(membersOn('n3', founded, raft(['n1', 'n2'])).rank()).toBe(0);
  });

  test('is that of the list while there is no core to ask', () => {
    expect(membersOn('n2', founded, null).rank()).toBe(1);
  });
});

describe('a node was removed', () => {
  test('when it was leaving and is committed out of the configuration', () => {
    expect(membersOn('n2', leaving, raft(['n1', 'n3'])).removed).toBe(true);
    expect(membersOn('n2', leaving, raft(['n1', 'n2', 'n3'])).removed).toBe(false);
    expect(membersOn('n2', leaving, raft(['n1', 'n3'], { commitIndex: 3 })).removed).toBe(false);
  });

  test('when it is struck off the list', () => {
    const gone = applyAll(leaving, { kind: 'remove-member', node: 'n2' });
    expect(membersOn('n2', gone, raft(['n1', 'n3'])).removed).toBe(true);
  });

  test('not while it is about to come in', () => {
    expect(membersOn('n2', founded, raft(['n1', 'n3'])).removed).toBe(false);
    expect(membersOn('n9', founded, raft(['n1', 'n3'])).removed).toBe(false);
    expect(membersOn('n9', founded, raft([])).removed).toBe(false);
    expect(membersOn('n9', founded, null).removed).toBe(false);
  });

  test('when others say so, unless a leader talks to it', () => {
    const told = membersOn('n2', founded, raft(['n1', 'n2', 'n3']));
    told.toldRemoved();
    expect(told.removed).toBe(true);
    const led = membersOn('n2', founded, raft(['n1', 'n2', 'n3'], { leader: 'n1' }));
    led.toldRemoved();
    expect(led.removed).toBe(false);
  });
});

test('who is told of a change, and only then', () => {
  let state = founded;
  const told: string[] = [];
  const members: Members = new Members({
    config: config('n1'),
    state: () => state,
    raft: () => RAFT,
    logged: [],
    changed: ({ members: all, configuration }) =>
      told.push([...all.map(({ node }) => node), configuration === null ? '' : 'anew'].join(' ')),
  });
  expect([members.refresh(), members.refresh()]).toEqual([true, false]);
  state = applyAll(leaving, { kind: 'remove-member', node: 'n2' });
  expect([members.refresh(), members.refresh()]).toEqual([true, false]);
  expect(told).toEqual(['n1 n2 n3 anew', 'n1 n3 ']);
  expect(members.peers()).toEqual(['n3']);
});

/** One object: a configuration that did not change is the same one. */
const RAFT = raft(['n1', 'n3']);
