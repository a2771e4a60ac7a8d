/**
 * One seed: a time of faults in which nothing may ever be wrong, then a time in which only a majority
 * is healthy and commits must go on, then a healed cluster that must become one again.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import type { Configuration } from '../../../src/raft/types.ts';
import { Cluster } from './cluster.ts';
import { clients, FAULTS_MS, faults } from './faults.ts';
import type { Sabotage } from './host.ts';
import { converges, majorityRecovers } from './recovery.ts';

export type Outcome = {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly trace: number;
  readonly steps: number;
  readonly elections: number;
  readonly confirmedReads: number;
  readonly committed: number;
  /** Configurations that were committed. */
  readonly changes: number;
  /** Snapshots that a leader sent and a follower restored. */
  readonly restores: number;
  /** Configurations that were in force at a node until its log was truncated. */
  readonly takenBack: number;
  /** Virtual time from the end of the faults to the first commit of a majority. */
  readonly recoveryMs: number;
};

/** Many times what a seed takes; messages that multiply pass it soon. */
const MAX_STEPS = 40_000;

export function runSeed(seed: number, sabotage: Sabotage = 'none'): Outcome {
  const { nodes, configuration } = shapeOf(seed);
  // In every second group of shapes the members change, and there are strangers to take in.
  const changing = seed % 16 >= 8;
  const cluster = new Cluster(seed, configuration, changing ? POOL : nodes, sabotage, {
    // Every third seed has drivers that hand in together what comes within a moment.
    gatherMs: seed % 3 === 2 ? 1 : 0,
  });
  for (const host of cluster.hosts) host.start();
  clients(cluster);
  faults(cluster, { changing });
  const failed = (): boolean => cluster.violations.length > 0;
  cluster.timeline.run(FAULTS_MS, failed);
  const began = cluster.timeline.now;
  let recoveryMs = 0;
  if (!failed()) {
    recoveryMs = majorityRecovers(cluster) - began;
    if (!failed()) converges(cluster);
    if (cluster.steps > MAX_STEPS) cluster.violations.push(`${cluster.steps} steps: a storm`);
  }
  return {
    seed,
    violations: cluster.violations,
    trace: cluster.trace,
    steps: cluster.steps,
    elections: cluster.elections,
    confirmedReads: cluster.confirmedReads,
    committed: cluster.highestCommitted,
    changes: cluster.committedChanges,
    restores: cluster.restores,
    takenBack: cluster.takenBack,
    recoveryMs,
  };
}

const POOL: readonly NodeId[] = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

/** Three nodes, five, one with a learner, or a joint configuration. */
function shapeOf(seed: number): {
  readonly nodes: readonly NodeId[];
  readonly configuration: Configuration;
} {
  const simple = (voters: readonly NodeId[], learners: readonly NodeId[] = []) => ({
    nodes: [...voters, ...learners],
    configuration: { voters, outgoing: [], learners },
  });
  switch (seed % 8) {
    case 0:
    case 1:
    case 2:
      return simple(['a', 'b', 'c', 'd', 'e']);
    case 3:
      return simple(['a', 'b', 'c'], ['d']);
    case 4:
      return {
        nodes: ['a', 'b', 'c', 'd', 'e'],
        configuration: { voters: ['a', 'b', 'c'], outgoing: ['c', 'd', 'e'], learners: [] },
      };
    default:
      return simple(['a', 'b', 'c']);
  }
}
