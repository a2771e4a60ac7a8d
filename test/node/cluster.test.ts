/** Whole failovers with the production driver, in memory: every situation of the README, and controls. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Command } from '../../src/cluster/command.ts';
import {
  groupNamed,
  INTERCONNECTS,
  MemoryCluster,
  type MemoryClusterOptions,
} from './memory-cluster.ts';
import { wellBehaved } from './stage-agent.ts';

let cluster: MemoryCluster;

async function boot(options: Partial<MemoryClusterOptions> = {}): Promise<MemoryCluster> {
  cluster = new MemoryCluster({ nodes: 3, ...options });
  cluster.start();
  await served();
  return cluster;
}

/** Waits until somebody, or exactly `node`, serves. */
async function served(node?: string, limitMs = 20_000): Promise<void> {
  const ok = await cluster.clock.until(() => {
    const now = cluster.serving();
    return now !== null && (node === undefined || now === node);
  }, limitMs);
  expect(ok, story()).toBe(true);
}

async function servedByAnother(than: string, limitMs = 20_000): Promise<string> {
  const ok = await cluster.clock.until(() => {
    const now = cluster.serving();
    return now !== null && now !== than;
  }, limitMs);
  expect(ok, story()).toBe(true);
  return cluster.serving() ?? '';
}

async function nobodyServes(limitMs = 20_000): Promise<void> {
  const shown = (): number =>
    cluster.stage.owners('g/app').length + cluster.stage.owners('g/ip').length;
  expect(await cluster.clock.until(() => shown() === 0, limitMs), story()).toBe(true);
}

function story(): string {
  return [...cluster.crashes, ...cluster.log.slice(-60)].join('\n');
}

afterEach(() => {
  expect(cluster.crashes).toEqual([]);
  cluster.end();
});

