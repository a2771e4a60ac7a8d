/**
 * What befalls a cluster, written down before it begins: the setting, the faults with their moments,
 * and what is healed at the end. All of it comes from the seed and from nothing that happens, so a
 * fault can be left out and the rest stays: that is how a failing script is shrunk.
 */
import type { TargetOptions } from '../../src/fencing/devices/emulated/commands.ts';
import type { Millis } from '../../src/lib/ids.ts';
import { type Random, seededRandom } from '../../src/lib/random.ts';
import { FAULTS, type FaultName } from './faults.ts';
import type { Sabotage } from './sabotage.ts';
import { STORM, type StormFault } from './storm.ts';

export type GroupSetting = {
  readonly name: string;
  /** One path: Write Exclusive; two: Write Exclusive – Registrants Only. */
  readonly paths: readonly string[];
  readonly target: Partial<TargetOptions>;
  /** Hosts keep what they cannot write while no path is there, as multipath may; false: it is lost. */
  readonly queues?: boolean;
};

export type Setting = {
  readonly seed: number;
  /** One for each node: its milliseconds in one of the world's. */
  readonly clockRates: readonly number[];
  /** The last so many nodes are no founders: they are there to join; missing: none. */
  readonly spares?: number;
  readonly groups: readonly GroupSetting[];
  /** Entries between two snapshots. */
  readonly compactEvery: number;
  /** How network cards gather what arrives (`network.ts`); missing: not at all. */
  readonly gatherMs?: Millis;
  /** Members do not unpack and judge each other's frames; missing: they do, as in production. */
  readonly trusting?: boolean;
  /** Of owners; missing: the profile's. */
  readonly leaseMs?: Millis;
  /** A client's pause between two requests is this and up to twice this more; missing: 15 ms. */
  readonly thinkMs?: Millis;
};

/** One fault. Which machine, path or group it meets is said by numbers, reckoned modulo. */
export type Strike = {
  readonly atMs: Millis;
  readonly fault: FaultName;
  readonly forMs: Millis;
  /** `any`: by number; else the leader, the owner of the group, or who owns most, of that moment. */
  readonly aim: 'any' | 'leader' | 'owner' | 'busiest';
  readonly host: number;
  readonly other: number;
  readonly group: number;
  readonly amount: number;
};

export type Script = {
  readonly setting: Setting;
  readonly strikes: readonly Strike[];
  readonly safetyMs: Millis;
  /** Nodes that are healed for the second phase: a majority. The rest keeps its faults for good. */
  readonly quorum: readonly string[];
  readonly sabotage?: readonly Sabotage[];
};

export type ScriptOptions = {
  readonly seed: number;
  readonly family?: Family;
  readonly faults?: readonly FaultName[];
  /** Longer histories: more faults in proportion. */
  readonly safetyMs?: Millis;
  readonly nodes?: number;
  readonly groups?: number;
  readonly leaseMs?: Millis;
  readonly thinkMs?: Millis;
};

/** ρ of the fast profile is the difference of any two clocks; each may have half of it. */
const RATES = [1, 1.00049, 0.99951, 1.0002, 0.9998] as const;
const LONG_LEASE_MS: Millis = 1_200;
const AIMS: readonly Strike['aim'][] = ['any', 'any', 'leader', 'owner'];

/**
 * `mixed`: everything that can happen, to a few groups. `storm`: many groups, and whoever owns most
 * of them is struck down as soon as it serves.
 */
export const FAMILIES = ['mixed', 'storm'] as const;
export type Family = (typeof FAMILIES)[number];

export function scriptOf(options: ScriptOptions): Script {
  return options.family === 'storm' ? stormOf(options) : mixedOf(options);
}

function mixedOf(options: ScriptOptions): Script {
  const random = seededRandom(options.seed);
  const drawnNodes = random.below(5) === 0 ? 5 : 3;
  const nodes = options.nodes ?? drawnNodes;
  const drawnGroups = 1 + random.below(3);
  const spares = options.seed % 6 === 1 ? 1 : 0;
  const groups = options.groups ?? drawnGroups;
  const setting: Setting = {
    seed: options.seed,
    clockRates: Array.from({ length: nodes + spares }, () => rateOf(random)),
    spares,
    groups: ['g', 'h', 'k'].slice(0, groups).map((name) => groupSetting(name, random)),
    compactEvery: random.below(2) === 0 ? 2_000 : 5 + random.below(60),
    // A power of two: what is gathered comes at exactly one instant.
    gatherMs: options.seed % 4 === 0 ? 0 : 0.5,
    trusting: options.seed % 8 !== 0,
    thinkMs: options.thinkMs ?? (options.seed % 3 === 0 ? 15 : 60),
    ...leaseOf(options),
  };
  const drawnSafetyMs = 4_000 + random.below(26_000);
  const safetyMs = options.safetyMs ?? drawnSafetyMs;
  const strikes = strikesOf(random, safetyMs, options.faults ?? FAULTS.map(({ name }) => name));
  return { setting, strikes, safetyMs, quorum: quorumOf(random, nodes) };
}

