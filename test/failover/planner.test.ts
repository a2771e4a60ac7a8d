import { describe, expect, test } from 'vitest';
import type { Command } from '../../src/cluster/command.ts';
import { emptyState } from '../../src/cluster/state.ts';
import { MAX_EPOCH } from '../../src/lib/ids.ts';
import { applyAll, assign, definition, founded, serving } from '../cluster/a-cluster.ts';
import { alive, dead, Leader, runs, type Seen } from './a-plan.ts';

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
const mode = (
  subject: Extract<Command, { kind: 'set-mode' }>['subject'],
  to: 'online' | 'standby' | 'maintenance',
): Command => ({ kind: 'set-mode', subject, mode: to, by: 'op' });
const stopped: Command = { kind: 'stopped', ...onN2, clean: true, proof: 'owner', secret: null };
const release = (to: string | null): Command => ({
  kind: 'release',
  group: 'web',
  expectedEpoch: 1,
  to,
  reason: 'move',
  by: 'op',
});
const failed = (code = 'MOUNT'): Command => ({
  kind: 'takeover-failed',
  ...onN2,
  code,
  detail: '',
});

describe('a cluster that does not exist yet', () => {
  const first = (): Leader => {
    const leader = new Leader(emptyState, { n1: alive(), n2: alive(), n3: alive() });
    leader.bootstrapGroups = [definition('web')];
    return leader;
  };

  test('the first leader writes down what the configuration says, in order', () => {
    expect(first().plan()).toEqual([
      'create lab',
      'admit n1',
      'admit n2',
      'admit n3',
      'define web',
    ]);
  });

  test('not before an entry of its term is applied', () => {
    const leader = first();
    leader.appliedOwnTerm = false;
    expect(leader.plan()).toEqual([]);
  });

  test('not twice, and no group is assigned before everything is written down', () => {
    const leader = first();
    leader.plan();
    for (const { key } of leader.last?.proposals ?? []) leader.inFlight.add(key);
    expect(leader.plan()).toEqual([]);
    const fitEverywhere = { n1: fit, n2: fit, n3: fit };
    const half = new Leader(founded, fitEverywhere);
    half.bootstrapGroups = [definition('web'), definition('db')];
    expect(half.plan()).toEqual(['define db', 'web waits: BOOT_GRACE']);
  });

  test('a member that was removed and a group that was deleted stay away', () => {
    const state = applyAll(
      founded,
      { kind: 'set-role', node: 'n3', role: 'leaving', by: 'op' },
      { kind: 'remove-member', node: 'n3' },
      { kind: 'delete-group', group: 'web', by: 'op' },
    );
    const leader = new Leader(state, { n1: alive(), n2: alive() });
    leader.bootstrapGroups = [definition('web')];
    expect(leader.plan()).toEqual([]);
  });

  test('a definition that contradicts itself is reported, not written', () => {
    const leader = new Leader(founded, { n1: fit, n2: fit, n3: fit });
    leader.bootstrapGroups = [{ ...definition('db'), group: 'no name' }];
    expect(leader.plan()).toEqual(['assign web@0 to n1: boot, boot']);
    expect(leader.last?.refused).toMatchObject([{ code: 'INVALID_DEFINITION' }]);
  });
});

