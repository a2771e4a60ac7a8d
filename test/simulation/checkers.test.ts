/** Each checker of the simulation reports what it is there for, and nothing else. */
import { describe, expect, it } from 'vitest';
import { emptyState, type HistoryEntry } from '../../src/cluster/state.ts';
import { packKey } from '../../src/fencing/protocol/key.ts';
import { Checkers } from './checkers/index.ts';

function bench() {
  const told: string[] = [];
  const report = (rule: string, node: string, words: string): void => {
    told.push(`${rule}: ${node}: ${words}`);
  };
  return { told, checkers: new Checkers(report, { leaseMs: 360, teardownMs: 50 }) };
}

const ASSIGNED: HistoryEntry = {
  index: 1,
  group: 'g',
  epoch: 5,
  event: 'assigned',
  node: 'node1',
  from: null,
  reason: 'failover',
  evidence: { kind: 'silence', observer: 'node2', perInterconnectMs: {}, detail: '' },
  stamps: [],
  detail: '',
};

describe('ownership', () => {
  it('an epoch that is given out twice, or does not grow', () => {
    const { told, checkers } = bench();
    checkers.ownership.assigned('node1', ASSIGNED, 4);
    checkers.ownership.assigned('node2', ASSIGNED, 4);
    expect(told).toEqual([]);
    checkers.ownership.assigned('node3', { ...ASSIGNED, node: 'node2' }, 5);
    expect(told).toEqual([
      'one owner per epoch: node3: epoch 5: g on node1 and g on node2',
      'epochs grow: node3: epoch 5 after 5',
    ]);
  });

  it('two nodes that differ after the same entry', () => {
    const { told, checkers } = bench();
    checkers.ownership.state('node1', 7, emptyState);
    checkers.ownership.state('node2', 7, { ...emptyState, lastEpoch: 1 });
    expect(told).toEqual(['one state: node2: differs after entry 7']);
  });
});

describe('the disk', () => {
  it('a write of an older epoch after a newer takeover returned', () => {
    const { told, checkers } = bench();
    const disk = { name: 'g', takenBy: 4, unfencedSince: null };
    checkers.lateWrites.landed(disk, 'node1:a', 4);
    expect(told).toEqual([]);
    checkers.lateWrites.landed({ ...disk, takenBy: 5 }, 'node1:a', 4);
    expect(told.join()).toMatch('a write of epoch 4 lands after epoch 5 has the disk');
  });

  it('nothing while a volatile reservation is lost and not taken again', () => {
    const { told, checkers } = bench();
    checkers.lateWrites.landed({ name: 'g', takenBy: 5, unfencedSince: 1 }, 'node1:a', 4);
    expect(told).toEqual([]);
  });

  it('two hosts with the file system mounted that can both write', () => {
    const { told, checkers } = bench();
    const one = { host: 'node1', canWrite: true };
    checkers.mounts.judge('g', [one, { host: 'node2', canWrite: false }]);
    expect(told).toEqual([]);
    checkers.mounts.judge('g', [one, { host: 'node2', canWrite: true }]);
    expect(told.splice(0).join()).toMatch('one writer: node1 and node2');
    checkers.mounts.opened('g', 'node1', 5, 5);
    expect(told).toEqual([]);
    checkers.mounts.opened('g', 'node1', 6, 5);
    expect(told.join()).toMatch('fenced before it is mounted: node1');
  });

  it('an acknowledged record that the next owner does not read', () => {
    const { told, checkers } = bench();
    for (const record of ['g#1', 'g#2']) checkers.records.acknowledged('g', record);
    checkers.records.mounted('g', 'node2', ['g#1', 'g#2', 'g#3']);
    expect(told).toEqual([]);
    checkers.records.mounted('g', 'node2', ['g#1', 'g#3']);
    expect(told.join()).toMatch('1 acknowledged records are gone: g#2');
  });

  it("a stranger's key that is gone after a command of ours", () => {
    const { told, checkers } = bench();
    checkers.strangers.judge('g', 'node1:a', 'register', true);
    expect(told).toEqual([]);
    checkers.strangers.judge('g', 'node1:a', 'preempt', false);
    expect(told.join()).toMatch('preempt took its key off g');
  });

  it('an owner that does not hold it in calm weather', () => {
    const { told, checkers } = bench();
    const holder = { nexus: 'node1:a', key: packKey({ tag: 1, node: 1, epoch: 5 }) };
    const held = { group: 'g', owner: 'node1', epoch: 5, holder };
    checkers.reservations.judge(held);
    expect(told).toEqual([]);
    checkers.reservations.judge({ ...held, epoch: 6 });
    checkers.reservations.judge({ ...held, owner: 'node2' });
    checkers.reservations.judge({ ...held, holder: null });
    expect(told).toHaveLength(3);
  });
});

