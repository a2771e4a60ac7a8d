/**
 * What can happen, each with its rate (how often in a hundred faults, roughly) and how long it lasts
 * at most. A fault begins, and answers with what ends it; faults overlap as they like.
 */

import { known } from '../../src/lib/assert.ts';
import type { Millis } from '../../src/lib/ids.ts';
import type { Cluster } from './cluster.ts';
import { hostFaults } from './faults/hosts.ts';
import { networkFaults } from './faults/networks.ts';
import { operatorFaults } from './faults/operators.ts';
import { resourceFaults } from './faults/resources.ts';
import { storageFaults } from './faults/storage.ts';
import type { Machine } from './machine.ts';
import type { Strike } from './script.ts';

/** What a fault meets. */
export type Target = {
  readonly cluster: Cluster;
  readonly machine: Machine;
  readonly other: Machine;
  readonly group: string;
  /** 0 … 999. */
  readonly amount: number;
};

export type Fault = {
  readonly name: string;
  readonly rate: number;
  readonly longestMs: Millis;
  /** Answers with its end, where it does not end at once. */
  readonly begin: (target: Target) => (() => void) | undefined;
};

export type FaultName = string;

export const FAULTS: readonly Fault[] = [
  ...hostFaults,
  ...networkFaults,
  ...storageFaults,
  ...resourceFaults,
  ...operatorFaults,
];

export function faultNamed(name: FaultName): Fault {
  return known(
    FAULTS.find((fault) => fault.name === name),
    `fault ${name}`,
  );
}

/** Whom a strike meets now: it may be aimed at whoever leads or owns something. */
export function targetOf(cluster: Cluster, strike: Strike): Target {
  const { machines } = cluster;
  const { groups } = cluster.options;
  const group = known(groups[strike.group % groups.length], 'a group').name;
  const drawn = known(machines[strike.host % machines.length], 'a machine');
  const machine = aimedAt(cluster, strike.aim, group) ?? drawn;
  const others = machines.filter((one) => one !== machine);
  const other = known(others[strike.other % others.length], 'another machine');
  return { cluster, machine, other, group, amount: strike.amount };
}

function aimedAt(cluster: Cluster, aim: Strike['aim'], group: string): Machine | null {
  switch (aim) {
    case 'any':
      return null;
    case 'leader':
      return cluster.leader();
    case 'owner':
      return cluster.owner(group);
    case 'busiest':
      return cluster.busiest();
  }
}