describe('a group that is started for the first time', () => {
  const young = (state: typeof founded, seen: Readonly<Record<string, Seen>>): Leader => {
    const leader = new Leader(state, seen);
    leader.leaderSinceMs = leader.now - 100;
    return leader;
  };
  const prefersN3 = applyAll(founded, {
    kind: 'define-group',
    definition: definition('web', ['n3', 'n2']),
    expectedRevision: 1,
    by: 'op',
  });

  test('goes to the preferred node at once when that is fit', () => {
    expect(young(prefersN3, { n1: fit, n2: fit, n3: fit }).plan()).toEqual([
      'assign web@0 to n3: boot, boot',
    ]);
  });

  test('waits a little for the preferred node to appear, then goes to the best', () => {
    const leader = young(prefersN3, { n1: fit, n2: fit, n3: dead(null) });
    expect(leader.plan()).toEqual(['web waits: BOOT_GRACE for 1900']);
    leader.now += 1_900;
    expect(leader.plan()).toEqual(['assign web@0 to n2: boot, boot']);
  });

  test('does not wait for a node that has said that it is unfit', () => {
    const unfit = alive({ unfit: { web: 'DISK_MISSING' } });
    expect(young(prefersN3, { n1: fit, n2: fit, n3: unfit }).plan()).toEqual([
      'assign web@0 to n2: boot, boot',
    ]);
  });

  test('stays where it is when no node reaches its disk, and says why for each', () => {
    const no = alive({ unfit: { web: 'DISK_MISSING' } });
    const leader = new Leader(founded, { n1: no, n2: no, n3: dead() });
    expect(leader.plan()).toEqual(['web waits: NO_FIT_NODE']);
    expect(leader.last?.waiting[0]?.why).toBe('n1: DISK_MISSING; n2: DISK_MISSING; n3: not heard');
  });

  const stale = [{ group: 'web', fit: true, code: null, ageMs: 7_000 }];
  const deaf = { 'net-a': { state: 'alive', silentMs: 1, hearsUs: false } } as const;
  test.each([
    ['that has verified its disk too long ago', alive({ fitness: stale })],
    ['that has said nothing', alive()],
    ['that does not hear us', alive({ fit: ['web'], links: deaf })],
    ['that is suspect', alive({ fit: ['web'], state: 'suspect' })],
  ])('does not go to a node %s', (_what, seen) => {
    expect(new Leader(founded, { n2: seen }).plan()).toEqual(['web waits: NO_FIT_NODE']);
    expect(new Leader(founded, { n2: fit }).plan()).toEqual(['assign web@0 to n2: boot, boot']);
  });
});

describe('a takeover fails', () => {
  const first = applyAll(founded, assign('web', 0, 'n2'), failed());

  test('the next node that has not failed takes it', () => {
    expect(new Leader(first, { n1: fit, n2: fit, n3: fit }).plan()).toEqual([
      'assign web@1 to n1: boot, reported',
    ]);
  });

  test('every node has failed: back off, longer each round, then start again', () => {
    const all = [1, 2, 3].reduce((state, epoch) => {
      const node = `n${epoch}`;
      const gaveUp = { kind: 'takeover-failed', group: 'web', expectedEpoch: epoch, node } as const;
      return applyAll(state, assign('web', epoch - 1, node), {
        ...gaveUp,
        code: 'MOUNT',
        detail: '',
      });
    }, founded);
    const leader = new Leader(founded, { n1: fit, n2: fit, n3: fit });
    leader.state = all;
    expect(leader.plan()).toEqual(['web waits: BACK_OFF for 1000']);
    leader.now += 1_000;
    expect(leader.plan()).toEqual(['assign web@3 to n1: boot, reported']);
    const again = { kind: 'takeover-failed', group: 'web', code: 'MOUNT', detail: '' } as const;
    leader.state = [4, 5, 6].reduce((state, epoch) => {
      const node = `n${epoch - 3}`;
      return applyAll(state, assign('web', epoch - 1, node), {
        ...again,
        expectedEpoch: epoch,
        node,
      });
    }, all);
    expect(leader.plan()).toEqual(['web waits: BACK_OFF for 2000']);
  });

  test('an owner whose daemon was started anew has not failed', () => {
    const restarted = applyAll(servedByN2, failed('OWNER_RESTARTED'));
    expect(new Leader(restarted, { n1: fit, n2: fit, n3: fit }).plan()).toEqual([
      'assign web@1 to n2: restart, reported',
    ]);
    const away = new Leader(restarted, { n1: fit, n2: alive(), n3: fit });
    expect(away.plan()).toEqual(['assign web@1 to n1: failover, reported']);
  });

  test('an owner that was started anew is no better than it was: who has not failed comes first', () => {
    const guard = { group: 'web', expectedEpoch: 2, node: 'n2' } as const;
    const again = applyAll(
      servedByN2,
      failed('OWNER_RESTARTED'),
      assign('web', 1, 'n2'),
      { kind: 'takeover-failed', ...guard, code: 'MOUNT_FAILED', detail: '' },
      assign('web', 2, 'n2'),
      { kind: 'takeover-failed', ...guard, expectedEpoch: 3, code: 'OWNER_RESTARTED', detail: '' },
    );
    expect(new Leader(again, { n1: alive(), n2: fit, n3: fit }).plan()).toEqual([
      'assign web@3 to n3: boot, reported',
    ]);
  });

  test('an owner that stopped by itself is asked again only when nobody else can', () => {
    const gaveUp = applyAll(servedByN2, stopped);
    expect(new Leader(gaveUp, { n1: fit, n2: fit, n3: fit }).plan()).toEqual([
      'assign web@1 to n1: failover, reported',
    ]);
    expect(new Leader(gaveUp, { n1: alive(), n2: fit, n3: alive() }).plan()).toEqual([
      'assign web@1 to n2: restart, reported',
    ]);
  });
});

