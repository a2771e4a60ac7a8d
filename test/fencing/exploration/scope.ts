/**
 * What is explored: who attacks from which machine, what the disk can do, and how often each
 * misfortune may strike. Everything that is not bounded here may happen at any time and without
 * end.
 */
import type { TargetOptions } from '../../../src/fencing/devices/emulated/commands.ts';
import type { PathId, ReservationType } from '../../../src/fencing/fence-device.ts';

/** How often each may happen, 0 … 3. */
export type Budget = {
  /** A machine dies, with its mount, its attempt and its look at the disk; it is back at once. */
  readonly crash: number;
  /** A command is answered by `timeout`, or the attempt by its deadline; it may be done later. */
  readonly giveUp: number;
  /** The target loses power. */
  readonly power: number;
  /** A path logs in anew: its nexus has another name, and no registration. */
  readonly login: number;
  /** `holdfast disk release` on a node that held, or CLEAR by a third hand. */
  readonly release: number;
  /** A unit attention is eaten by a command of somebody else on that machine. */
  readonly eat: number;
  /** The newest epoch tries again after its attempt ended. */
  readonly retry: number;
  /** A stranger registers. */
  readonly stranger: number;
};

export const BUDGET: readonly (keyof Budget)[] = [
  'crash',
  'giveUp',
  'power',
  'login',
  'release',
  'eat',
  'retry',
  'stranger',
];

export type Scope = {
  readonly name: string;
  readonly about: string;
  /** Machine (0 … 2) of each epoch, from 1 on. */
  readonly machines: readonly number[];
  /** Who holds the disk and has it mounted at first: 1, or 2 where 1 is a late attacker. */
  readonly owner?: 1 | 2;
  /** With owner 2: epoch 1 has read the blank disk before, and is about to register. */
  readonly hasRead?: boolean;
  /** The epoch before is not told to a takeover, only whether its Fenced is committed. */
  readonly unknownPredecessor?: boolean;
  readonly type: ReservationType;
  readonly paths: readonly PathId[];
  readonly budget: Partial<Budget>;
  readonly target?: Partial<TargetOptions>;
  /** Unit attentions wait until they are told; otherwise they are read at once, by nobody. */
  readonly attentions?: boolean;
  /** PREEMPT AND ABORT takes time: keys first, aborts later, and others in between. */
  readonly slowAborts?: boolean;
  /** Owners look after their disk (`defence.ts`). */
  readonly defence?: boolean;
  /** The first owner's Fenced is not committed. */
  readonly firstUncommitted?: boolean;
  /** Writes are in flight of whoever has it mounted (default), or of the first owner only. */
  readonly writers?: 'all' | 'first';
  /** A command that was given up may arrive after later ones of the same path. */
  readonly overtaking?: boolean;
};

const ONE = { type: 1, paths: ['a'] } as const;
const FIVE = { type: 5, paths: ['a'] } as const;
const TWO_PATHS = { type: 5, paths: ['a', 'b'] } as const;

