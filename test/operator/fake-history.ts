/** A failover of group `ledger` from node1 to node2, led by node3, as the history would tell it. */
import type { HistoryEntry } from '../../src/cluster/state.ts';
import type { Phase, PhaseStamp } from '../../src/lib/phases.ts';
import type { Timeline } from '../../src/operator/api.ts';

const stamp = (phase: Phase, node: string, startedMs: number, durationMs: number): PhaseStamp => ({
  phase,
  node,
  startedMs,
  durationMs,
  incarnation: node === 'node3' ? 3 : 2,
});

/** The clocks of node3 (1 000 000 …) and node2 (500 …) have nothing to do with each other. */
export const STAMPS: readonly PhaseStamp[] = [
  stamp('detect', 'node3', 1_000_000, 204),
  stamp('elect', 'node3', 1_000_204, 18),
  stamp('decide', 'node3', 1_000_222, 6),
  stamp('fence', 'node2', 500, 14),
  stamp('mount', 'node2', 514, 61),
  stamp('address', 'node2', 540, 2),
  stamp('application', 'node2', 575, 35),
  stamp('serve', 'node2', 610, 20),
];

export const TIMELINE: Timeline = {
  group: 'ledger',
  epoch: 6,
  from: 'node1',
  to: 'node2',
  reason: 'failover',
  evidence: 'silence on lan-a 204 ms, lan-b 204 ms, seen by node3',
  stamps: STAMPS,
  totalMs: 358,
  phasesMs: Object.fromEntries(STAMPS.map(({ phase, durationMs }) => [phase, durationMs])),
};

const entry = (index: number, change: Partial<HistoryEntry>): HistoryEntry => ({
  index,
  group: 'ledger',
  epoch: 6,
  event: 'assigned',
  node: 'node2',
  from: null,
  reason: null,
  evidence: null,
  stamps: [],
  detail: '',
  ...change,
});

export const HISTORY: readonly HistoryEntry[] = [
  entry(3, { group: null, epoch: 0, event: 'created', node: null }),
  entry(1036, {
    from: 'node1',
    reason: 'failover',
    evidence: {
      kind: 'silence',
      observer: 'node3',
      perInterconnectMs: { 'lan-a': 204, 'lan-b': 204 },
      detail: '',
    },
  }),
  entry(1038, { event: 'fenced', detail: 'ledger-disk' }),
  entry(1041, { event: 'serving', stamps: STAMPS }),
];
