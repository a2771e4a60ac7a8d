/**
 * A follower far behind, beside a cluster that is at work: what it is sent must delay neither the
 * heartbeats nor the commits of the others (DESIGN §5). Each simulated machine sends one byte after
 * the other, so that bulk delays what stands behind it.
 */
import { expect, test } from 'vitest';
import type { NodeId } from '../../src/lib/ids.ts';
import type { RaftOptions } from '../../src/raft/types.ts';
import { configuration } from './bench.ts';
import { Cluster } from './simulation/cluster.ts';

const CHUNK_BYTES = 48 * 1024;
const STATE_BYTES = 4 * 1024 * 1024;
const RAFT: Partial<RaftOptions> = {
  maxInflightAppends: 64,
  maxAppendBytes: 256 * 1024,
  maxUncommittedBytes: 4 * 1024 * 1024,
  snapshotChunkBytes: CHUNK_BYTES,
};
/** 20 MB/s: a chunk takes 2.5 ms, the whole state a fifth of a second. */
const BYTES_PER_MS = 20_000;

class Scene {
  readonly cluster: Cluster;
  /** The longest that b or c, in touch with the leader all the time, did not hear it. */
  longestSilenceMs = 0;
  longestCommitMs = 0;
  chunks = 0;
  /** From when on is measured. */
  #sinceMs = Number.POSITIVE_INFINITY;
  readonly #heardMs = new Map<NodeId, number>();
  readonly #acceptedMs = new Map<number, number>();

  constructor(raft: Partial<RaftOptions>) {
    this.cluster = new Cluster(
      1,
      configuration(['a', 'b', 'c'], [], ['d']),
      ['a', 'b', 'c', 'd'],
      'none',
      {
        raft: { ...RAFT, ...raft },
        compactEvery: 100,
        snapshotBytes: STATE_BYTES,
        watch: (host, events, ready) => {
          const { now } = this.cluster.timeline;
          for (const { index } of ready.accepted) this.#acceptedMs.set(index, now);
          if (ready.role === 'leader') this.#committed(ready.committed, now);
          for (const event of events) {
            if (event.kind !== 'message') continue;
            if (event.message.kind === 'append') this.#heard(host.id, now);
            if (event.message.kind === 'snapshot') this.chunks += 1;
          }
        },
      },
    );
    this.cluster.network.bytesPerMs = BYTES_PER_MS;
    for (const host of this.cluster.hosts) host.start();
  }

  measureFromNow(): void {
    this.#sinceMs = this.cluster.timeline.now;
  }

  /** Proposes to whoever leads, every `everyMs`, until `untilMs`. */
  load(everyMs: number, untilMs: number): void {
    const { timeline } = this.cluster;
    const again = (): void => {
      if (timeline.now >= untilMs) return;
      const leader = this.cluster.hosts.find(({ core }) => core?.status().role === 'leader');
      if (leader !== undefined) this.cluster.propose(leader);
      timeline.after(everyMs, again);
    };
    again();
  }

  isolate(id: NodeId): void {
    for (const { id: other } of this.cluster.hosts) {
      this.cluster.network.cut(id, other);
      this.cluster.network.cut(other, id);
    }
  }

  matchOf(id: NodeId): number {
    for (const { core } of this.cluster.hosts) {
      const follower = core?.status().followers.find(({ node }) => node === id);
      if (follower !== undefined) return follower.matchIndex;
    }
    return 0;
  }

  #heard(id: NodeId, now: number): void {
    const before = this.#heardMs.get(id);
    this.#heardMs.set(id, now);
    if (before === undefined || before < this.#sinceMs || id === 'd') return;
    this.longestSilenceMs = Math.max(this.longestSilenceMs, now - before);
  }

  #committed(entries: readonly { readonly index: number }[], now: number): void {
    for (const { index } of entries) {
      const acceptedMs = this.#acceptedMs.get(index) ?? Number.POSITIVE_INFINITY;
      if (acceptedMs < this.#sinceMs) continue;
      this.longestCommitMs = Math.max(this.longestCommitMs, now - acceptedMs);
    }
  }
}

/** The learner d misses six hundred entries and the snapshot after them, and then comes back. */
function comesBack(raft: Partial<RaftOptions> = {}): {
  readonly scene: Scene;
  readonly tookMs: number;
} {
  const scene = new Scene(raft);
  const { cluster } = scene;
  scene.isolate('d');
  scene.load(5, 3000);
  cluster.timeline.run(3500);
  const behind = cluster.highestCommitted;
  expect(behind).toBeGreaterThan(500);
  scene.measureFromNow();
  cluster.network.mendAll();
  scene.load(70, 8000);
  cluster.timeline.run(8000, () => scene.matchOf('d') >= behind);
  expect(scene.matchOf('d')).toBeGreaterThanOrEqual(behind);
  expect(scene.cluster.violations).toEqual([]);
  return { scene, tookMs: cluster.timeline.now - 3500 };
}

test('heartbeats and commits of the others stay on time while a learner catches up', () => {
  const { scene, tookMs } = comesBack();
  expect(scene.chunks).toBeGreaterThanOrEqual(STATE_BYTES / CHUNK_BYTES);
  // A heartbeat interval, the network, and at most one chunk in the way.
  expect(scene.longestSilenceMs).toBeLessThan(50 + 2 + 3);
  // Two ways, a write of the leader's or the other follower's, a compaction, one chunk.
  expect(scene.longestCommitMs).toBeLessThan(15);
  // Four chunks of 48 KiB in each 50 ms: a little over a second for all.
  expect(tookMs).toBeLessThan(1500);
});

test('control: without chunks it would delay both, and the measurement sees it', () => {
  const { scene } = comesBack({ snapshotChunkBytes: STATE_BYTES });
  expect(scene.longestSilenceMs).toBeGreaterThan(150);
  expect(scene.longestCommitMs).toBeGreaterThan(150);
});

test('it catches up while so much is committed that the log is cut again and again', () => {
  const scene = new Scene({});
  const { cluster } = scene;
  scene.isolate('d');
  scene.load(5, 9000);
  cluster.timeline.run(3000);
  cluster.network.mendAll();
  const current = (): boolean => scene.matchOf('d') >= cluster.highestCommitted - 5;
  expect(cluster.timeline.run(6000, current)).toBe(true);
  expect(cluster.host('a')?.core?.status().firstIndex).toBeGreaterThan(100);
  expect(cluster.violations).toEqual([]);
});

test('it catches up through losses, and when the leader crashes half-way', () => {
  const scene = new Scene({});
  const { cluster } = scene;
  scene.isolate('d');
  scene.load(5, 3000);
  cluster.timeline.run(3000);
  cluster.network.mendAll();
  cluster.network.weather = { ...cluster.network.weather, lossPercent: 10 };
  cluster.timeline.run(3500);
  expect(scene.chunks).toBeGreaterThan(10);
  const before = cluster.highestCommitted;
  expect(scene.matchOf('d')).toBeLessThan(before);
  cluster.host('a')?.crash();
  expect(cluster.timeline.run(12_000, () => scene.matchOf('d') >= before)).toBe(true);
  expect(cluster.host('d')?.applied.index).toBeGreaterThanOrEqual(before);
  expect(cluster.violations).toEqual([]);
});