describe('a move', () => {
  const moving = applyAll(servedByN2, release('n3'));

  test('nobody comes before the owner has stopped', () => {
    const leader = new Leader(moving, { n1: fit, n2: alive(runs(1, 'stopping')), n3: fit });
    leader.now = leader.leaderSinceMs + 1_000;
    expect(leader.plan()).toEqual(['web waits: OWNER_STOPPING for 37000']);
  });

  test('an owner that should have stopped long ago is not waited for (pain 11: waited for for ever)', () => {
    const leader = new Leader(moving, { n1: fit, n2: alive(runs(1, 'stopping')), n3: fit });
    leader.now = leader.leaderSinceMs + 38_000;
    expect(leader.plan()).toEqual(['assign web@1 to n3: move, reported']);
    const alone = new Leader(moving, { n2: alive(runs(1, 'stopping')) });
    expect(alone.plan()).toEqual(['web waits: OWNER_STOP_OVERDUE']);
  });

  test('then the node that was asked for, without a wait', () => {
    const leader = new Leader(applyAll(moving, stopped), { n1: fit, n2: fit, n3: fit });
    leader.ledger.granted('web', 1, leader.now);
    expect(leader.plan()).toEqual(['assign web@1 to n3: move, operator']);
  });

  test('to a node that became unfit meanwhile: the best other, the old owner last', () => {
    const gone = applyAll(moving, stopped);
    expect(new Leader(gone, { n1: fit, n2: fit, n3: dead() }).plan()).toEqual([
      'assign web@1 to n1: move, operator',
    ]);
    expect(new Leader(gone, { n1: alive(), n2: fit, n3: dead() }).plan()).toEqual([
      'assign web@1 to n2: move, operator',
    ]);
  });

  test('whose owner dies on the way does not wait for it to stop', () => {
    const leader = new Leader(moving, { n1: fit, n2: dead(), n3: fit });
    leader.ledger.granted('web', 1, leader.now - 260);
    expect(leader.plan()).toEqual(['assign web@1 to n3: failover, silence, wait 100']);
  });

  test('of an owner that never began to run it ends by itself', () => {
    const early = applyAll(founded, assign('web', 0, 'n2'), release('n3'));
    const leader = new Leader(early, { n1: fit, n2: fit, n3: fit });
    leader.plan();
    leader.now += 450;
    expect(leader.plan()).toEqual(['assign web@1 to n3: move, reported']);
  });
});

