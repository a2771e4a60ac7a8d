/**
 * Histories of up to sixty commands on three real cores: messages are delivered, lost and repeated in
 * any order, writes reach the disk or are lost with the power, members change, leaders hand over. Every
 * invariant is checked after each step; afterwards everything is mended and the cluster has to go on.
 *
 * A history that fails is shrunk to the commands that matter and printed with seed, path and replay
 * path: HOLDFAST_SEED, HOLDFAST_PATH and HOLDFAST_REPLAY_PATH take them.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { membersOf } from '../../src/raft/configuration.ts';
import { HandCluster, type Sabotage } from './hand-cluster.ts';
import { compare, histories, type Model, propose } from './history-commands.ts';
import { runs } from './property-runs.ts';

const REPLAY_PATH = process.env['HOLDFAST_REPLAY_PATH'] ?? null;
const PATH = process.env['HOLDFAST_PATH'];
/** Elections may fail for stickiness and ranks before one is won. */
const RECOVERY_MS = 5_000;

/** Nobody has been elected; a leads; a leads, and c is down and needs what is in the snapshot only. */
type Start = 'led' | 'cold' | 'behind';
const start: fc.Arbitrary<Start> = fc.constantFrom('led', 'cold', 'behind');
/** So few entries stay below a snapshot that who lags a little needs the snapshot. */
const RAFT = { maxUncommittedBytes: 150 };

/** What was seen over many histories: a world in which nothing happens would prove nothing. */
type Seen = {
  committed: number;
  changes: number;
  reads: number;
  snapshots: number;
  leaders: number;
};

function world(from: Start, sabotage: Sabotage | null): { model: Model; real: HandCluster } {
  const real = new HandCluster({ raft: RAFT, ...(sabotage === null ? {} : { sabotage }) });
  const model: Model = { committed: [], proposed: new Set(), cluster: real };
  if (from !== 'cold') {
    real.deadline('a');
    real.settle();
  }
  if (from === 'behind') {
    real.crash('c');
    for (let i = 0; i < 6; i += 1) {
      propose(model, 'a');
      real.settle();
    }
    for (const id of ['a', 'b']) real.compact(id);
    real.settle();
  }
  compare(model);
  return { model, real };
}

/** All are up and hear each other: a proposal must come through, and all must become one. */
function recovers(model: Model): void {
  const { cluster } = model;
  for (const id of cluster.nodes.keys()) cluster.restart(id);
  const enough = cluster.committed + 2;
  const isOne = (): boolean => {
    const { leader } = cluster;
    if (leader === null || cluster.committed < enough) return false;
    const { configuration, commitIndex } = cluster.status(leader);
    if (configuration.outgoing.length > 0) return false;
    return membersOf(configuration).every((id) => cluster.node(id).appliedIndex === commitIndex);
  };
  for (const until = cluster.now + RECOVERY_MS; !isOne() && cluster.now < until; ) {
    const { leader } = cluster;
    if (leader !== null && cluster.committed < enough) propose(model, leader);
    cluster.run(50, isOne);
    compare(model);
  }
  if (isOne()) return;
  const stories = [...cluster.nodes.keys()].map((id) => JSON.stringify(cluster.status(id)));
  throw new Error(`not one cluster after ${RECOVERY_MS} ms:\n${stories.join('\n')}`);
}

function property(sabotage: Sabotage | null, seen?: Seen) {
  return fc.property(start, histories(REPLAY_PATH), (from, commands) => {
    const parts = world(from, sabotage);
    fc.modelRun(() => parts, commands);
    recovers(parts.model);
    if (seen !== undefined) note(seen, parts);
  });
}

function note(seen: Seen, { model, real }: { model: Model; real: HandCluster }): void {
  const count = (kind: string): number =>
    model.committed.filter((entry) => entry.kind === kind).length;
  seen.committed += count('command');
  seen.changes += count('configuration');
  seen.leaders += count('no-op');
  seen.reads += real.confirmed.length;
  seen.snapshots += real.sent.filter(({ kind }) => kind === 'snapshot').length;
}

describe('a history of up to sixty commands', () => {
  test('breaks no invariant, and leaves a cluster that goes on', () => {
    const seen: Seen = { committed: 0, changes: 0, reads: 0, snapshots: 0, leaders: 0 };
    const parameters = runs(1_500);
    const { numRuns } = parameters;
    fc.assert(
      property(null, seen),
      PATH === undefined ? parameters : { ...parameters, path: PATH },
    );
    if (PATH !== undefined) return;
    console.log(`${numRuns} histories: ${JSON.stringify(seen)}`);
    expect(seen.committed).toBeGreaterThan(numRuns);
    expect(seen.leaders).toBeGreaterThan(numRuns);
    expect(seen.changes).toBeGreaterThan(numRuns / 10);
    expect(seen.reads).toBeGreaterThan(numRuns / 10);
    expect(seen.snapshots).toBeGreaterThan(numRuns / 10);
  });
});

describe('control: what is switched off is found, and shrinks to what matters', () => {
  const CONTROLS: readonly (readonly [Sabotage, RegExp, number])[] = [
    ['messages-before-sync', /CommittedOnQuorum|OneVotePerTerm/, 8],
    ['log-forgotten', /LeaderCompleteness|CommittedOnQuorum|not one cluster/, 12],
    ['vote-forgotten-at-restart', /OneVotePerTerm|ElectionSafety/, 30],
  ];
  test.each(CONTROLS)('%s', (sabotage, finds, atMost) => {
    const found = fc.check(property(sabotage), { seed: 1, numRuns: 10_000 });
    expect(found.failed).toBe(true);
    expect(String(found.errorInstance)).toMatch(finds);
    const [from, commands] = found.counterexample ?? [];
    const ran = `${commands}`.replace(/ \/\*.*/, '').split(/,(?! )/);
    console.log(`${sabotage}, from ${from}: ${ran.join('; ')}`);
    expect(ran.length).toBeLessThanOrEqual(atMost);
  });
});
