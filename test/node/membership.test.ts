/** Members come and go: the production driver in memory, under a client that writes all the time. */
import { afterEach, describe, expect, it } from 'vitest';
import { clusterStatus } from '../../src/node/status.ts';
import type { ClusterStatus } from '../../src/operator/api.ts';
import { MembershipCluster, startWriter, type Writer } from './membership-cluster.ts';

let cluster: MembershipCluster;
let writer: Writer;

async function boot(nodes: number, spare: number, compactEvery = 2_000): Promise<void> {
  cluster = new MembershipCluster({ nodes, spare, compactEvery });
  cluster.start();
  await served();
  writer = await startWriter(cluster);
}

async function served(): Promise<void> {
  const ok = await cluster.clock.until(() => cluster.serving() !== null, 20_000);
  expect(ok, story()).toBe(true);
}

function story(): string {
  return [...cluster.crashes, ...cluster.log.slice(-60)].join('\n');
}

function statusOf(node: string): ClusterStatus {
  const { driver } = cluster.host(node);
  return clusterStatus({ driver, version: 'test', incarnation: 1, now: cluster.clock.now() });
}

async function settles(holds: () => boolean): Promise<void> {
  expect(await cluster.clock.until(holds, 30_000), story()).toBe(true);
}

const isMember = (node: string): boolean => cluster.state.members[node] !== undefined;

afterEach(() => {
  writer.stop();
  expect(cluster.crashes).toEqual([]);
  expect(cluster.stage.violations).toEqual([]);
  expect(writer.lost).toBeNull();
  cluster.end();
});

describe('growing and shrinking', () => {
  it('from one voter to seven and back loses nothing and goes on writing', async () => {
    await boot(1, 6);
    const joining = ['node2', 'node3', 'node4', 'node5', 'node6', 'node7'];
    const voters = ['node1'];
    for (const node of joining) {
      const before = writer.acknowledged;
      await cluster.join(node, 'voter');
      voters.push(node);
      await cluster.becomes(voters.join(' '));
      await settles(() => writer.acknowledged > before);
    }
    await served();
    for (const node of ['node1', ...joining.slice(0, -1)]) {
      const before = writer.acknowledged;
      await cluster.setRole(node, 'leaving');
      voters.shift();
      await cluster.becomes(voters.join(' '));
      await settles(() => !isMember(node));
      await settles(() => writer.acknowledged > before);
    }
    await served();
    expect(cluster.serving()).toBe('node7');
    expect(writer.acknowledged).toBeGreaterThan(100);
  }, 120_000);

  it('all six at once, and six away at once, with a snapshot at every turn', async () => {
    await boot(1, 6, 5);
    const others = ['node2', 'node3', 'node4', 'node5', 'node6', 'node7'];
    for (const node of others) await cluster.join(node, 'voter');
    await cluster.becomes(['node1', ...others].join(' '));
    for (const node of others) await cluster.setRole(node, 'leaving');
    await cluster.becomes('node1');
    await settles(() => Object.keys(cluster.state.members).join() === 'node1');
    await served();
  }, 120_000);

  it('every daemon of a grown cluster is started anew, and they find each other', async () => {
    await boot(1, 2);
    for (const node of ['node2', 'node3']) await cluster.join(node, 'voter');
    await cluster.becomes('node1 node2 node3');
    for (const host of cluster.hosts) {
      host.powerOff();
      host.log.forgetCommitIndex();
    }
    await cluster.clock.advance(2_000);
    for (const host of cluster.hosts) host.powerOn();
    // The list of node1 names nobody else; only its log does.
    await settles(() => cluster.hosts.every((host) => host.driver.raft.leader !== null));
    await served();
    await cluster.becomes('node1 node2 node3');
  });
});

