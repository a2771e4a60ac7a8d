import { describe, expect, test } from 'vitest';
import {
  applyAll,
  assign,
  definition,
  founded,
  serving,
  takingOver,
} from '../cluster/a-cluster.ts';
import { alive, dead, Leader, runs } from './a-plan.ts';

const fit = alive({ fit: ['web'] });
const owner = alive(runs(1));
const onN2 = { group: 'web', expectedEpoch: 1, node: 'n2' } as const;

/** `web` is served by n2 in epoch 1; n1 leads. */
const servedByN2 = applyAll(
  founded,
  assign('web', 0, 'n2'),
  { kind: 'fenced', ...onN2, disk: 'disk' },
  { kind: 'serving', ...onN2, stamps: [] },
);

describe('the owner dies', () => {
  test('with proof: the best fit node takes over at once, after the rest of the lease', () => {
    const leader = new Leader(servedByN2, {
      n1: fit,
      n2: dead(12, { proofOfDeath: true }),
      n3: fit,
    });
    leader.ledger.granted('web', 1, leader.now - 40);
    expect(leader.plan()).toEqual(['assign web@1 to n1: failover, proof-of-death, wait 320']);
  });

  test('silent on every interconnect and heard by nobody: the same, with the silence as evidence', () => {
    const leader = new Leader(servedByN2, { n1: fit, n2: dead(251), n3: fit });
    expect(leader.command()).toMatchObject({
      node: 'n1',
      leaseRemainderMs: 0,
      evidence: { kind: 'silence', observer: 'n1', perInterconnectMs: { 'net-a': 251 } },
      stamps: [{ phase: 'detect', node: 'n1', startedMs: 99_749, durationMs: 251, incarnation: 7 }],
    });
  });

  test('only suspect: nothing yet', () => {
    const leader = new Leader(servedByN2, {
      n1: fit,
      n2: dead(210, { state: 'suspect' }),
      n3: fit,
    });
    expect(leader.plan()).toEqual(['web waits: OWNER_SUSPECT']);
  });

  test('alive on one interconnect: nothing happens', () => {
    const half = alive({
      ...runs(1),
      links: {
        'net-a': { state: 'dead', silentMs: 900, hearsUs: false },
        'net-b': { state: 'alive', silentMs: 9, hearsUs: true },
      },
    });
    expect(new Leader(servedByN2, { n1: fit, n2: half, n3: fit }).plan()).toEqual([]);
  });

  test('still heard by another node: its lease is the judge', () => {
    const leader = new Leader(servedByN2, {
      n1: fit,
      n2: dead(300, { heardByOthers: true }),
      n3: fit,
    });
    leader.ledger.granted('web', 1, leader.now - 100);
    expect(leader.plan()).toEqual(['web waits: OWNER_HEARD_BY_OTHERS for 260']);
    leader.now += 260;
    expect(leader.plan()).toEqual(['assign web@1 to n1: failover, silence']);
  });

  test('never heard by a young leader: the boot grace, not a failover', () => {
    const leader = new Leader(servedByN2, { n1: fit, n2: dead(null), n3: fit });
    leader.leaderSinceMs = leader.now - 300;
    expect(leader.plan()).toEqual(['web waits: BOOT_GRACE for 1700']);
    leader.now += 1_700;
    expect(leader.plan()).toEqual(['assign web@1 to n1: failover, silence']);
  });

  test('and was the leader: detect and elect are told apart and add up', () => {
    const leader = new Leader(servedByN2, { n1: fit, n2: dead(280), n3: fit });
    leader.leaderSinceMs = leader.now - 20;
    leader.electionMs = 35;
    leader.appliedOwnTerm = false; // the decision travels with the no-op
    expect(leader.command()).toMatchObject({
      kind: 'assign',
      stamps: [
        { phase: 'detect', startedMs: 99_720, durationMs: 245 },
        { phase: 'elect', startedMs: 99_945, durationMs: 35 },
      ],
    });
  });

  test('and nobody else reaches the disk: the group stays where it is', () => {
    const blind = alive({ unfit: { web: 'DISK_MISSING' } });
    const leader = new Leader(servedByN2, { n1: blind, n2: dead(), n3: blind });
    expect(leader.plan()).toEqual(['web waits: NO_FIT_NODE']);
  });

  test('twice: what is proposed already is not proposed again', () => {
    const leader = new Leader(servedByN2, { n1: fit, n2: dead(), n3: fit });
    leader.inFlight.add('assign:web');
    expect(leader.plan()).toEqual([]);
  });

  test('with two groups: each goes its own way in the same plan', () => {
    const two = applyAll(
      servedByN2,
      { kind: 'define-group', definition: definition('db', ['n3']), expectedRevision: 0, by: 'op' },
      assign('db', 0, 'n2'),
    );
    const both = alive({ fit: ['web', 'db'] });
    const leader = new Leader(two, { n1: both, n2: dead(), n3: both });
    expect(leader.plan()).toEqual([
      'assign web@1 to n1: failover, silence',
      'assign db@2 to n3: failover, silence',
    ]);
  });

  test('during its takeover: the next one does not wait for it either', () => {
    const taking = applyAll(founded, assign('web', 0, 'n2'));
    const leader = new Leader(taking, { n1: fit, n2: dead(), n3: fit });
    expect(leader.plan()).toEqual(['assign web@1 to n1: failover, silence']);
  });
});

