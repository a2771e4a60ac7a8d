/** Machines and their processes, and the disk of the log. */
import type { Fault } from '../faults.ts';

export const hostFaults: readonly Fault[] = [
  {
    name: 'power-loss',
    rate: 5,
    longestMs: 4_000,
    begin: ({ machine, amount }) => {
      machine.powerOff(amount % 4);
      return () => machine.powerOn();
    },
  },
  {
    name: 'daemon-killed',
    rate: 5,
    longestMs: 2_000,
    begin: ({ machine }) => {
      machine.killDaemon();
      return () => machine.start();
    },
  },
  {
    name: 'machine-frozen',
    rate: 5,
    longestMs: 3_000,
    begin: ({ machine }) => {
      machine.freeze();
      return () => machine.thaw();
    },
  },
  {
    // As a hypervisor does that hides the pause from its guest.
    name: 'machine-paused',
    rate: 3,
    longestMs: 3_000,
    begin: ({ machine }) => {
      machine.freeze(true);
      return () => machine.thaw();
    },
  },
  {
    name: 'machine-hiccup',
    rate: 4,
    longestMs: 400,
    begin: ({ machine }) => {
      machine.freeze();
      return () => machine.thaw();
    },
  },
  {
    // Not at some time, but between two turns of its loop.
    name: 'machine-frozen-at-event',
    rate: 3,
    longestMs: 1_500,
    begin: ({ machine, amount }) => {
      machine.freezeAfter(1 + (amount % 60));
      return () => machine.thaw();
    },
  },
  {
    name: 'daemon-stopped',
    rate: 4,
    longestMs: 3_000,
    begin: ({ machine }) => {
      machine.stopDaemon();
      return () => machine.continueDaemon();
    },
  },
  {
    name: 'guardian-killed',
    rate: 3,
    longestMs: 1,
    begin: ({ machine }) => {
      machine.killGuardian();
      return undefined;
    },
  },
  {
    name: 'guardian-gone',
    rate: 2,
    longestMs: 1,
    begin: ({ machine, amount }) => {
      machine.killGuardian(300 + 2 * amount);
      return undefined;
    },
  },
  {
    name: 'slow-host',
    rate: 3,
    longestMs: 4_000,
    begin: ({ machine, amount }) => {
      machine.setSlow(2 + (amount % 150));
      return () => machine.setSlow(0);
    },
  },
  {
    name: 'log-stalls',
    rate: 3,
    longestMs: 2_500,
    begin: ({ machine, amount }) => {
      machine.log.syncMs = 5 + 2 * amount;
      return () => {
        machine.log.syncMs = 1;
      };
    },
  },
  {
    name: 'log-error',
    rate: 2,
    longestMs: 1,
    begin: ({ machine, amount }) => {
      machine.log.nextFails = amount % 2 === 0 ? 'lost' : 'written';
      return undefined;
    },
  },
  {
    name: 'log-full',
    rate: 1,
    longestMs: 3_000,
    begin: ({ machine }) => {
      machine.log.full = true;
      return () => {
        machine.log.full = false;
      };
    },
  },
];