describe('a leader that leaves', () => {
  it('hands over first, and is told that it was removed', async () => {
    await boot(3, 0);
    const leader = cluster.leader()?.name ?? '';
    const term = cluster.leader()?.driver.raft.term ?? 0;
    await cluster.setRole(leader, 'leaving');
    await settles(() => cluster.leader() !== null && !isMember(leader));
    expect(cluster.leader()?.name).not.toBe(leader);
    await cluster.clock.advance(3_000);
    expect(statusOf(leader)).toMatchObject({ quorate: false });
    expect(statusOf(leader).why).toMatch(/^REMOVED: /);
    // One election: whoever was removed does not disturb those that stay.
    expect(cluster.leader()?.driver.raft.term).toBe(term + 1);
    await served();
    expect(cluster.serving()).not.toBe(leader);
  });

  it('and is demoted keeps its groups and follows', async () => {
    await boot(3, 0);
    const leader = cluster.leader()?.name ?? '';
    await cluster.setRole(leader, 'learner');
    const others = ['node1', 'node2', 'node3'].filter((node) => node !== leader);
    await cluster.becomes(`${others.join(' ')} (${leader})`);
    await served();
    await cluster.setRole(leader, 'voter');
    await settles(() => cluster.settled()?.includes('(') === false);
    expect(cluster.settled()).toBe('node1 node2 node3');
  });
});

describe('an owner that leaves', () => {
  it('gives its group away in order, and goes only then', async () => {
    await boot(3, 0);
    const owner = cluster.serving() ?? '';
    await cluster.setRole(owner, 'leaving');
    await settles(() => cluster.serving() !== null && cluster.serving() !== owner);
    await settles(() => !isMember(owner));
    const { history } = cluster.state;
    const events = history.map(({ event, node, from }) => `${event} ${node ?? ''} ${from ?? ''}`);
    const order = [`role ${owner} `, `stopped ${owner} `, `member-removed ${owner} `];
    const places = order.map((line) => events.lastIndexOf(line));
    expect(
      places.every((at, i) => at > (places[i - 1] ?? -1)),
      events.join('\n'),
    ).toBe(true);
  });

  it('stays while nobody else can take its group', async () => {
    await boot(3, 0);
    const owner = cluster.serving() ?? '';
    const others = cluster.hosts.filter(({ name }) => name !== owner).map(({ name }) => name);
    for (const node of others) {
      const subject = { kind: 'node', node } as const;
      await cluster.command({ kind: 'set-mode', subject, mode: 'standby', by: 'operator' });
    }
    await cluster.setRole(owner, 'leaving');
    await cluster.clock.advance(5_000);
    expect(cluster.serving()).toBe(owner);
    const leader = cluster.leader()?.name ?? '';
    const member = statusOf(leader).members.find(({ node }) => node === owner);
    expect(member).toMatchObject({ role: 'leaving', raft: 'voter' });
    expect(member?.waits).toMatch(/^MEMBER_IN_USE: /);
  });

  it('may be called back', async () => {
    await boot(3, 0);
    cluster.host('node3').powerOff();
    await cluster.clock.advance(1_000);
    await cluster.setRole('node2', 'leaving');
    await cluster.clock.advance(2_000);
    // Without node2 there would be no majority: it has not gone.
    expect(cluster.settled()).toBe('node1 node2 node3');
    await cluster.setRole('node2', 'voter');
    cluster.host('node3').powerOn();
    await cluster.clock.advance(3_000);
    expect(cluster.settled()).toBe('node1 node2 node3');
    await served();
  });
});

describe('a learner that is to vote', () => {
  it('does not while it is cut off, and does when it has caught up', async () => {
    await boot(3, 1);
    await cluster.join('node4', 'learner');
    await cluster.becomes('node1 node2 node3 (node4)');
    for (const over of ['ic1', 'ic2']) cluster.cut('node4', over, true);
    await cluster.clock.advance(1_000);
    await cluster.setRole('node4', 'voter');
    await cluster.clock.advance(3_000);
    expect(cluster.settled()).toBe('node1 node2 node3 (node4)');
    const leader = cluster.leader()?.name ?? '';
    const waits = statusOf(leader).members.find(({ node }) => node === 'node4')?.waits;
    expect(waits).toMatch(/^CATCHING_UP: /);
    for (const over of ['ic1', 'ic2']) cluster.cut('node4', over, false);
    await cluster.becomes('node1 node2 node3 node4');
  });

  it('does not while its log disk is slower than the load', async () => {
    await boot(3, 1);
    cluster.host('node4').log.syncMs = 700;
    await cluster.join('node4', 'voter');
    await cluster.becomes('node1 node2 node3 (node4)');
    await cluster.clock.advance(5_000);
    expect(cluster.settled()).toBe('node1 node2 node3 (node4)');
    cluster.host('node4').log.syncMs = 1;
    await cluster.becomes('node1 node2 node3 node4');
  });
});

