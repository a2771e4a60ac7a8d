/**
 * One random history of a cluster in memory, from a seed: first anything may happen and nothing may
 * break, then everything is healed and every group must be served again. Answers with what broke.
 */
import type { Sabotage } from '../../src/config/types.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { Invariants } from './invariants.ts';
import { groupNamed, MemoryCluster } from './memory-cluster.ts';
import { Nemesis } from './nemesis.ts';
import { unsettled } from './nemesis-members.ts';

export type RunOutcome = {
  readonly seed: number;
  readonly broken: readonly string[];
  readonly log: readonly string[];
  readonly virtualMs: number;
};

export type RunOptions = {
  readonly seed: number;
  readonly sabotage?: readonly Sabotage[];
  /** Members come and go, too. */
  readonly members?: boolean;
  readonly trace?: (line: string) => void;
};

const STEP_MS = 5;
const BOOT_LIMIT_MS = 20_000;
const LIVE_LIMIT_MS = 60_000;
const CALM_MS = 1_500;

export async function randomRun({
  seed,
  sabotage,
  members = false,
  trace,
}: RunOptions): Promise<RunOutcome> {
  const random = seededRandom(seed);
  const nodes = random.below(4) === 0 ? 5 : 3;
  const names = ['g', 'h', 'k'].slice(0, 1 + random.below(3));
  const groups = names.map((name, i) => groupNamed(name, [`node${i + 1}`]));
  const compactEvery = random.below(2) === 0 ? 2_000 : 3 + random.below(30);
  const spare = members ? 1 + random.below(3) : 0;
  const options = { nodes, spare, groups, seed, compactEvery };
  const cluster = new MemoryCluster({ ...options, sabotage: sabotage ?? [] });
  cluster.traced = trace ?? null;
  const invariants = new Invariants(cluster);
  const nemesis = new Nemesis(cluster, random, { members });
  const startMs = cluster.clock.now();
  let broken: readonly string[] = [];
  /** Lets time pass until the predicate holds, looking at the world at every step. */
  const pass = async (forMs: number, holds: () => boolean): Promise<boolean> => {
    const endMs = cluster.clock.now() + forMs;
    while (cluster.clock.now() < endMs && broken.length === 0) {
      if (holds()) return true;
      await cluster.clock.advance(STEP_MS);
      broken = invariants.broken();
    }
    return holds();
  };
  const served = (): boolean => names.every((name) => cluster.serving(name) !== null);
  cluster.start();
  if (!(await pass(BOOT_LIMIT_MS, served))) broken = [...broken, 'was never served'];
  const strikes = 4 + random.below(12) * (1 + random.below(3));
  for (let strike = 0; strike < strikes && broken.length === 0; strike += 1) {
    nemesis.strike();
    await pass(random.below(3) === 0 ? random.below(50) : random.below(1_000), () => false);
  }
  if (broken.length === 0) {
    nemesis.healAll();
    const operatorsEndMs = cluster.clock.now() + 2_500;
    const settled = (): boolean =>
      cluster.clock.now() >= operatorsEndMs &&
      served() &&
      (!members || unsettled(cluster) === null);
    const again = await pass(LIVE_LIMIT_MS, settled);
    if (!again && broken.length === 0) {
      const late = members ? unsettled(cluster) : null;
      broken = [late ?? 'a group is not served after everything healed'];
    }
    const epochs = (): string => names.map((name) => epochOf(cluster, name)).join(' ');
    // What was under way when it healed (a move, a hung stop) may still play out.
    await pass(4_000, () => false);
    const before = epochs();
    await pass(CALM_MS, () => false);
    if (broken.length === 0 && !served()) broken = ['a group is not served in calm weather'];
    if (broken.length === 0 && epochs() !== before) broken = ['a group moves in calm weather'];
  }
  const virtualMs = cluster.clock.now() - startMs;
  cluster.end();
  return { seed, broken, log: cluster.log, virtualMs };
}

function epochOf(cluster: MemoryCluster, group: string): number {
  return Math.max(
    ...cluster.hosts
      .filter((host) => host.running)
      .map((host) => host.driver.replica.state.groups[group]?.epoch ?? 0),
  );
}