const awake = (host: string) => ({ host, isExcused: false });

describe('what clients see', () => {
  it('an address that two hosts answer', () => {
    const { told, checkers } = bench();
    const [one, two] = [awake('node1'), awake('node2')];
    checkers.visible.address('g/ip', [one, { ...two, isExcused: true }]);
    expect(told).toEqual([]);
    checkers.visible.address('g/ip', [one, two]);
    expect(told.join()).toMatch('both answer for g/ip');
  });

  it('an application on two hosts, neither of which was frozen a moment ago', () => {
    const { told, checkers } = bench();
    const steady = awake('node1');
    checkers.visible.application('g/app', [steady, { ...awake('node2'), isExcused: true }]);
    expect(told).toEqual([]);
    checkers.visible.application('g/app', [steady, awake('node2')]);
    expect(told.join()).toMatch('g/app runs on both');
  });

  it('an action after its lease, or without one', () => {
    const { told, checkers } = bench();
    const { lease } = checkers;
    const when = { now: 1_400, isExcused: false, slowMs: 0 };
    const answer = { what: 'answer', group: 'g', epoch: 5 } as const;
    lease.asked('node1', 'g', 5, 1, 1_000);
    lease.act('node1', answer, { ...when, now: 1_100 });
    expect(told.splice(0).join()).toMatch('without a lease');
    lease.granted('node1', 'g', 5, 1);
    lease.act('node1', answer, { ...when, now: 1_360 });
    lease.act('node1', { ...answer, what: 'append' }, { ...when, now: 1_410 });
    lease.act('node1', answer, { ...when, isExcused: true });
    expect(told).toEqual([]);
    lease.act('node1', answer, when);
    lease.act('node1', { ...answer, what: 'append' }, { ...when, now: 1_411 });
    expect(told).toHaveLength(2);
  });
});

describe('history', () => {
  it('a service that no line explains, or that another node was given', () => {
    const { told, checkers } = bench();
    checkers.history.served('g', 5, 'node1');
    checkers.history.judge({ ...emptyState, history: [ASSIGNED] });
    expect(told).toEqual([]);
    checkers.history.judge({ ...emptyState, history: [{ ...ASSIGNED, epoch: 6 }] });
    checkers.history.judge({ ...emptyState, history: [{ ...ASSIGNED, node: 'node2' }] });
    checkers.history.judge({ ...emptyState, history: [{ ...ASSIGNED, evidence: null }] });
    expect(told).toEqual([
      'history: node1: g in epoch 5 is missing',
      'history: node1: g in epoch 5 was given to node2',
      'history: node1: g in epoch 5: nobody says why it is there',
    ]);
  });

  it('a timeline with a phase missing', () => {
    const { told, checkers } = bench();
    const serving: HistoryEntry = { ...ASSIGNED, event: 'serving', index: 2 };
    checkers.history.judge({ ...emptyState, history: [ASSIGNED, serving] });
    expect(told).toContain('timeline: node1: g epoch 5: no fence');
  });
});