describe('a removed node', () => {
  it('that was away meanwhile comes back to closed doors and serves nothing', async () => {
    await boot(3, 0);
    cluster.host('node3').powerOff();
    await cluster.clock.advance(1_000);
    await cluster.setRole('node3', 'leaving');
    await settles(() => !isMember('node3'));
    const term = cluster.leader()?.driver.raft.term;
    cluster.host('node3').powerOn();
    await cluster.clock.advance(5_000);
    expect(cluster.settled()).toBe('node1 node2');
    expect(cluster.leader()?.driver.raft.term).toBe(term);
    expect(statusOf('node3').quorate).toBe(false);
    expect(cluster.stage.owners('g/ip')).not.toContain('node3');
  });
});

describe('a follower whose log disk stalls', () => {
  it('says so in its status', async () => {
    await boot(3, 0);
    const follower = cluster.hosts.find((host) => host !== cluster.leader());
    if (follower === undefined) throw new Error('two of three follow');
    expect(statusOf(follower.name).logStalled).toBe(false);
    follower.log.syncMs = 60_000;
    await settles(() => statusOf(follower.name).logStalled);
    follower.log.syncMs = 1;
  });
});

describe('a cluster that owns nothing yet', () => {
  it('is not filled up from the list of a newcomer that leads', async () => {
    cluster = new MembershipCluster({ nodes: 1, spare: 2, groups: [] });
    cluster.start();
    await settles(() => cluster.leader() !== null && isMember('node1'));
    writer = await startWriter(cluster);
    await cluster.join('node2', 'voter');
    await cluster.becomes('node1 node2');
    await cluster.setRole('node1', 'learner');
    await cluster.becomes('node2 (node1)');
    await cluster.clock.advance(2_000);
    expect(cluster.leader()?.name).toBe('node2');
    expect(cluster.state.lastEpoch).toBe(0);
    expect(Object.keys(cluster.state.members)).toEqual(['node1', 'node2']);
  });
});

/** In the middle of a replacement, after so many changes of its configuration. */
describe('a leader that dies while node3 is replaced by node4', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('at change %i', async (fatal) => {
    await boot(3, 1);
    let seen = '';
    let changes = 0;
    let died = false;
    const dieInTime = (): void => {
      const leader = cluster.leader();
      if (leader === null || died) return;
      const { configuration, configurationIndex, commitIndex } = leader.driver.raft.core.status();
      const committed = configurationIndex <= commitIndex;
      const here = JSON.stringify([configuration, committed]);
      if (here === seen) return;
      seen = here;
      changes += 1;
      if (changes <= fatal) return;
      died = true;
      leader.powerOff(fatal % 2);
      cluster.clock.schedule(1_500, () => leader.powerOn());
    };
    cluster.watched = dieInTime;
    const tick = (): void => {
      dieInTime();
      if (!died) cluster.clock.schedule(1, tick);
    };
    tick();
    await cluster.join('node4', 'voter');
    await cluster.setRole('node3', 'leaving');
    await cluster.becomes('node1 node2 node4');
    await settles(() => !isMember('node3'));
    expect(died, `only ${changes} changes`).toBe(true);
    await cluster.clock.advance(3_000);
    await cluster.becomes('node1 node2 node4');
    await served();
    const before = writer.acknowledged;
    await settles(() => writer.acknowledged > before);
  });
});
