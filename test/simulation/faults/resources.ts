/** Sick resources of one machine. */
import type { Illness } from '../agents.ts';
import type { Fault } from '../faults.ts';
import type { Machine } from '../machine.ts';

const NAMES = ['data', 'ip', 'app'] as const;

function ill(machine: Machine, change: Partial<Illness>, well: Partial<Illness>): () => void {
  machine.illness = { ...machine.illness, ...change };
  return () => {
    machine.illness = { ...machine.illness, ...well };
  };
}

function named(amount: number): string {
  return NAMES[amount % NAMES.length] ?? 'app';
}

export const resourceFaults: readonly Fault[] = [
  {
    name: 'start-slow',
    rate: 2,
    longestMs: 4_000,
    begin: ({ machine, amount }) =>
      ill(machine, { startDelayMs: 20 + amount }, { startDelayMs: 4 }),
  },
  {
    name: 'start-fails',
    rate: 3,
    longestMs: 4_000,
    begin: ({ machine, amount }) => ill(machine, { failStart: named(amount) }, { failStart: null }),
  },
  {
    name: 'start-hangs',
    rate: 2,
    longestMs: 4_000,
    begin: ({ machine, amount }) => ill(machine, { hangStart: named(amount) }, { hangStart: null }),
  },
  {
    name: 'stop-hangs',
    rate: 2,
    longestMs: 4_000,
    begin: ({ machine, amount }) => ill(machine, { hangStop: named(amount) }, { hangStop: null }),
  },
  {
    name: 'monitor-lies',
    rate: 1,
    longestMs: 2_000,
    begin: ({ machine, amount }) =>
      ill(
        machine,
        { lyingMonitor: { resource: named(amount), says: amount % 2 === 0 ? 'well' : 'ill' } },
        { lyingMonitor: null },
      ),
  },
  {
    name: 'application-dies',
    rate: 4,
    longestMs: 1,
    begin: ({ cluster, group }) => {
      cluster.owner(group)?.kernel?.kill(`${group}/app`);
      return undefined;
    },
  },
];
