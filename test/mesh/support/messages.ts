/** One lawful example of everything that the mesh carries. */
import type { Command } from '../../../src/cluster/command.ts';
import type { ControlMessage } from '../../../src/failover/control.ts';
import type { NodeId } from '../../../src/lib/ids.ts';
import type { Heartbeat } from '../../../src/membership/heartbeat.ts';
import type { RaftMessage } from '../../../src/raft/types.ts';

type Pair = { readonly from: NodeId; readonly to: NodeId };

const bytes = Uint8Array.of(0, 1, 127, 128, 255);
const configuration = { voters: ['a', 'b', 'c'], outgoing: ['a'], learners: ['d'] };

export function vote(pair: Pair, term: number): RaftMessage {
  return { ...pair, term, kind: 'vote', lastIndex: 7, lastTerm: 3, transfer: false };
}

export function append(pair: Pair, data: Uint8Array): RaftMessage {
  return {
    ...pair,
    term: 4,
    kind: 'append',
    prevIndex: 1,
    prevTerm: 1,
    entries: [{ kind: 'command', index: 2, term: 4, data }],
    commitIndex: 1,
    readId: 9,
  };
}

export function snapshot(pair: Pair, chunk: Uint8Array): RaftMessage {
  const meta = { index: 5, term: 2, configuration };
  return { ...pair, term: 4, kind: 'snapshot', meta, offset: 0, last: true, chunk, readId: 3 };
}

export function everyRaftMessage(pair: Pair): readonly RaftMessage[] {
  const of = { ...pair, term: 12 };
  return [
    { ...of, kind: 'pre-vote', lastIndex: 2 ** 53 - 1, lastTerm: 0, transfer: false },
    { ...of, kind: 'vote', lastIndex: 1, lastTerm: 1, transfer: true },
    { ...of, kind: 'pre-vote-reply', granted: false, quietMs: 0.25 },
    { ...of, kind: 'vote-reply', granted: true, quietMs: Number.POSITIVE_INFINITY },
    {
      ...of,
      kind: 'append',
      prevIndex: 0,
      prevTerm: 0,
      entries: [
        { index: 1, term: 1, kind: 'no-op' },
        { index: 2, term: 1, kind: 'command', data: bytes },
        { index: 3, term: 1, kind: 'command', data: new Uint8Array(0) },
        { index: 4, term: 1, kind: 'configuration', configuration },
      ],
      commitIndex: 0,
      readId: 1,
    },
    { ...of, kind: 'append-reply', matchIndex: 4, conflict: null, readId: 1 },
    { ...of, kind: 'append-reply', matchIndex: 0, conflict: { index: 3, term: 2 }, readId: 1 },
    snapshot(pair, bytes),
    { ...of, kind: 'snapshot-reply', index: 5, offset: 65_536, done: false, readId: 1 },
    { ...of, kind: 'timeout-now' },
    { ...of, kind: 'transfer-refused' },
  ];
}

