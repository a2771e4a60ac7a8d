/** Operators who ask for things at bad moments. */
import type { Command, MemberRole } from '../../../src/cluster/command.ts';
import type { Fault } from '../faults.ts';
import type { Machine } from '../machine.ts';

const LIMIT_MS = 1_000;

type Mode = Extract<Command, { kind: 'set-mode' }>;

export function ask(machine: Machine, command: Command): void {
  const { daemon, hostNow, isAwake } = machine;
  if (daemon === null || !isAwake) return;
  const { driver } = daemon;
  driver.request('operator', () => driver.submit(command, hostNow + LIMIT_MS));
}

export function setMode(machine: Machine, subject: Mode['subject'], mode: Mode['mode']): void {
  ask(machine, { kind: 'set-mode', subject, mode, by: 'simulation' });
}

export function setRole(via: Machine, node: string, role: MemberRole): void {
  ask(via, { kind: 'set-role', node, role, by: 'simulation' });
}

/** While it lasts, or when it was never taken back, another majority counts than that of all. */
export const DEMOTION = 'demotion';

export const operatorFaults: readonly Fault[] = [
  {
    name: 'move',
    rate: 5,
    longestMs: 1,
    begin: ({ machine, other, group }) => {
      const state = machine.daemon?.driver.replica.state.groups[group];
      const expectedEpoch = state?.epoch ?? 0;
      const to = other.name;
      const guard = { group, expectedEpoch, to, reason: 'move', by: 'simulation' } as const;
      ask(machine, { kind: 'release', ...guard });
      return undefined;
    },
  },
  {
    name: 'standby',
    rate: 2,
    longestMs: 3_000,
    begin: ({ cluster, machine, other, group, amount }) => {
      const subject =
        amount % 2 === 0
          ? ({ kind: 'node', node: machine.name } as const)
          : ({ kind: 'group', group } as const);
      setMode(other, subject, 'standby');
      return () => {
        const awake = cluster.machines.find(({ isAwake }) => isAwake);
        if (awake !== undefined) setMode(awake, subject, 'online');
      };
    },
  },
  {
    name: DEMOTION,
    rate: 2,
    longestMs: 4_000,
    begin: ({ cluster, machine, other }) => {
      setRole(other, machine.name, 'learner');
      return () => {
        const awake = cluster.machines.find(({ isAwake }) => isAwake);
        if (awake !== undefined) setRole(awake, machine.name, 'voter');
      };
    },
  },
  {
    name: 'leadership-transfer',
    rate: 2,
    longestMs: 1,
    begin: ({ cluster, machine, other }) => {
      const leader = cluster.leader();
      if (leader?.daemon == null || !leader.isAwake) return undefined;
      const to = leader === machine ? other.name : machine.name;
      const { driver } = leader.daemon;
      driver.request('transfer', () =>
        driver.raft.step({ kind: 'transfer', to, timeoutMs: 500 }, leader.hostNow),
      );
      return undefined;
    },
  },
];