/** Each is explored to its end in CI. */
export const SCOPES: readonly Scope[] = [
  {
    name: 'two-attackers',
    about: 'two attackers, a writing owner, a crash, a command that is late; type 1',
    ...ONE,
    machines: [0, 1, 2],
    budget: { crash: 1, giveUp: 1, retry: 1 },
  },
  {
    name: 'two-attackers-5',
    about: 'the same with type 5',
    ...FIVE,
    machines: [0, 1, 2],
    budget: { crash: 1, giveUp: 1, retry: 1 },
  },
  {
    name: 'two-attackers-3',
    about: 'two attackers with exclusive access, a crash; type 3',
    ...{ type: 3, paths: ['a'] },
    machines: [0, 1, 2],
    budget: { crash: 1, giveUp: 1 },
  },
  {
    name: 'appointed-again-6',
    about: 'exclusive access of registrants, the former owner is appointed again; type 6',
    ...{ type: 6, paths: ['a'] },
    machines: [0, 1, 0],
    budget: { crash: 1, giveUp: 1 },
  },
  {
    name: 'appointed-again',
    about: 'the former owner, whose lost mount has dirty pages, is appointed again; type 5',
    ...FIVE,
    machines: [0, 1, 0],
    budget: { crash: 1, giveUp: 1, retry: 1 },
  },
  {
    name: 'three-attackers',
    about: 'three attackers, one of them the former owner, a crash; type 1',
    ...ONE,
    machines: [0, 1, 0, 2],
    budget: { crash: 1 },
  },
  {
    name: 'late-registration',
    about: 'an older attacker registers late; nobody knows who came before; type 1',
    ...ONE,
    machines: [1, 0, 2],
    owner: 2,
    hasRead: true,
    unknownPredecessor: true,
    budget: { crash: 1, giveUp: 1 },
  },
  {
    name: 'three-attackers-5',
    about: 'three attackers, two of them one machine, a late command; type 5',
    ...FIVE,
    machines: [0, 1, 2, 1],
    budget: { giveUp: 1 },
  },
  {
    name: 'slow-aborts',
    about: 'keys go before the aborts are done; an abort cut short by a crash or an attacker',
    ...ONE,
    machines: [0, 1, 2],
    budget: { crash: 1, giveUp: 1 },
    slowAborts: true,
  },
  {
    name: 'one-machine-twice',
    about: 'one machine attacks twice, with a late command, and a newer one after it; type 5',
    ...FIVE,
    machines: [0, 1, 1, 2],
    budget: { giveUp: 1 },
    writers: 'all',
  },
  {
    name: 'overtaking',
    about: 'late commands arrive after later ones of the same path; type 1',
    ...ONE,
    machines: [0, 1, 2, 1],
    budget: { giveUp: 1 },
    overtaking: true,
  },
  {
    name: 'released',
    about: 'a release or a CLEAR at any time between the takeovers, late commands; type 1',
    ...ONE,
    machines: [0, 1, 2],
    budget: { release: 1, giveUp: 1 },
  },
  {
    name: 'hidden-predecessor',
    about: 'an older attacker reserves a disk that was released or cleared; type 1',
    ...ONE,
    machines: [1, 0, 2],
    owner: 2,
    budget: { release: 1, giveUp: 1 },
  },
  {
    name: 'two-paths',
    about: 'two paths, of which one is given up; type 5',
    ...TWO_PATHS,
    machines: [0, 1, 2],
    budget: { giveUp: 1 },
  },
  {
    name: 'logins',
    about: 'two paths, of which one logs in anew and has lost its registration; type 5',
    ...TWO_PATHS,
    machines: [0, 1, 2],
    budget: { login: 1 },
    writers: 'first',
  },
  {
    name: 'logins-1',
    about: 'a path logs in anew, a late command, another attempt of the same epoch; type 1',
    ...ONE,
    machines: [0, 1, 2],
    budget: { login: 1, giveUp: 1, retry: 1 },
  },
  {
    name: 'attentions',
    about: 'unit attentions wait for the next command, whoever sends it; type 1',
    ...ONE,
    machines: [0, 1, 2],
    budget: { crash: 1, eat: 1 },
    attentions: true,
  },
  {
    name: 'no-abort',
    about: 'a target without PREEMPT AND ABORT; type 1',
    ...ONE,
    machines: [0, 1, 2],
    budget: { crash: 1, giveUp: 1 },
    target: { abort: false },
  },
  {
    name: 'not-committed',
    about: "the first owner's Fenced is not committed; a release in between; type 1",
    ...ONE,
    machines: [0, 1, 2],
    budget: { release: 1, crash: 1 },
    firstUncommitted: true,
  },
  {
    name: 'power-loss',
    about: 'the target loses power; its cache is volatile, its reservations are not; type 1',
    ...ONE,
    machines: [0, 1, 2],
    budget: { power: 1, crash: 1 },
  },
  {
    name: 'attentions-and-power',
    about: 'unit attentions that wait, a target that loses power; type 1',
    ...ONE,
    machines: [0, 1],
    budget: { power: 1, crash: 1, eat: 1, retry: 1, login: 1 },
    attentions: true,
  },
  {
    name: 'defence',
    about: 'owners look after their disk while they are attacked; type 5',
    ...FIVE,
    machines: [0, 1, 2],
    budget: { giveUp: 1 },
    defence: true,
  },
  {
    name: 'stranger',
    about: 'a stranger registers, and reserves where it can, also after a release; type 1',
    ...ONE,
    machines: [0, 1],
    budget: { stranger: 1, crash: 1, retry: 1, release: 1 },
  },
];

/** Larger ones, for HOLDFAST_LONG and `--long`. */
export const WIDE: readonly Scope[] = [
  {
    name: 'three-attackers-late',
    about: 'three attackers, a crash and a late command; type 1',
    ...ONE,
    machines: [0, 1, 2, 0],
    budget: { crash: 1, giveUp: 1 },
  },
  {
    name: 'released-4',
    about: 'three attackers, and a release or a CLEAR at any time; type 1',
    ...ONE,
    machines: [0, 1, 2, 0],
    budget: { release: 1 },
  },
  {
    name: 'three-attackers-long',
    about: 'three attackers, crashes, late commands, retries; type 1',
    ...ONE,
    machines: [0, 1, 0, 2],
    budget: { crash: 2, giveUp: 2, retry: 1, release: 1 },
  },
  {
    name: 'three-attackers-5-long',
    about: 'the same with type 5, slow aborts and a defence',
    ...FIVE,
    machines: [0, 1, 2, 1],
    budget: { crash: 1, giveUp: 2, retry: 1 },
    slowAborts: true,
    defence: true,
  },
  {
    name: 'two-paths-long',
    about: 'two paths, three attackers, everything may happen once; type 5',
    ...TWO_PATHS,
    machines: [0, 1, 0, 2],
    budget: { crash: 1, giveUp: 1, login: 1, release: 1, power: 1 },
  },
  {
    name: 'attentions-long',
    about: 'unit attentions that wait, three attackers, crashes; type 5',
    ...FIVE,
    machines: [0, 1, 0, 2],
    budget: { crash: 1, giveUp: 1, eat: 1 },
    attentions: true,
  },
];

export function scopeOf(name: string): Scope {
  const scope = [...SCOPES, ...WIDE].find((candidate) => candidate.name === name);
  if (scope === undefined) {
    const names = [...SCOPES, ...WIDE].map((candidate) => candidate.name).join(', ');
    throw new RangeError(`no scope is called ${name}; there are ${names}`);
  }
  return scope;
}
