/**
 * A cluster that grows from one voter to seven and shrinks to one again, under load, in bad weather:
 * nothing that was acknowledged is lost. Raft §6; thesis §4.2.1 (new members come as learners first).
 */
import { expect, test } from 'vitest';
import { known } from '../../src/lib/assert.ts';
import type { NodeId } from '../../src/lib/ids.ts';
import { isSameSet } from '../../src/raft/configuration.ts';
import type { ChangeTarget, RaftStatus } from '../../src/raft/types.ts';
import { configuration } from './bench.ts';
import { Cluster } from './simulation/cluster.ts';
import { digested, type Host } from './simulation/host.ts';

const SEVEN = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
/** For one step of an operator. Crashes of voters, one after the other, are part of it. */
const STEP_MS = 20_000;

class Scene {
  readonly cluster: Cluster;
  /** Proposals whose proposer saw them committed, by index. */
  readonly acknowledged = new Map<number, number>();
  readonly #accepted = new Map<string, number>();
  #stopped = false;

  constructor(seed: number) {
    this.cluster = new Cluster(seed, configuration(['a']), SEVEN, 'none', {
      compactEvery: 60,
      watch: (_host, _events, ready) => {
        for (const { proposalId, index, term } of ready.accepted) {
          this.#accepted.set(`${index}/${term}`, proposalId);
        }
        if (ready.role !== 'leader') return;
        for (const { index, kind, term } of ready.committed) {
          if (kind !== 'command') continue;
          const proposalId = this.#accepted.get(`${index}/${term}`);
          if (proposalId !== undefined) this.acknowledged.set(index, proposalId);
        }
      },
    });
    const { network } = this.cluster;
    network.weather = { ...network.weather, lossPercent: 3, duplicatePercent: 3, maxDelayMs: 4 };
    for (const host of this.cluster.hosts) host.start();
    this.#every(7, () => this.#atLeader((leader) => this.cluster.propose(leader)));
    this.#every(300, () => this.#crash(this.cluster.pick(this.cluster.hosts)));
  }

  get leader(): Host | undefined {
    return this.cluster.hosts.findLast((host) => host.core?.status().role === 'leader');
  }

  /** Ends load and crashes, and lets everything settle. */
  settle(): void {
    this.#stopped = true;
    this.run(2000);
  }

  run(ms: number): void {
    this.cluster.timeline.run(this.cluster.timeline.now + ms);
  }

  until(holds: (leader: RaftStatus) => boolean): void {
    const { timeline } = this.cluster;
    const now = (): boolean => {
      const status = this.leader?.core?.status();
      return status !== undefined && holds(status);
    };
    expect(timeline.run(timeline.now + STEP_MS, now)).toBe(true);
  }

  /** Asks whoever leads, again and again, until that is the committed configuration. */
  reach(targetOf: (status: RaftStatus) => ChangeTarget): void {
    let target: ChangeTarget | null = null;
    const ask = (): void => {
      this.#atLeader((leader, status) => {
        target ??= targetOf(status);
        this.cluster.change(leader, target);
      });
    };
    let sinceMs = Number.NEGATIVE_INFINITY;
    this.until(({ commitIndex, configuration: now, configurationIndex }) => {
      const reached =
        target !== null &&
        now.outgoing.length === 0 &&
        configurationIndex <= commitIndex &&
        isSameSet(now.voters, target.voters) &&
        isSameSet(now.learners, target.learners);
      if (!reached && this.cluster.timeline.now > sinceMs + 25) {
        sinceMs = this.cluster.timeline.now;
        ask();
      }
      return reached;
    });
  }

  #atLeader(run: (leader: Host, status: RaftStatus) => void): void {
    const { leader } = this;
    const status = leader?.core?.status();
    if (leader !== undefined && status !== undefined) run(leader, status);
  }

  #crash(host: Host): void {
    host.crash();
    this.cluster.timeline.after(this.cluster.random.below(120), () => host.start());
  }

  #every(meanMs: number, run: () => void): void {
    const again = (): void => {
      if (this.#stopped) return;
      run();
      this.cluster.timeline.after(this.cluster.random.below(2 * meanMs) + 0.1, again);
    };
    this.cluster.timeline.after(meanMs, again);
  }
}