export function everyCommand(): readonly Command[] {
  const guard = { group: 'db', expectedEpoch: 0xffff_ffff };
  const stamps = [
    { phase: 'detect', node: 'a', startedMs: 1.5, durationMs: 200.25, incarnation: 5 },
  ] as const;
  return [
    { kind: 'create-cluster', clusterId: 'c', firstEpoch: 1 },
    {
      kind: 'admit-member',
      member: { node: 'd', number: 4, peerId: 'peer', addresses: { red: '192.0.2.4:7400' } },
      invitation: null,
    },
    { kind: 'invite', peerId: 'key', node: 'd', role: 'learner', expiresAtMs: 1.8e12, by: 'a' },
    { kind: 'revoke-invitation', peerId: 'key', by: 'a' },
    { kind: 'set-role', node: 'd', role: 'leaving', by: 'a' },
    { kind: 'recover', survivors: ['a', 'b'], epochJump: 1_000, by: 'a' },
    { kind: 'remove-member', node: 'd' },
    {
      kind: 'define-group',
      definition: {
        group: 'db',
        resources: [
          {
            name: 'data',
            type: 'filesystem',
            needs: ['disk'],
            parameters: { device: '/dev/sdb', count: 3, readOnly: false, options: ['noatime'] },
            startTimeoutMs: 1,
            stopTimeoutMs: 2,
            monitorIntervalMs: 3,
            monitorTimeoutMs: 4,
          },
        ],
        preferred: ['a', 'b'],
      },
      expectedRevision: 0,
      by: 'operator',
    },
    { kind: 'delete-group', group: 'db', by: 'operator' },
    {
      ...guard,
      kind: 'assign',
      node: 'b',
      reason: 'failover',
      evidence: {
        kind: 'proof-of-death',
        observer: 'c',
        perInterconnectMs: { red: 200.5, blue: Number.POSITIVE_INFINITY },
        detail: 'refused on both',
      },
      leaseRemainderMs: 12.5,
      stamps,
    },
    { ...guard, kind: 'release', to: null, reason: 'move', by: 'operator' },
    { ...guard, kind: 'pledge', node: 'b', secretHash: 'ab'.repeat(32) },
    { ...guard, kind: 'stopped', node: 'b', clean: false, proof: 'guardian', secret: 'cd' },
    { ...guard, kind: 'fenced', node: 'b', disk: 'naa.6001405' },
    { ...guard, kind: 'serving', node: 'b', stamps },
    { ...guard, kind: 'report', node: 'c', stamps },
    { ...guard, kind: 'takeover-failed', node: 'b', code: 'NO_JOURNAL', detail: '' },
    { kind: 'set-mode', subject: { kind: 'cluster' }, mode: 'maintenance', by: 'operator' },
    {
      kind: 'set-mode',
      subject: { kind: 'resource', group: 'db', resource: 'data' },
      mode: 'maintenance',
      by: 'operator',
    },
    { kind: 'set-level', level: 3 },
    {
      kind: 'forget-failures',
      subject: { kind: 'group', group: 'db' },
      throughEpoch: 7,
      by: 'expiry',
    },
    { kind: 'set-wish', group: 'db', wish: { node: 'b', expiresAtMs: 1.8e12 }, by: 'operator' },
    { kind: 'set-capacity', node: 'b', capacity: { memory: 64 }, by: 'operator' },
    { ...guard, kind: 'expired', detail: 'its last lease has run out' },
  ];
}

export function everyControlMessage(pair: Pair): readonly ControlMessage[] {
  const lease = { ...pair, group: 'db', epoch: 3, requestId: 8 };
  const asked = { ...pair, requestId: 8, incarnation: 2 ** 53 - 1 };
  return [
    { ...lease, kind: 'lease-request' },
    { ...lease, kind: 'lease-grant' },
    { ...lease, kind: 'lease-refused', code: 'STALE_EPOCH', newestEpoch: 4 },
    ...everyCommand().map((command) => ({ ...asked, kind: 'propose' as const, command })),
    { ...asked, kind: 'propose-refused', code: 'NOT_LEADER', detail: 'node1 does not lead' },
    { ...asked, kind: 'read' },
    { ...asked, kind: 'read-reply', index: null, beganMs: 0 },
    { ...asked, kind: 'read-reply', index: 17, beganMs: 123.456 },
  ];
}

export function heartbeat(from: NodeId, sequence: number): Heartbeat {
  return {
    from,
    incarnation: 77,
    sequence,
    sentMs: 123_456.789,
    hears: [
      { node: 'b', interconnect: 'red' },
      { node: 'c', interconnect: 'blue' },
    ],
    lateMs: 0.125,
    fitness: [
      { group: 'db', fit: false, code: 'NODE_NOT_ELIGIBLE', ageMs: Number.POSITIVE_INFINITY },
    ],
    groups: [{ group: 'db', epoch: 3, state: 'serving' }],
  };
}
