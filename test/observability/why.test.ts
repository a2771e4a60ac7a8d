import { describe, expect, it } from 'vitest';
import type { HistoryEntry } from '../../src/cluster/state.ts';
import { whyGroup } from '../../src/observability/story/why-group.ts';
import { whyNode } from '../../src/observability/story/why-node.ts';
import type { Explanation } from '../../src/operator/api.ts';
import { INQUORATE, QUORATE } from '../operator/fake-daemon.ts';
import { HISTORY } from '../operator/fake-history.ts';

const line = (index: number, change: Partial<HistoryEntry>): HistoryEntry => ({
  index,
  group: 'ledger',
  epoch: 6,
  event: 'assigned',
  node: null,
  from: null,
  reason: null,
  evidence: null,
  stamps: [],
  detail: '',
  ...change,
});

const evidence = (change: Partial<NonNullable<HistoryEntry['evidence']>>) =>
  ({ kind: 'reported', observer: 'node3', perInterconnectMs: {}, detail: '', ...change }) as const;

const told = (explanation: Explanation | null): readonly string[] =>
  (explanation?.sentences ?? []).map(({ text, index }) => `${index ?? 'now'} ${text}`);

describe('why a group', () => {
  it('is where a failover by silence has brought it', () => {
    const before = line(900, { epoch: 5, node: 'node1', reason: 'boot' });
    expect(told(whyGroup(QUORATE, [before, ...HISTORY], 'ledger'))).toEqual([
      '1041 ledger is served by node2 in epoch 6.',
      '1036 Epoch 6 was given to node2 by failover: node3, which led, had heard nothing from node1: ' +
        '204 ms on lan-a, 204 ms on lan-b.',
      'now Nothing proves that node1 stopped epoch 5: its disks refuse it, ' +
        'and its addresses fell silent with its lease.',
      '1038 node2 holds ledger-disk alone: it refuses writes of older epochs.',
      '1041 node2 answered clients again; what was measured: detect 204 ms, elect 18 ms, decide 6 ms, ' +
        'fence 14 ms, mount 61 ms, address 2 ms, application 35 ms, serve 20 ms.',
      'now node3 could take it now.',
    ]);
  });

  it('was moved, by whose order, and that the old owner had stopped', () => {
    const history = [
      line(10, { epoch: 5, node: 'node1', reason: 'boot', evidence: evidence({ kind: 'boot' }) }),
      line(20, {
        epoch: 5,
        event: 'released',
        from: 'node1',
        node: 'node2',
        reason: 'move',
        detail: 'by alice (uid 1000)',
      }),
      line(21, { epoch: 5, event: 'stopped', node: 'node1', detail: 'in order, says the owner' }),
      line(22, {
        node: 'node2',
        from: 'node1',
        reason: 'move',
        evidence: evidence({ kind: 'operator', detail: 'node1 has stopped the group' }),
      }),
    ];
    const words = told(whyGroup(QUORATE, history, 'ledger'));
    expect(words.slice(1, 4)).toEqual([
      '20 node1 was told to hand it over to node2 (move), by alice (uid 1000).',
      '22 Epoch 6 was given to node2 by move, as ordered (node1 has stopped the group).',
      '21 node1 had stopped: epoch 5 ended in order, says the owner.',
    ]);
  });

  it('failed over by proof of death', () => {
    const proof = evidence({ kind: 'proof-of-death', perInterconnectMs: { 'lan-a': 31 } });
    const history = [line(22, { node: 'node2', from: 'node1', evidence: proof })];
    expect(told(whyGroup(QUORATE, history, 'ledger'))[1]).toBe(
      '22 Epoch 6 was given to node2 by failover: node3, which led, had proof that no daemon runs on ' +
        'node1: 31 ms on lan-a.',
    );
  });

  it('is not served: says why, who failed with what meaning, and what to do', () => {
    const history = [
      line(30, { epoch: 5, node: 'node3' }),
      line(31, {
        epoch: 5,
        event: 'takeover-failed',
        node: 'node3',
        detail: 'FOREIGN_RESERVATION: key 0x99',
      }),
    ];
    const explanation = whyGroup(INQUORATE, history, 'ledger');
    const words = told(explanation);
    expect(words[0]).toMatch(/^now ledger is serving, not served; node2 owns it in epoch 6: /);
    expect(words[1]).toBe('now How node2 came to epoch 6 is older than the history.');
    expect(words[2]).toMatch(
      /^31 node3 gave ledger back in epoch 5: FOREIGN_RESERVATION: key 0x99 \(/,
    );
    expect(explanation?.remedies.join()).toMatch(/^FOREIGN_RESERVATION: /);
  });

  it('stands still, since operators said so', () => {
    const status = {
      ...QUORATE,
      groups: QUORATE.groups.map((one) => ({ ...one, mode: 'maintenance' as const })),
    };
    const history = [...HISTORY, line(1050, { event: 'mode', detail: 'maintenance, by bob' })];
    expect(told(whyGroup(status, history, 'ledger'))).toContain(
      '1050 ledger is in maintenance (maintenance, by bob).',
    );
  });

  it('control: what is not in the history is not told', () => {
    const words = told(whyGroup(QUORATE, [], 'ledger')).join('\n');
    expect(words).not.toMatch(/failover|silence|refuses writes|by alice/);
    expect(whyGroup(QUORATE, HISTORY, 'ghost')).toBeNull();
  });
});

describe('why a node', () => {
  it('is silent, and what it lost by that', () => {
    expect(told(whyNode(QUORATE, HISTORY, 'node1'))).toEqual([
      'now node1 is dead for node3 (lan-a silent for 1 min 23 s, lan-b silent for 1 min 23 s); ' +
        "in the log's configuration it is a voter.",
      '1036 ledger: Epoch 6 was given to node2 by failover: node3, which led, had heard nothing from node1: ' +
        '204 ms on lan-a, 204 ms on lan-b.',
    ]);
  });

  it('leads and owns', () => {
    const words = told(whyNode(QUORATE, HISTORY, 'node2'));
    expect(words).toEqual([
      'now node2 is alive for node3; it leads.',
      'now It owns ledger in epoch 6: serving.',
    ]);
  });

  it('was admitted, set to standby and removed: the history remembers', () => {
    const own = { group: null, node: 'node4', epoch: 0 };
    const history = [
      line(7, { ...own, event: 'member-admitted', detail: 'as voter, invited by root' }),
      line(8, { ...own, event: 'mode', detail: 'standby, by bob' }),
      line(9, { ...own, event: 'member-removed' }),
    ];
    expect(told(whyNode(QUORATE, history, 'node4'))).toEqual([
      'now node4 is not a member.',
      '7 node4 was admitted (as voter, invited by root).',
      '8 mode of node4 (standby, by bob).',
      '9 node4 was removed.',
    ]);
    expect(whyNode(QUORATE, history, 'node5')).toBeNull();
  });

  it('cannot take a group, with meaning and remedy', () => {
    const explanation = whyNode(INQUORATE, [], 'node3');
    expect(told(explanation).at(-1)).toMatch(/^now It could not take ledger: IDENTITY_MISMATCH: /);
    expect(explanation?.remedies[0]).toMatch(/^IDENTITY_MISMATCH: /);
  });
});