function stormOf(options: ScriptOptions): Script {
  const random = seededRandom(options.seed);
  const nodes = options.nodes ?? (random.below(4) === 0 ? 5 : 3);
  const groups = options.groups ?? 6 + random.below(13);
  const safetyMs = options.safetyMs ?? 60_000 + random.below(60_000);
  const setting: Setting = {
    seed: options.seed,
    clockRates: Array.from({ length: nodes }, () => rateOf(random)),
    groups: Array.from({ length: groups }, (_, i) => groupSetting(`g${i + 1}`, random)),
    compactEvery: random.below(2) === 0 ? 2_000 : 40 + random.below(200),
    gatherMs: random.below(4) === 0 ? 0 : 0.5,
    trusting: random.below(16) !== 0,
    thinkMs: 120,
    ...leaseOf(options),
  };
  const strikes = stormStrikes(random, safetyMs, options.faults ?? null);
  return { setting, strikes, safetyMs, quorum: quorumOf(random, nodes) };
}

/** A lease that is long beside the detection of failures leaves room between the two. */
function leaseOf({ seed, leaseMs }: ScriptOptions): Pick<Setting, 'leaseMs'> {
  if (leaseMs !== undefined) return { leaseMs };
  return seed % 5 === 0 ? { leaseMs: LONG_LEASE_MS } : {};
}

/** Blow after blow, each a little after the groups of the one before serve again; weather between. */
function stormStrikes(
  random: Random,
  safetyMs: Millis,
  allowed: readonly FaultName[] | null,
): readonly Strike[] {
  const faults = STORM.filter(({ fault }) => allowed === null || allowed.includes(fault));
  const gapMs = 60 + random.below(300);
  const strikes: Strike[] = [];
  for (let atMs = 400; atMs < safetyMs && faults.length > 0; ) {
    const drawn = weighed(random, faults);
    strikes.push(strikeOf(random, drawn, atMs));
    atMs += drawn.blow ? gapMs + random.below(gapMs) : random.below(40);
  }
  return strikes;
}

function rateOf(random: Random): number {
  return RATES[random.below(RATES.length)] ?? 1;
}

function strikeOf(random: Random, { fault, blow, longestMs }: StormFault, atMs: Millis): Strike {
  return {
    atMs,
    fault,
    forMs: 10 + random.below(longestMs),
    aim: blow && random.below(8) > 0 ? 'busiest' : (AIMS[random.below(AIMS.length)] ?? 'any'),
    host: random.below(60),
    other: random.below(60),
    group: random.below(60),
    amount: random.below(1_000),
  };
}

function weighed<T extends { readonly rate: number }>(random: Random, all: readonly T[]): T {
  let left = random.below(all.reduce((sum, { rate }) => sum + rate, 0));
  for (const one of all) {
    left -= one.rate;
    if (left < 0) return one;
  }
  throw new Error('nothing to draw from');
}

/** A majority, or everybody. */
function quorumOf(random: Random, nodes: number): readonly string[] {
  const names = Array.from({ length: nodes }, (_, i) => `node${i + 1}`);
  const least = Math.floor(nodes / 2) + 1;
  const kept = random.below(3) === 0 ? nodes : least;
  const quorum: string[] = [];
  while (quorum.length < kept) {
    const name = names[random.below(nodes)] ?? 'node1';
    if (!quorum.includes(name)) quorum.push(name);
  }
  return quorum;
}

function groupSetting(name: string, random: Random): GroupSetting {
  const paths = random.below(4) === 0 ? ['a', 'b'] : ['a'];
  const target: { -readonly [K in keyof TargetOptions]?: TargetOptions[K] } = {};
  if (random.below(6) === 0) target.abort = false;
  if (random.below(8) === 0) target.aptpl = false;
  if (random.below(3) === 0) target.writeCache = false;
  return { name, paths, target, queues: random.below(2) === 0 };
}

/** Some seeds are calm with a few faults, in others everything comes at once. */
function strikesOf(
  random: Random,
  safetyMs: Millis,
  allowed: readonly FaultName[],
): readonly Strike[] {
  const faults = FAULTS.filter(({ name }) => allowed.includes(name));
  const meanGapMs = 60 + random.below(1_400);
  const strikes: Strike[] = [];
  let atMs = random.below(meanGapMs);
  while (atMs < safetyMs && faults.length > 0) {
    const fault = weighed(random, faults);
    strikes.push({
      atMs,
      fault: fault.name,
      forMs: 10 + random.below(fault.longestMs),
      aim: AIMS[random.below(AIMS.length)] ?? 'any',
      host: random.below(60),
      other: random.below(60),
      group: random.below(60),
      amount: random.below(1_000),
    });
    atMs += random.below(4) === 0 ? random.below(40) : random.below(2 * meanGapMs);
  }
  return strikes;
}
