/** What can happen to an owner, and how it is made good. */
import type { FailoverLab, Owner } from '../../test/lab/failover-lab.ts';
import type { NetworkNumber } from '../../test/lab/kernel/network.ts';
import { GROUP } from '../../test/lab/lab-config.ts';

export type Fault = {
  readonly name: string;
  readonly about: string;
  /** Another node must serve afterwards; without: the same one goes on. */
  readonly moves: boolean;
  inject(all: FailoverLab, owner: Owner): Promise<void>;
  /** While the new owner serves: what the old one does now must not be heard. */
  aftermath?(all: FailoverLab, owner: Owner): Promise<void>;
  repair(all: FailoverLab, owner: Owner): Promise<void>;
};

const interconnects = (guest: number): { guest: number; network: NetworkNumber }[] => [
  { guest, network: 1 },
  { guest, network: 2 },
];
const nothing = async (): Promise<void> => {};

export const FAULTS: readonly Fault[] = [
  {
    name: 'power-loss',
    about: 'the owner loses its power',
    moves: true,
    inject: (all, { id }) => all.lab.guest(id).powerOff(),
    repair: (all, { id }) => all.cluster.bootAgain(id),
  },
  {
    name: 'daemon-kill',
    about: 'kill -9 of the daemon of the owner',
    moves: true,
    inject: (all, { id }) => all.cluster.node(id).daemon.signal('KILL'),
    repair: (all, { id }) => all.cluster.node(id).start(),
  },
  {
    name: 'freeze',
    about: 'the owner stands still, and goes on while another serves',
    moves: true,
    inject: async (all, { id }) => all.lab.guest(id).freeze(),
    aftermath: async (all, { id }) => all.lab.guest(id).thaw(),
    repair: nothing,
  },
  {
    name: 'isolate',
    about: 'all interconnects of the owner are cut, its disk and its clients are not',
    moves: true,
    inject: (all, { id }) => all.lab.cut(...interconnects(id)),
    repair: (all) => all.lab.restoreAll(),
  },
  {
    name: 'application-kill',
    about: 'the application dies and is started again in place',
    moves: false,
    inject: async (all, { id }) => void (await all.lab.guest(id).exec('pkill -KILL -x answerer')),
    repair: nothing,
  },
  {
    name: 'move',
    about: 'an operator moves the group',
    moves: true,
    inject: async (all, { id }) => {
      const path = `/v1/groups/${GROUP}/move`;
      const body = `-X POST -H 'content-type: application/json' -d '{"to":null}'`;
      const socket = '/run/holdfast/holdfast.sock';
      const url = `http://localhost${path}`;
      await all.lab.guest(id).ok(`curl -s -f -m 5 --unix-socket ${socket} ${body} ${url}`);
    },
    repair: nothing,
  },
  {
    name: 'interconnect-cut',
    about: 'one interconnect of the owner is cut: nobody should notice',
    moves: false,
    inject: (all, { id }) => all.lab.cut({ guest: id, network: 1 }),
    repair: (all) => all.lab.restoreAll(),
  },
];