describe('a cluster of three', () => {
  it('starts the group on its preferred node', async () => {
    await boot();
    expect(cluster.serving()).toBe('node1');
    expect(cluster.stage.violations).toEqual([]);
  });

  it('serves from another node after the owner lost power, and takes the owner back', async () => {
    await boot();
    cluster.host('node1').powerOff();
    const next = await servedByAnother('node1');
    cluster.host('node1').powerOn();
    await cluster.clock.advance(5_000);
    expect(cluster.serving()).toBe(next);
    expect(cluster.stage.violations).toEqual([]);
  });

  it('serves from another node when the owner’s daemon is killed, without waiting for the lease', async () => {
    await boot();
    cluster.host('node1').killDaemon();
    await servedByAnother('node1');
    expect(cluster.stage.violations).toEqual([]);
  });

  it('a frozen owner is silent before another answers, and yields when thawed (pain 30: both active)', async () => {
    await boot();
    cluster.host('node1').freeze();
    const next = await cluster.clock.until(
      () => cluster.stage.owners('g/ip').some((node) => node !== 'node1'),
      20_000,
    );
    expect(next, story()).toBe(true);
    expect(cluster.stage.owners('g/ip')).not.toContain('node1');
    cluster.host('node1').thaw();
    await served(undefined);
    expect(cluster.serving()).not.toBe('node1');
    expect(cluster.stage.violations.filter((line) => line.startsWith('g/ip'))).toEqual([]);
  });

  it('replaces a machine that hangs (pain 28: stuck for minutes; pain 29: no power device)', async () => {
    await boot();
    const types = cluster.groups.flatMap(({ resources }) => resources.map(({ type }) => type));
    expect(types).not.toContain('power-fence');
    cluster.host('node1').freeze();
    const sinceMs = cluster.clock.now();
    // Frozen as it is, node1 still counts as having the application: the address tells who serves.
    const others = () => cluster.stage.owners('g/ip').some((node) => node !== 'node1');
    expect(await cluster.clock.until(others, 20_000), story()).toBe(true);
    expect(cluster.clock.now() - sinceMs).toBeLessThan(1_000);
  });

  it.each([
    ['back', -365],
    ['forth', 365],
  ])(
    'serves on when all wall clocks jump %s by %i days (pain 21: a jump of the clock blocks failover)',
    async (_, days) => {
      await boot();
      const term = cluster.leader()?.driver.raft.term;
      cluster.wallSkewMs = days * 86_400_000;
      await cluster.clock.advance(3_000);
      expect(cluster.serving()).toBe('node1');
      expect(cluster.leader()?.driver.raft.term).toBe(term);
      expect(cluster.host('node1').driver.replica.state.groups['g']?.epoch).toBe(1);
      cluster.host('node1').powerOff();
      await servedByAnother('node1', 1_000);
      expect(cluster.stage.violations).toEqual([]);
    },
  );

  it('lets go before another takes over when the owner is cut off', async () => {
    await boot();
    for (const over of INTERCONNECTS) cluster.cut('node1', over, true);
    await servedByAnother('node1');
    expect(cluster.stage.violations).toEqual([]);
    for (const over of INTERCONNECTS) cluster.cut('node1', over, false);
    await cluster.clock.advance(5_000);
    expect(cluster.stage.violations).toEqual([]);
    expect(cluster.serving()).not.toBe('node1');
  });

  it('moves nothing and elects nobody when one interconnect is cut', async () => {
    await boot();
    const term = cluster.leader()?.driver.raft.term;
    for (const name of ['node1', 'node2', 'node3']) cluster.cut(name, 'ic1', true);
    await cluster.clock.advance(5_000);
    expect(cluster.serving()).toBe('node1');
    expect(cluster.leader()?.driver.raft.term).toBe(term);
    expect(cluster.host('node1').driver.replica.state.groups['g']?.epoch).toBe(1);
  });

  it('serves nothing without a majority, and serves again when one node returns', async () => {
    await boot();
    cluster.host('node2').powerOff();
    cluster.host('node3').powerOff();
    await nobodyServes();
    await cluster.clock.advance(5_000);
    await nobodyServes(1);
    cluster.host('node3').powerOn();
    await served();
    expect(cluster.stage.violations).toEqual([]);
  });

  it('keeps the group where it is when only the leader fails', async () => {
    await boot();
    const leader = cluster.leader();
    const name = leader?.name ?? '';
    if (name === 'node1') {
      // The owner leads: let another lead first, by a short cut-off that costs no lease.
      leader?.driver.raft.step(
        { kind: 'transfer', to: 'node2', timeoutMs: 1_000 },
        cluster.clock.now(),
      );
      await cluster.clock.until(() => cluster.leader()?.name === 'node2', 5_000);
    }
    const leading = cluster.leader()?.name ?? '';
    expect(leading).not.toBe('node1');
    cluster.host(leading).powerOff();
    await cluster.clock.advance(5_000);
    expect(cluster.serving()).toBe('node1');
    expect(cluster.host('node1').driver.replica.state.groups['g']?.epoch).toBe(1);
  });

  it('goes to the next node when a takeover fails', async () => {
    await boot();
    cluster.host('node2').behaviour = { ...wellBehaved(), failStart: new Set(['data']) };
    cluster.host('node1').powerOff();
    await served('node3');
  });

  it('survives ten power losses in a row', async () => {
    await boot();
    for (let round = 0; round < 10; round += 1) {
      const owner = cluster.serving() ?? '';
      cluster.host(owner).powerOff();
      await servedByAnother(owner);
      cluster.host(owner).powerOn();
      await cluster.clock.advance(3_000);
    }
    expect(cluster.stage.violations).toEqual([]);
  });
});

