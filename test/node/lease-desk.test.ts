/** Leases are granted by who leads, to who owns, after a quorum round; and asked again before the answer. */
import { expect, it } from 'vitest';
import { emptyState } from '../../src/cluster/state.ts';
import type { ControlMessage } from '../../src/failover/control.ts';
import { LeaseLedger } from '../../src/failover/lease-ledger.ts';
import { LeaseDesk } from '../../src/node/lease-desk.ts';
import { groupNamed } from './memory-cluster.ts';

const REQUEST = {
  kind: 'lease-request',
  from: 'node1',
  to: 'node2',
  group: 'g',
  epoch: 5,
  requestId: 1,
} as const;

function aDesk() {
  const world = { leads: true, sent: [] as ControlMessage[] };
  const ledger = new LeaseLedger({ leaseMs: 360, clockDrift: 0.001, epsilonMs: 5 });
  ledger.becameLeader(0);
  const group = {
    definition: groupNamed('g', []),
    revision: 1,
    mode: 'online',
    phase: 'serving',
    owner: 'node1',
    epoch: 5,
    previousOwner: null,
    reason: 'boot',
    leaseRemainderMs: 0,
    releaseTo: null,
    releaseReason: 'boot',
    unfinished: [],
    fencedEpoch: {},
    failures: [],
  } as const;
  const desk = new LeaseDesk({
    self: 'node2',
    ledger,
    leads: () => world.leads,
    state: () => ({ ...emptyState, groups: { g: group } }),
    send: (message) => world.sent.push(message),
    grantAnyEpoch: false,
  });
  return { world, ledger, desk };
}

it('a grant is noted from when the request came, and sent only after the round', () => {
  const { world, ledger, desk } = aDesk();
  expect(desk.request(REQUEST, 100, () => 7)).toBe(7);
  expect(world.sent).toEqual([]);
  expect(desk.confirmed(7)).toBe(true);
  expect(ledger.lastGrantMs('g', 5)).toBe(100);
  expect(world.sent).toMatchObject([{ kind: 'lease-grant', to: 'node1', requestId: 1 }]);
});

it('a group that was given away while the round was under way gets no lease', () => {
  const { world, ledger, desk } = aDesk();
  desk.request(REQUEST, 100, () => 7);
  ledger.close('g');
  desk.confirmed(7);
  expect(ledger.lastGrantMs('g', 5)).toBe(null);
  expect(world.sent).toMatchObject([{ kind: 'lease-refused', code: 'ASSIGN_PENDING' }]);
});

it('an old epoch, a stranger, and a desk that does not lead are refused at once', () => {
  const { world, desk } = aDesk();
  expect(desk.request({ ...REQUEST, epoch: 4 }, 100, () => 7)).toBe(null);
  expect(desk.request({ ...REQUEST, from: 'node3' }, 100, () => 7)).toBe(null);
  world.leads = false;
  expect(desk.request(REQUEST, 100, () => 7)).toBe(null);
  const codes = world.sent.map((message) => 'code' in message && message.code);
  expect(codes).toEqual(['STALE_EPOCH', 'NOT_OWNER', 'NOT_LEADER']);
});

it('a round that ends after leadership was lost grants nothing', () => {
  const { world, desk } = aDesk();
  desk.request(REQUEST, 100, () => 7);
  desk.lostLeadership();
  expect(desk.confirmed(7)).toBe(false);
  expect(world.sent).toEqual([]);
});
