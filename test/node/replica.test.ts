import { describe, expect, test } from 'vitest';
import { encodeEnvelope } from '../../src/cluster/codec.ts';
import { Replica } from '../../src/node/replica.ts';
import type { SnapshotMeta } from '../../src/raft/types.ts';

const command = { kind: 'create-cluster', clusterId: 'lab', firstEpoch: 1 } as const;
const data = encodeEnvelope({ origin: 'n1', incarnation: 1, requestId: 1, command });
const metaAt = (index: number): SnapshotMeta => ({
  index,
  term: 1,
  configuration: { voters: [`as of ${index}`], outgoing: [], learners: [] },
});

describe('a snapshot', () => {
  test('carries the configuration of its own index, not one that was appended since', () => {
    const replica = new Replica({ compactEvery: 2, applied: () => undefined });
    replica.apply([{ kind: 'command', index: 1, term: 1, data }]);
    expect(replica.snapshot(metaAt)).toBeNull();
    replica.apply([{ kind: 'no-op', index: 2, term: 1 }]);
    expect(replica.snapshot(metaAt)?.meta).toEqual(metaAt(2));
    expect(replica.snapshot(metaAt)).toBeNull();
  });

  test('brings back what was applied', () => {
    const replica = new Replica({ compactEvery: 1, applied: () => undefined });
    replica.apply([{ kind: 'command', index: 1, term: 1, data }]);
    const snapshot = replica.snapshot(metaAt);
    const other = new Replica({ applied: () => undefined });
    if (snapshot !== null) other.restore(snapshot.meta, snapshot.state);
    expect(other.state).toEqual(replica.state);
    expect([other.appliedIndex, other.appliedTerm]).toEqual([1, 1]);
  });
});