const grow = (scene: Scene, id: NodeId): void => {
  scene.reach(({ configuration: { voters } }) => ({ voters, learners: [id] }));
  scene.until(({ commitIndex, followers }) =>
    followers.some(({ matchIndex, node }) => node === id && matchIndex >= commitIndex - 3),
  );
  scene.reach(({ configuration: { voters } }) => ({ voters: [...voters, id], learners: [] }));
};

/** The leader itself goes, so that each step is also a change of leader. */
const shrink = (scene: Scene): void =>
  scene.reach(({ configuration: { voters }, leader }) => ({
    voters: voters.filter((id) => id !== leader),
    learners: [],
  }));

function growAndShrink(seed: number): Scene {
  const scene = new Scene(seed);
  for (const id of SEVEN.slice(1)) {
    grow(scene, id);
    scene.run(400);
  }
  expect(scene.leader?.core?.status().configuration.voters).toHaveLength(7);
  for (let left = 7; left > 1; left -= 1) {
    shrink(scene);
    scene.run(400);
  }
  scene.settle();
  expect(scene.cluster.violations).toEqual([]);
  return scene;
}

/** What the last voter holds must be what was committed, with everything in it that was acknowledged. */
function lost({ acknowledged, cluster, leader }: Scene): readonly string[] {
  const problems: string[] = [];
  const held = leader?.applied ?? { index: 0, digest: 0 };
  let digest = 0;
  for (let index = 1; index <= held.index; index += 1) {
    const entry = cluster.committedAt(index);
    if (entry === null) return [`nothing was committed at ${index}`];
    digest = digested(digest, entry);
  }
  if (digest !== held.digest) problems.push('the last voter holds something else');
  for (const [index, proposalId] of acknowledged) {
    const entry = index <= held.index ? cluster.committedAt(index) : null;
    const there =
      entry?.kind === 'command' ? new DataView(entry.data.buffer).getUint32(0) : undefined;
    if (there !== proposalId) problems.push(`${proposalId}, acknowledged at ${index}, is lost`);
  }
  return problems;
}

test.each([1, 2, 3])('from one voter to seven and back, seed %i', { timeout: 60_000 }, (seed) => {
  const scene = growAndShrink(seed);
  const last = scene.leader;
  expect(last?.core?.status().configuration.voters).toEqual([last?.id]);
  expect(scene.acknowledged.size).toBeGreaterThan(500);
  expect(lost(scene)).toEqual([]);
});

test('the removal of a leader costs a few round trips, and not a timeout', () => {
  const cluster = new Cluster(1, configuration(), ['a', 'b', 'c'], 'none');
  for (const host of cluster.hosts) host.start();
  cluster.timeline.run(1000);
  const leader = (): Host | undefined =>
    cluster.hosts.find(({ core }) => core?.status().role === 'leader');
  expect(leader()?.id).toBe('a');
  cluster.change(known(leader(), 'a'), { voters: ['b', 'c'], learners: [] });
  cluster.timeline.run(1035);
  expect(leader()?.core?.status()).toMatchObject({ term: 2, configuration: { outgoing: [] } });
  expect(cluster.violations).toEqual([]);
});

test('control: what is not there, or is another one, is called lost', { timeout: 60_000 }, () => {
  const scene = growAndShrink(4);
  const [first = 0] = scene.acknowledged.keys();
  scene.acknowledged.set(first, 123_456);
  scene.acknowledged.set(1_000_000, 1);
  expect(lost(scene)).toEqual([
    `123456, acknowledged at ${first}, is lost`,
    '1, acknowledged at 1000000, is lost',
  ]);
});
