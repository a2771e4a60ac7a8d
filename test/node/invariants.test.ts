/** Each checker of the clusters in memory reports what it is there for. */
import { describe, expect, it } from 'vitest';
import { emptyState, type HistoryEntry } from '../../src/cluster/state.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';
import { Invariants } from './invariants.ts';
import { MemoryCluster } from './memory-cluster.ts';
import { Stage } from './stage.ts';

const ASSIGNED: HistoryEntry = {
  index: 1,
  group: 'g',
  epoch: 5,
  event: 'assigned',
  node: 'node1',
  from: null,
  reason: 'boot',
  evidence: null,
  stamps: [],
  detail: '',
};

describe('the stage reports', () => {
  it('one address on two nodes whose filters are open', () => {
    const stage = new Stage(new VirtualClock());
    for (const node of ['node1', 'node2']) {
      stage.open('g/ip', node, 2_000);
      stage.show('g/ip', node);
    }
    expect(stage.violations.join()).toMatch('g/ip on node1 and node2');
  });

  it('no address behind a filter that has run out', async () => {
    const clock = new VirtualClock();
    const stage = new Stage(clock);
    stage.open('g/ip', 'node1', 1_500);
    stage.show('g/ip', 'node1');
    await clock.advance(500);
    stage.open('g/ip', 'node2', 9_000);
    stage.show('g/ip', 'node2');
    expect(stage.violations).toEqual([]);
    expect(stage.owners('g/ip')).toEqual(['node2']);
  });

  it('an application that runs on beside its successor for more than 50 ms after a thaw', async () => {
    const clock = new VirtualClock();
    const stage = new Stage(clock);
    stage.show('g/app', 'node1');
    stage.freeze('node1');
    stage.show('g/app', 'node2');
    stage.thaw('node1');
    stage.tick();
    expect(stage.violations).toEqual([]);
    await clock.advance(60);
    stage.tick();
    expect(stage.violations.join()).toMatch('g/app on node1 and node2');
  });

  it('a write with an older key, and a registration over a live mount', () => {
    const stage = new Stage(new VirtualClock());
    stage.fence('g', 'node1', 1, false);
    stage.mount('g', 'node1', 1);
    expect(stage.fence('g', 'node2', 2, true)).toBe(true);
    stage.tick();
    expect(stage.violations.join()).toMatch('a write of epoch 1 on node1 after 2 was fenced');
    stage.fence('g', 'node1', 3, false);
    expect(stage.violations.join()).toMatch('node1 registers over a mount');
    expect(stage.fence('g', 'node2', 2, false)).toBe(false);
  });
});

describe('the invariants report', () => {
  const invariants = (): Invariants => new Invariants(new MemoryCluster({ nodes: 3 }));

  it('an epoch that is given out twice, or that does not grow', () => {
    const checked = invariants();
    checked.assigned(ASSIGNED, 4);
    expect(checked.broken()).toEqual([]);
    checked.assigned({ ...ASSIGNED, node: 'node2' }, 5);
    expect(checked.broken()).toEqual(['epoch 5: g on node1 and g on node2', 'epoch 5 after 5']);
  });

  it('two leaders in one term', () => {
    const checked = invariants();
    for (const node of ['node1', 'node1']) checked.leads(node, 4);
    checked.leads(null, 4);
    expect(checked.broken()).toEqual([]);
    checked.leads('node2', 4);
    expect(checked.broken()).toEqual(['term 4: node1 and node2 lead']);
  });

  it('two nodes that differ after the same entry', () => {
    const checked = invariants();
    checked.state('node1', 7, emptyState);
    checked.state('node2', 7, { ...emptyState, lastEpoch: 1 });
    expect(checked.broken()).toEqual(['node2 differs at entry 7']);
  });
});
