/** Operators who ask for things at bad moments. */
import type { Command, MemberRole } from '../../../src/cluster/command.ts';
import { memberOf } from '../cluster.ts';
import type { Fault } from '../faults.ts';
import type { Machine } from '../machine.ts';
import { EPOCH_MS } from '../world.ts';

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

const DEMOTION = 'demotion';
const JOIN = 'join';
const LEAVE = 'leave';

/** After one of these another majority counts than that of the founders. */
export const CHANGES_OF_MEMBERS: readonly string[] = [DEMOTION, JOIN, LEAVE];

const A_YEAR_MS = 31_536_000_000;
/** Whoever leaves never comes back: so many voters stay. */
const LEAST_VOTERS = 3;

/** An invitation, the admission by it, and the first start of its daemon. */
function join(via: Machine, spare: Machine): void {
  const { daemon, hostNow, cluster } = via;
  if (daemon === null) return;
  const { name: node, number } = spare;
  const peerId = `invitation-${node}`;
  const invite: Command = {
    kind: 'invite',
    peerId,
    node,
    role: 'voter',
    expiresAtMs: EPOCH_MS + A_YEAR_MS,
    by: 'simulation',
  };
  const admission: Command = { kind: 'admit-member', member: memberOf(number), invitation: peerId };
  const { driver } = daemon;
  driver.request('join', () =>
    driver.submit(invite, hostNow + LIMIT_MS, (invited) => {
      if (invited?.ok !== true) return;
      driver.submit(admission, via.hostNow + LIMIT_MS, (admitted) => {
        if (admitted?.ok === true) cluster.admit(node);
      });
    }),
  );
}

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
    name: JOIN,
    rate: 2,
    longestMs: 1,
    begin: ({ cluster, machine }) => {
      const spare = cluster.machines.find(({ name }) => !cluster.isAdmitted(name));
      if (spare !== undefined && machine.isAwake) join(machine, spare);
      return undefined;
    },
  },
  {
    name: LEAVE,
    rate: 1,
    longestMs: 1,
    begin: ({ cluster, machine, other }) => {
      const members = cluster.leader()?.daemon?.driver.replica.state.members ?? {};
      const staying = Object.values(members).filter(({ role }) => role === 'voter').length - 1;
      if (staying >= LEAST_VOTERS) setRole(other, machine.name, 'leaving');
      return undefined;
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