describe('the owner lives', () => {
  test('and serves: nothing to do', () => {
    expect(new Leader(serving, { n1: owner, n2: fit, n3: fit }).plan()).toEqual([]);
  });

  test.each(['starting', 'serving', 'frozen'] as const)('%s: it is left alone', (state) => {
    const leader = new Leader(takingOver, { n1: alive(runs(1, state)), n2: fit, n3: fit });
    expect(leader.plan()).toEqual([]);
  });

  test('and stops it by itself: it is waited for, and that is said', () => {
    const leader = new Leader(takingOver, { n1: alive(runs(1, 'stopping')), n2: fit, n3: fit });
    expect(leader.plan()).toEqual(['web waits: OWNER_STOPPING']);
  });

  test('and reports that the group failed: another node, the same one only if nobody else can', () => {
    const bad = alive({ ...runs(1, 'failed'), fit: ['web'] });
    expect(new Leader(servedByN2, { n1: fit, n2: bad, n3: fit }).plan()).toEqual([
      'assign web@1 to n1: failover, reported',
    ]);
    expect(new Leader(servedByN2, { n1: alive(), n2: bad, n3: alive() }).plan()).toEqual([
      'assign web@1 to n2: restart, reported',
    ]);
  });

  test('in a new life that does not run the group: a new epoch, preferably where it was', () => {
    const reborn = alive({ incarnation: 2, fit: ['web'] });
    const leader = new Leader(servedByN2, { n1: fit, n2: owner, n3: fit });
    leader.plan();
    leader.seen = { n1: fit, n2: reborn, n3: fit };
    expect(leader.plan()).toEqual(['web waits: OWNER_NOT_RUNNING for 450']);
    leader.now += 450;
    expect(leader.plan()).toEqual(['assign web@1 to n2: restart, reported']);
  });

  test('in a new life that is not fit: somebody else', () => {
    const reborn = alive({ incarnation: 2, unfit: { web: 'MOUNT_LEFT' } });
    const leader = new Leader(servedByN2, { n1: fit, n2: reborn, n3: fit });
    leader.plan();
    leader.now += 450;
    expect(leader.plan()).toEqual(['assign web@1 to n1: failover, reported']);
  });

  test('and does not begin what it was given: the others come first, and the same one last', () => {
    const given = applyAll(founded, assign('web', 0, 'n2'));
    const leader = new Leader(given, { n1: fit, n2: fit, n3: fit });
    leader.plan();
    leader.now += 450;
    expect(leader.plan()).toEqual(['assign web@1 to n1: failover, reported']);
    leader.seen = { n1: alive(), n2: fit, n3: alive() };
    expect(leader.plan()).toEqual(['assign web@1 to n2: restart, reported']);
  });

  test('and was assigned only just now: it gets the time to say so', () => {
    const leader = new Leader(founded, { n1: fit, n2: fit, n3: fit });
    leader.plan();
    leader.state = applyAll(founded, assign('web', 0, 'n2'));
    expect(leader.plan()).toEqual(['web waits: OWNER_NOT_RUNNING for 450']);
    leader.now += 400;
    leader.seen = { ...leader.seen, n2: alive(runs(1, 'starting')) };
    expect(leader.plan()).toEqual([]);
    leader.now += 10_000;
    expect(leader.plan()).toEqual([]);
  });

  test('and still brings an older epoch down: it gets the time that its resources may take', () => {
    const leader = new Leader(servedByN2, { n1: fit, n2: owner, n3: fit });
    leader.seen = { n1: fit, n2: alive(runs(0, 'stopping')), n3: fit };
    leader.plan();
    leader.now += 19_000;
    expect(leader.plan()).toEqual(['web waits: OWNER_NOT_RUNNING for 1450']);
  });
});
