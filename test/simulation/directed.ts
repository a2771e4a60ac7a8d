/**
 * Scripts that go for one rule: the same few blows, round after round, with other victims and, from
 * seed to seed, other moments. What random faults meet in one of a thousand seeds comes here in one of
 * the first.
 */
import type { Millis } from '../../src/lib/ids.ts';
import type { FaultName } from './faults.ts';
import type { Strike } from './script.ts';

/** One round, which begins at `atMs`. */
type Round = (atMs: Millis, number: number) => readonly Strike[];

const ROUND_MS: Millis = 4_000;
const FIRST_MS: Millis = 300;

/** Of three machines: who is A, B and C in this round. */
const PERMUTATIONS = [
  [0, 1, 2],
  [1, 2, 0],
  [2, 0, 1],
  [0, 2, 1],
  [1, 0, 2],
  [2, 1, 0],
] as const;

function strike(atMs: Millis, fault: FaultName, forMs: Millis, rest: Partial<Strike>): Strike {
  return { atMs, fault, forMs, aim: 'any', host: 0, other: 0, group: 0, amount: 0, ...rest };
}

function rounds(count: number, round: Round): readonly Strike[] {
  return Array.from({ length: count }, (_, i) => round(FIRST_MS + i * ROUND_MS, i)).flat();
}

/** Of three machines, the place of one among those that are not `host`: see `targetOf`. */
function otherPlace(host: number, wanted: number): number {
  return [0, 1, 2].filter((one) => one !== host).indexOf(wanted);
}

/** Owners that nobody hears any more, or that stand still, while clients hear them as before. */
export const silencedOwners = (): readonly Strike[] =>
  rounds(3, (atMs, number) => {
    const aim = 'owner';
    if (number % 3 === 0) return [strike(atMs, 'isolated', 2_500, { aim, amount: 3 })];
    if (number % 3 === 1) return [strike(atMs, 'daemon-stopped', 2_500, { aim })];
    return [strike(atMs, 'daemon-killed', 2_500, { aim })];
  });

/** A group is moved to a machine that hears everything and is heard by nobody: it gets no lease. */
export const unheardOwners = (seed: number): readonly Strike[] =>
  rounds(3, (atMs, number) => {
    const to = (seed + number) % 3;
    const host = (to + 1) % 3;
    const moves = strike(atMs, 'move', 1, { host, other: otherPlace(host, to) });
    return [moves, strike(atMs + 2 + (seed % 8), 'isolated', 600, { host: to, amount: 1 })];
  });

/**
 * What a voter has promised is gone with its power: C is away and lacks what A commits with the help
 * of B; then B loses its power, and A as well; B and C go on. In every second round B's disk is slow.
 */
export const forgetfulVoters = (seed: number): readonly Strike[] =>
  rounds(6, (atMs, number) => {
    const [a, b, c] = PERMUTATIONS[(seed + number) % PERMUTATIONS.length] ?? PERMUTATIONS[0];
    const asked = { host: c, other: otherPlace(c, a), amount: 0 };
    const stalls = strike(atMs, 'log-stalls', 900, { host: b, amount: 600 });
    return [
      ...(number % 2 === 0 ? [stalls] : []),
      strike(atMs + 20, 'isolated', 700, { host: c, amount: 3 }),
      strike(atMs + 60, 'standby', 100, asked),
      strike(atMs + 240, 'standby', 40, asked),
      strike(atMs + 300, 'power-loss', 60, { host: b }),
      strike(atMs + 310, 'power-loss', 2_500, { host: a }),
    ];
  });

/** Groups leave machines on which the application, or the address, does not come down. */
export const slowStops = (seed: number): readonly Strike[] =>
  rounds(3, (atMs, number) => {
    const amount = 1 + ((seed + number) % 2);
    const hang = [0, 1, 2].map((host) => strike(atMs, 'stop-hangs', 2_500, { host, amount }));
    const to = (seed + number) % 3;
    const host = (to + 1) % 3;
    return [...hang, strike(atMs + 50, 'move', 1, { host, other: otherPlace(host, to) })];
  });

/**
 * Grants that come late, and nothing after them: what an owner has asked for is granted and held up on
 * the way back, and when it arrives the owner is heard no more. Clients must be slow: an application that
 * writes hears of the new owner from the disk.
 */
export const lateGrants = (seed: number): readonly Strike[] =>
  rounds(3, (atMs, number) => {
    const aim = 'owner';
    const heldMs = 160 + 4 * (seed % 5);
    return [
      // Who owns and leads grants to itself at once.
      strike(atMs - 250, 'leadership-transfer', 1, { host: (seed + number) % 3 }),
      strike(atMs, 'isolated', heldMs, { aim, amount: 0 }),
      strike(atMs + 52, 'isolated', 2_500, { aim, amount: 1 }),
      strike(atMs + heldMs + 3, 'isolated', 2_400, { aim, amount: 3 }),
    ];
  });