describe('standby and maintenance', () => {
  test('a node in standby gives its groups away', () => {
    const state = applyAll(serving, mode({ kind: 'node', node: 'n1' }, 'standby'));
    const leader = new Leader(state, { n1: owner, n2: fit, n3: fit });
    expect(leader.plan()).toEqual(['release web@1 to n2']);
    leader.inFlight.add('release:web');
    expect(leader.plan()).toEqual([]);
  });

  test('but keeps them while nobody else can serve them', () => {
    const state = applyAll(serving, mode({ kind: 'node', node: 'n1' }, 'standby'));
    const leader = new Leader(state, { n1: owner, n2: alive(), n3: dead() });
    expect(leader.plan()).toEqual(['web waits: NO_FIT_NODE']);
  });

  test('a node that leaves the cluster gives its groups away, and is no place to go', () => {
    const by = 'op';
    const leaves = { kind: 'set-role', node: 'n1', role: 'leaving', by } as const;
    const state = applyAll(serving, leaves);
    expect(new Leader(state, { n1: owner, n2: fit, n3: fit }).plan()).toEqual([
      'release web@1 to n2',
    ]);
    expect(new Leader(state, { n1: owner, n2: alive(), n3: dead() }).plan()).toEqual([
      'web waits: NO_FIT_NODE',
    ]);
    expect(
      new Leader(applyAll(servedByN2, leaves), { n1: fit, n2: dead(), n3: fit }).plan(),
    ).toEqual(['assign web@1 to n3: failover, silence']);
  });

  test('a node in standby is no place to go', () => {
    const state = applyAll(servedByN2, mode({ kind: 'node', node: 'n1' }, 'standby'));
    expect(new Leader(state, { n1: fit, n2: dead(), n3: fit }).plan()).toEqual([
      'assign web@1 to n3: failover, silence',
    ]);
  });

  test('a group in standby is stopped and stays so, and starts again when it is online', () => {
    const asleep = applyAll(servedByN2, mode({ kind: 'group', group: 'web' }, 'standby'));
    const up = { n1: fit, n2: owner, n3: fit };
    const leader = new Leader(asleep, up);
    const asked = leader.command();
    expect(asked).toMatchObject({ kind: 'release', to: null });
    const down = applyAll(asleep, asked ?? stopped, stopped);
    expect(new Leader(down, { n1: fit, n2: fit, n3: fit }).plan()).toEqual([
      'web waits: GROUP_STANDBY',
    ]);
    const awake = applyAll(down, mode({ kind: 'group', group: 'web' }, 'online'));
    expect(new Leader(awake, { n1: fit, n2: fit, n3: fit }).plan()).toEqual([
      'assign web@1 to n1: boot, boot',
    ]);
  });

  test.each([
    ['the cluster', { kind: 'cluster' }],
    ['the group', { kind: 'group', group: 'web' }],
    ['the owner', { kind: 'node', node: 'n2' }],
  ] as const)('%s in maintenance: not even a dead owner is replaced', (_what, subject) => {
    const state = applyAll(servedByN2, mode(subject, 'maintenance'));
    expect(new Leader(state, { n1: fit, n2: dead(), n3: fit }).plan()).toEqual([
      'web waits: IN_MAINTENANCE',
    ]);
  });
});

test('a plan is the same when it is asked for twice', () => {
  const leader = new Leader(servedByN2, { n1: fit, n2: dead(), n3: fit });
  leader.plan();
  const once = leader.last;
  leader.plan();
  expect(leader.last).toEqual(once);
});

test('a command with the epoch of an applied assignment cannot be applied twice', () => {
  const leader = new Leader(servedByN2, { n1: fit, n2: dead(), n3: fit });
  const command = leader.command();
  expect(command).toBeDefined();
  leader.state = applyAll(servedByN2, command ?? stopped);
  expect(leader.plan()).toEqual(['web waits: OWNER_NOT_RUNNING for 450']);
});

test('what the state refuses is told to whoever asks why the group waits', () => {
  const spent = { ...servedByN2, lastEpoch: MAX_EPOCH };
  const leader = new Leader(spent, { n1: fit, n2: dead(), n3: fit });
  expect(leader.plan()).toEqual(['web waits: EPOCHS_EXHAUSTED']);
});