describe('things that happen at a bad moment', () => {
  it('a guardian that dies alone costs nothing but its restart', async () => {
    await boot();
    cluster.host('node1').killGuardian();
    await cluster.clock.advance(3_000);
    expect(cluster.serving()).toBe('node1');
    expect(cluster.host('node1').driver.replica.state.groups['g']?.epoch).toBe(1);
  });

  it('a daemon killed between mount and first lease leaves nothing behind', async () => {
    await boot();
    const others = ['node2', 'node3'];
    for (const name of others) cluster.host(name).behaviour.startDelayMs = 300;
    cluster.host('node1').powerOff();
    await cluster.clock.until(() => others.some((name) => cluster.stage.holds('g', name)), 5_000);
    const taker = others.find((name) => cluster.stage.holds('g', name)) ?? '';
    cluster.host(taker).killDaemon();
    await cluster.clock.advance(50);
    expect(cluster.stage.holds('g', taker)).toBe(false);
    cluster.host(taker).start();
    await served(undefined);
    expect(cluster.stage.violations).toEqual([]);
  });

  it('a resource that hangs on one node is tried on another, and stops are bounded', async () => {
    await boot();
    cluster.host('node2').behaviour.hangStart = new Set(['data']);
    cluster.host('node1').behaviour.hangStop = new Set(['app']);
    submit({
      kind: 'set-mode',
      subject: { kind: 'node', node: 'node1' },
      mode: 'standby',
      by: 't',
    });
    await served('node3', 30_000);
    expect(cluster.stage.violations).toEqual([]);
  });

  it('a process stopped for long reads its mail before it judges anybody', async () => {
    await boot();
    const term = (): number => cluster.host('node3').driver.raft.term;
    cluster.host('node1').stopDaemon();
    await servedByAnother('node1');
    const before = term();
    cluster.host('node1').continueDaemon();
    await cluster.clock.advance(3_000);
    expect(term()).toBe(before);
    expect(cluster.stage.violations).toEqual([]);
  });

  it('a group is deleted and defined again under the same name', async () => {
    await boot();
    const subject = { kind: 'group', group: 'g' } as const;
    submit({ kind: 'set-mode', subject, mode: 'standby', by: 't' });
    await nobodyServes();
    await cluster.clock.advance(500);
    submit({ kind: 'delete-group', group: 'g', by: 't' });
    await cluster.clock.advance(500);
    expect(cluster.host('node2').driver.replica.state.groups['g']).toBe(undefined);
    const definition = groupNamed('g', ['node2']);
    submit({ kind: 'define-group', definition, expectedRevision: 0, by: 't' });
    // By whichever node has verified first that it could: nobody asked before there was such a group.
    await served();
    expect(cluster.host('node2').driver.replica.state.groups['g']?.epoch).toBeGreaterThan(1);
  });

  it('a group that is defined anew goes back to where it was, although others are fit earlier', async () => {
    await boot();
    cluster.host('node1').powerOff();
    const was = await servedByAnother('node1');
    cluster.host('node1').powerOn();
    await cluster.clock.advance(5_000);
    const group = () => cluster.host('node1').driver.replica.state.groups['g'];
    const { epoch = 0, revision = 0 } = group() ?? {};
    // node1 is wanted most, and fit all the time.
    const { resources, ...rest } = groupNamed('g', ['node1']);
    const definition = {
      ...rest,
      resources: resources.map((one) => ({ ...one, stopTimeoutMs: 3_000 })),
    };
    const anew = { kind: 'define-group', definition, expectedRevision: revision } as const;
    submit({ ...anew, by: 't', whenDown: true });
    const again = () => group()?.epoch === epoch + 1 && cluster.serving() !== null;
    expect(await cluster.clock.until(again, 20_000), story()).toBe(true);
    expect(cluster.serving()).toBe(was);
    expect(group()).toMatchObject({ revision: revision + 1, reason: 'restart' });
  });

  it('a node that was away for long comes back by a snapshot, and counts again', async () => {
    await boot({ compactEvery: 5 });
    cluster.host('node3').powerOff();
    for (let round = 0; round < 4; round += 1) {
      const subject = { kind: 'node', node: 'node3' } as const;
      submit({ kind: 'set-mode', subject, mode: round % 2 ? 'online' : 'standby', by: 't' });
      await cluster.clock.advance(300);
    }
    cluster.host('node3').powerOn();
    await cluster.clock.advance(2_000);
    const [one, three] = ['node1', 'node3'].map((name) => cluster.host(name).driver.replica);
    expect(three?.state).toEqual(one?.state);
    cluster.host('node1').powerOff();
    await servedByAnother('node1');
  });
});

/** As an operator would, on a node that runs. */
function submit(command: Command): void {
  const { driver } = cluster.host('node2');
  driver.request('operator', () => driver.submit(command, cluster.clock.now() + 1_000));
}

describe('a mechanism that is switched off is missed', () => {
  it('without leases, two nodes show the address of a group', async () => {
    // Nobody looks at the disk meanwhile: a fenced owner that sees it in time is silent without a lease.
    const { resources, ...group } = groupNamed('g', ['node1']);
    const unseen = resources.map((resource) => ({ ...resource, monitorIntervalMs: 60_000 }));
    await boot({ sabotage: ['lease'], groups: [{ ...group, resources: unseen }] });
    for (const over of INTERCONNECTS) cluster.cut('node1', over, true);
    await cluster.clock.until(() => cluster.stage.violations.length > 0, 20_000);
    expect(cluster.stage.violations).not.toEqual([]);
  });
});
