/** Each fault strikes: a calm cluster stays as it is, and with one fault it does not. */
import { describe, expect, it } from 'vitest';
import { Cluster, INTERCONNECTS } from './cluster.ts';
import { FAULTS, type Target, targetOf } from './faults.ts';
import { scriptOf } from './script.ts';

const BOOT_MS = 3_500;
const STRIKE_MS = 400;

/** Three voters, a spare that may join (seed 7), a disk whose reservations are volatile or not. */
async function calmCluster(nodes: number): Promise<Cluster> {
  const { setting } = scriptOf({ seed: 7, nodes, groups: 1, faults: [] });
  const cluster = new Cluster(setting);
  cluster.start();
  await cluster.clock.advance(BOOT_MS);
  return cluster;
}

function target(cluster: Cluster, amount: number): Target {
  const drawn = { host: 1, other: 1, group: 0, amount } as const;
  return targetOf(cluster, { ...drawn, atMs: 0, fault: '', forMs: 0, aim: 'any' });
}

/** All that a fault may change, in one text. */
function portrait(cluster: Cluster): string {
  const names = cluster.machines.map(({ name }) => name);
  const machines = cluster.machines.map(({ kernel, daemon, isFrozen, slowMs, log, illness }) => ({
    power: kernel !== null,
    daemon: daemon === null ? 'none' : daemon.clock.stands,
    guardian: daemon?.guardian.isRunning,
    frozen: isFrozen,
    disk: [slowMs, log.syncMs, log.nextFails, log.full],
    illness,
    applications: [...(kernel?.applications ?? [])].map(([name, { isAlive }]) => [name, isAlive]),
  }));
  const paths = names.flatMap((from) =>
    names.flatMap((to) =>
      INTERCONNECTS.map((over) => [
        cluster.network.isWhole(from, to, over),
        cluster.network.isFair(from, to, over),
      ]),
    ),
  );
  const storage = names.flatMap((name) => ['a', 'b'].map((path) => cluster.san.path(name, path)));
  const disks = cluster.luns.map((lun) => {
    const { serviceMs, busyUntilMs, powerLosses, strangerThere } = lun;
    const attentions = [...lun.target.inspect().attentions];
    return { serviceMs, busyUntilMs, powerLosses, strangerThere, attentions };
  });
  const leader = cluster.leader();
  const { members, groups } = leader?.daemon?.driver.replica.state ?? {};
  const owners = Object.values(groups ?? {}).map(({ epoch, mode }) => [epoch, mode]);
  const roles = Object.values(members ?? {}).map(({ member, role, mode }) => {
    return [member.node, role, mode];
  });
  const committed = { leader: leader?.name, owners, roles };
  return JSON.stringify({ machines, paths, storage, disks, committed });
}

describe('a calm cluster', () => {
  it.each([3, 5])('of %i stays as it is', async (nodes) => {
    const cluster = await calmCluster(nodes);
    const before = portrait(cluster);
    await cluster.clock.advance(STRIKE_MS);
    expect(portrait(cluster)).toBe(before);
    cluster.end();
  });
});

describe('a fault', () => {
  it.each(FAULTS)('that strikes is seen: $name', async ({ begin }) => {
    const cluster = await calmCluster(5);
    const before = portrait(cluster);
    begin(target(cluster, 501));
    let isSeen = portrait(cluster) !== before;
    for (let ms = 0; ms < STRIKE_MS && !isSeen; ms += 5) {
      await cluster.clock.advance(5);
      isSeen = portrait(cluster) !== before;
    }
    expect(isSeen).toBe(true);
    cluster.end();
  });

  it('leaves two machines with one neighbour, and the others whole', async () => {
    const cluster = await calmCluster(5);
    const leaves = FAULTS.find(({ name }) => name === 'two-leaves');
    const end = leaves?.begin(target(cluster, 0));
    const reached = cluster.machines.map(({ name }) => {
      const others = cluster.machines.filter((other) => other.name !== name);
      return others.filter((other) => cluster.network.isWhole(name, other.name, 'ic1')).length;
    });
    // Of six with the spare: two leaves, their neighbour, and three that do not see the leaves.
    expect(reached.toSorted()).toEqual([1, 1, 3, 3, 3, 5]);
    end?.();
    expect(cluster.network.isWhole('node1', 'node2', 'ic1')).toBe(true);
    cluster.end();
  });

  it('freezes a machine between two turns of its loop, when it has handled so many events', async () => {
    const cluster = await calmCluster(3);
    const frozen = FAULTS.find(({ name }) => name === 'machine-frozen-at-event');
    const { machine, ...rest } = target(cluster, 4);
    const end = frozen?.begin({ machine, ...rest });
    expect(machine.isFrozen).toBe(false);
    await cluster.clock.advance(200);
    expect(machine.isFrozen).toBe(true);
    end?.();
    expect(machine.isAwake).toBe(true);
    cluster.end();
  });
});
