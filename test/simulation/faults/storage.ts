/** The storage network and the shared disks on it. */
import type { Fault } from '../faults.ts';

export const storageFaults: readonly Fault[] = [
  {
    name: 'san-path-cut',
    rate: 4,
    longestMs: 3_000,
    begin: ({ cluster, machine, amount }) => {
      const trouble = cluster.san.path(machine.name, amount % 3 === 0 ? 'b' : 'a');
      trouble.cut = true;
      return () => {
        trouble.cut = false;
      };
    },
  },
  {
    name: 'san-partition',
    rate: 2,
    longestMs: 2_000,
    begin: ({ cluster, machine, amount }) => {
      const cut = cluster.machines
        .filter((other) => amount % 2 === 0 || other !== machine)
        .flatMap(({ name }) => [cluster.san.path(name, 'a'), cluster.san.path(name, 'b')]);
      for (const trouble of cut) trouble.cut = true;
      return () => {
        for (const trouble of cut) trouble.cut = false;
      };
    },
  },
  {
    name: 'san-loss',
    rate: 3,
    longestMs: 3_000,
    begin: ({ cluster, machine, amount }) => {
      const trouble = cluster.san.path(machine.name, 'a');
      trouble.lossPerMille = amount % 200;
      trouble.delayMs = amount % 90;
      return () => {
        trouble.lossPerMille = 0;
        trouble.delayMs = 0;
      };
    },
  },
  {
    name: 'late-writes',
    rate: 4,
    longestMs: 2_500,
    begin: ({ cluster, group, amount }) => {
      const lun = cluster.lun(group);
      lun.serviceMs = 10 + 2 * amount;
      return () => {
        lun.serviceMs = 1;
      };
    },
  },
  {
    // A path that is away for a moment: data pages are lost, the journal is not.
    name: 'write-error',
    rate: 3,
    longestMs: 1,
    begin: ({ cluster, group, amount }) => {
      const owner = cluster.owner(group)?.name;
      if (owner === undefined) return undefined;
      const [path] = cluster.lun(group).options.paths;
      cluster.san.path(owner, path ?? 'a').failWrites += 1 + (amount % 3);
      return undefined;
    },
  },
  {
    name: 'late-reservation',
    rate: 2,
    longestMs: 1,
    begin: ({ cluster, machine, amount }) => {
      cluster.san.path(machine.name, 'a').stragglerMs = 50 + 2 * amount;
      return undefined;
    },
  },
  {
    name: 'target-busy',
    rate: 2,
    longestMs: 1,
    begin: ({ cluster, group, amount }) => {
      const lun = cluster.lun(group);
      lun.busyUntilMs = Math.max(lun.busyUntilMs, cluster.clock.now() + amount / 3);
      return undefined;
    },
  },
  {
    name: 'target-reset',
    rate: 2,
    longestMs: 1,
    begin: ({ cluster, group, machine }) => {
      cluster.lun(group).target.logicalUnitReset(`${machine.name}:a`);
      return undefined;
    },
  },
  {
    name: 'target-power-loss',
    rate: 2,
    longestMs: 1,
    begin: ({ cluster, group }) => {
      cluster.lun(group).losePower();
      return undefined;
    },
  },
  {
    name: 'stranger',
    rate: 1,
    longestMs: 3_000,
    begin: ({ cluster, group }) => {
      const lun = cluster.lun(group);
      lun.strangerComes();
      return () => lun.strangerGoes();
    },
  },
];
