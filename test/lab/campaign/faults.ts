/**
 * What happens to the owner in a campaign of takeovers. Each fault is inflicted on a serving owner;
 * when it returns, somebody else is (or will be) the owner, and `restore` makes the machine whole again.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { FAILOVER_LIMIT_MS, type FailoverLab, type Owner } from '../failover-lab.ts';
import type { Cut } from '../kernel/index.ts';
import { firstLine, LogTail } from './log-tail.ts';

export type Inflicted = {
  /** Machines that cannot be asked until `restore`. */
  readonly silent: readonly number[];
  /** The next owner's epoch is newer than this. */
  readonly after: number;
  restore(): Promise<void>;
};
export type Fault = (all: FailoverLab, owner: Owner) => Promise<Inflicted>;

/** Into which moment of a takeover of some 50 ms the second blow falls. */
const MOMENT_MS = 120;

const powerLoss: Fault = async (all, owner) => {
  await all.lab.guest(owner.id).powerOff();
  const restore = () => all.cluster.bootAgain(owner.id);
  return { silent: [owner.id], after: owner.epoch, restore };
};

const freeze: Fault = async (all, owner) => {
  const guest = all.lab.guest(owner.id);
  guest.freeze();
  return { silent: [owner.id], after: owner.epoch, restore: async () => guest.thaw() };
};

function cutting(networks: readonly Cut['network'][]): Fault {
  return async ({ lab }, owner) => {
    const cuts = networks.map((network) => ({ guest: owner.id, network }));
    await lab.cut(...cuts);
    return { silent: [], after: owner.epoch, restore: () => lab.restore(...cuts) };
  };
}

const OVER = /^(group \S+ is down here|this machine resets itself)$/;

/**
 * A process that waits for the disk cannot be killed before the initiator gives the disk up. Where that takes
 * longer than three kills, the machine resets itself, and is then as after a power loss.
 */
const sanCut: Fault = async (all, owner) => {
  const tail = new LogTail(all.lab.guest(owner.id));
  const { restore, ...inflicted } = await cutting([0])(all, owner);
  return {
    ...inflicted,
    restore: async () => {
      const { line } = await firstLine(
        [tail],
        (_, { event }) => OVER.test(event),
        `${owner.node} ends what it had`,
        FAILOVER_LIMIT_MS,
      );
      await restore();
      if (line.event.startsWith('group')) return;
      await all.lab.guest(owner.id).powerOff();
      await all.cluster.bootAgain(owner.id);
    },
  };
};

/**
 * The owner is frozen; its successor is frozen in the middle of its takeover, while the first one
 * runs again with its old writes; and when a third epoch is given, the second one runs again too and
 * goes on with what it was about to send.
 */
const twoAttackers: Fault = async (all, owner) => {
  const { lab } = all;
  const others = lab.nodes.filter(({ id }) => id !== owner.id);
  const second = await begun(others, owner.epoch, () => lab.guest(owner.id).freeze());
  await pause(Math.random() * MOMENT_MS);
  second.guest.freeze();
  const rest = lab.nodes.filter(({ id }) => id !== second.guest.id);
  await begun(rest, second.epoch, () => lab.guest(owner.id).thaw());
  await pause(Math.random() * MOMENT_MS);
  second.guest.thaw();
  return { silent: [], after: second.epoch, restore: async () => {} };
};

/** The machine on which a takeover newer than `after` begins, after something was done. */
async function begun(guests: FailoverLab['lab']['nodes'], after: number, act: () => void) {
  const tails = guests.map((guest) => new LogTail(guest));
  act();
  const { guest, line } = await firstLine(
    tails,
    ({ name }, { event, facts }) =>
      event === 'history: assigned' && facts['node'] === name && Number(facts['epoch']) > after,
    `a takeover after epoch ${after} begins`,
    FAILOVER_LIMIT_MS,
  );
  return { guest, epoch: Number(line.facts['epoch']) };
}

export const FAULTS: ReadonlyMap<string, Fault> = new Map([
  ['power-loss', powerLoss],
  ['freeze', freeze],
  ['san-cut', sanCut],
  ['isolate', cutting([1, 2])],
  ['two-attackers', twoAttackers],
]);
