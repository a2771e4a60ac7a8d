import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/observability/metrics.ts';

const lines = async (metrics: ReturnType<typeof createMetrics>): Promise<string[]> =>
  (await metrics.text()).split('\n').filter((line) => line.startsWith('holdfast_'));

describe('createMetrics', () => {
  it('exactly one role holds', async () => {
    const metrics = createMetrics({ processMetrics: false });
    const raft = { leader: 'node2', term: 7, commitIndex: 40, appliedIndex: 39, logStalled: false };
    metrics.observeRaft({ ...raft, role: 'candidate' });
    metrics.observeRaft({ ...raft, role: 'follower' });
    const text = await lines(metrics);
    expect(text).toContain('holdfast_raft_role{role="follower"} 1');
    expect(text).toContain('holdfast_raft_role{role="candidate"} 0');
    expect(text).toContain('holdfast_raft_term 7');
    expect(text).toContain('holdfast_raft_commit_index 40');
  });

  it('after a failover the old owner is not an owner any more', async () => {
    const metrics = createMetrics({ processMetrics: false });
    metrics.observeGroup({ group: 'ledger', phase: 'serving', owner: 'node1', epoch: 3 });
    metrics.observeGroup({ group: 'ledger', phase: 'taking-over', owner: 'node2', epoch: 4 });
    const text = await lines(metrics);
    expect(text.filter((line) => line.startsWith('holdfast_group_owner'))).toEqual([
      'holdfast_group_owner{group="ledger",node="node2"} 1',
    ]);
    expect(text).toContain('holdfast_group_epoch{group="ledger"} 4');
    expect(text).toContain('holdfast_group_phase{group="ledger",phase="serving"} 0');
  });

  it('a deleted group leaves nothing behind', async () => {
    const metrics = createMetrics({ processMetrics: false });
    metrics.observeGroup({ group: 'ledger', phase: 'serving', owner: 'node1', epoch: 3 });
    metrics.forgetGroup('ledger');
    expect((await lines(metrics)).filter((line) => line.includes('ledger'))).toEqual([]);
  });

  it('phases are counted in seconds', async () => {
    const metrics = createMetrics({ processMetrics: false });
    metrics.observePhase('ledger', {
      phase: 'mount',
      node: 'node2',
      startedMs: 5,
      durationMs: 40,
      incarnation: 1,
    });
    const text = await lines(metrics);
    expect(text).toContain(
      'holdfast_phase_duration_seconds_sum{group="ledger",phase="mount"} 0.04',
    );
    expect(text).toContain(
      'holdfast_phase_duration_seconds_bucket{le="0.03",group="ledger",phase="mount"} 0',
    );
  });

  it('a lease that ended has no remainder', async () => {
    const metrics = createMetrics({ processMetrics: false });
    metrics.observeLease('ledger', 250);
    expect(await lines(metrics)).toContain('holdfast_lease_remaining_seconds{group="ledger"} 0.25');
    metrics.observeLease('ledger', null);
    expect((await lines(metrics)).join()).not.toContain('lease_remaining_seconds{');
  });

  it('links, lateness and changes of links have their series; two registries do not disturb', async () => {
    const metrics = createMetrics();
    createMetrics();
    metrics.observeLink('node2', 'lan-a', 'suspect');
    metrics.countLinkChange('node2', 'lan-a', 'suspect');
    metrics.observeLateness(7);
    metrics.observeQuorate(true);
    const text = await lines(metrics);
    expect(text).toContain(
      'holdfast_link_state{node="node2",interconnect="lan-a",state="suspect"} 1',
    );
    expect(text).toContain(
      'holdfast_link_changes_total{node="node2",interconnect="lan-a",state="suspect"} 1',
    );
    expect(text).toContain('holdfast_loop_lateness_seconds_count 1');
    expect(text).toContain('holdfast_quorate 1');
    expect(await metrics.text()).toContain('process_resident_memory_bytes');
  });
});
