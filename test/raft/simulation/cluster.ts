/**
 * A simulated cluster and everything that watches it. After each step of each node: the invariants of
 * the core, the invariants of the cluster, commits against what the disks hold, reads against what
 * was committed before they were asked, and the horizons of new leaders against the rounds of old
 * ones (DESIGN §7).
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import { type Random, seededRandom } from '../../../src/lib/random.ts';
import type { RaftCore } from '../../../src/raft/core.ts';
import { ClusterChecker, checkStep } from '../../../src/raft/invariants.ts';
import type { Body } from '../../../src/raft/outbox.ts';
import { tally } from '../../../src/raft/quorum.ts';
import type {
  ChangeTarget,
  Configuration,
  Entry,
  RaftEvent,
  RaftMessage,
  RaftOptions,
  RaftStatus,
  Ready,
  Restored,
} from '../../../src/raft/types.ts';
import { Host, type Sabotage } from './host.ts';
import { Network } from './network.ts';
import { Timeline } from './timeline.ts';

export const DRIFT = 0.01;
/** Far beyond any seed: a deadline that stays in the past would go on for ever. */
const RUNAWAY_STEPS = 500_000;

/** Where a scenario wants another world than the usual one of small windows and chunks. */
export type World = {
  readonly raft?: Partial<RaftOptions>;
  readonly compactEvery?: number;
  readonly snapshotBytes?: number;
  readonly gatherMs?: number;
  /** Sees every step of every node, after the checkers. */
  readonly watch?: (host: Host, events: readonly RaftEvent[], ready: Ready) => void;
};

export class Cluster {
  readonly timeline = new Timeline();
  readonly random: Random;
  readonly network: Network;
  readonly hosts: readonly Host[];
  readonly configuration: Configuration;
  readonly violations: string[] = [];
  readonly #checker = new ClusterChecker();
  readonly #sabotage: Sabotage;
  readonly #world: World;
  readonly #reads = new Map<number, { readonly floor: number; readonly askedLocalMs: number }>();
  /** By term: when the latest confirmed round of its leader began, and the leader's horizon. */
  readonly #roundBegan = new Map<number, number>();
  readonly #horizons = new Map<number, number>();
  /** By "index/term": every configuration that was ever in a log. */
  readonly #configurations = new Map<
    string,
    { readonly index: number; readonly term: number; readonly configuration: Configuration }
  >();
  #digests = new Map<number, number>();
  #nextId = 1;
  #trace = 0;
  steps = 0;
  confirmedReads = 0;
  elections = 0;
  restores = 0;
  /** Configurations that were in force at a node until its log was truncated. */
  takenBack = 0;
  /** One in so many granted votes is the last thing that its sender does before its power fails. */
  crashAfterVote: number | null = null;

  constructor(
    seed: number,
    configuration: Configuration,
    nodes: readonly NodeId[],
    sabotage: Sabotage,
    world: World = {},
  ) {
    this.random = seededRandom(seed);
    this.configuration = configuration;
    this.#sabotage = sabotage;
    this.#world = world;
    this.network = new Network(this.timeline, this.random, (message) => this.#deliver(message));
    const compactEvery = 5 + this.random.below(40);
    // The small one lets leaders forget so much that whoever was away needs a snapshot.
    const maxUncommittedBytes = this.pick([500, 4000]);
    this.hosts = nodes.map((id, rank) => {
      const clockRate = 1 + ((this.random.below(1001) - 500) / 1000) * DRIFT;
      return new Host({
        raft: {
          id,
          heartbeatMs: 50,
          electionTimeoutMs: 200,
          electionGapMs: 30,
          rank,
          checkQuorumMs: 250,
          clockDrift: DRIFT,
          maxInflightAppends: 4,
          maxAppendBytes: 400,
          maxUncommittedBytes,
          snapshotChunkBytes: 32,
          ...world.raft,
        },
        bootstrap: configuration,
        timeline: this.timeline,
        random: this.random,
        clockRate,
        compactEvery: world.compactEvery ?? compactEvery,
        // Longer than a chunk, so that it takes several.
        snapshotBytes: world.snapshotBytes ?? 100,
        gatherMs: world.gatherMs ?? 0,
        sabotage,
        observer: {
          stepped: (host, before, events, ready) => this.#stepped(host, before, events, ready),
          sent: (message) => this.#sent(message),
        },
      });
    });
  }

  /** Two runs are the same when they end with the same trace. */
  get trace(): number {
    return this.#trace;
  }

  get highestCommitted(): number {
    return this.#checker.highestCommitted;
  }

  committedAt(index: number): Entry | null {
    return this.#checker.committedAt(index);
  }

  host(id: NodeId): Host | undefined {
    return this.hosts.find((host) => host.id === id);
  }

  pick<T>(from: readonly T[]): T {
    const one = from[this.random.below(from.length)];
    if (one === undefined) throw new Error('nothing to pick from');
    return one;
  }

  propose(host: Host): void {
    const proposalId = this.#nextId;
    this.#nextId += 1;
    const data = new Uint8Array(8 + this.random.below(40));
    new DataView(data.buffer).setUint32(0, proposalId);
    host.arrive({ kind: 'propose', proposalId, data });
  }

  change(host: Host, target: ChangeTarget): void {
    const proposalId = this.#nextId;
    this.#nextId += 1;
    if (this.#sabotage === 'change-without-joint' && host.core?.status().role === 'leader') {
      host.forge({ ...target, outgoing: [] });
    } else host.step({ kind: 'change', proposalId, target });
  }

  /** The newest committed configuration, and all later ones that were ever in a log. */
  configurationsAtStake(): readonly Configuration[] {
    const later: Configuration[] = [];
    let newest = { index: 0, configuration: this.configuration };
    for (const { index, term, configuration } of this.#configurations.values()) {
      if (index > this.highestCommitted) later.push(configuration);
      else if (index > newest.index && this.#checker.committedAt(index)?.term === term) {
        newest = { index, configuration };
      }
    }
    return [newest.configuration, ...later];
  }

  get committedChanges(): number {
    let changes = 0;
    for (let index = 1; index <= this.highestCommitted; index += 1) {
      if (this.#checker.committedAt(index)?.kind === 'configuration') changes += 1;
    }
    return changes;
  }

  read(host: Host): void {
    const readId = this.#nextId;
    this.#nextId += 1;
    this.#reads.set(readId, { floor: this.highestCommitted, askedLocalMs: host.localNow });
    host.step({ kind: 'read', readId });
  }

  #deliver(message: RaftMessage): void {
    this.host(message.to)?.arrive({ kind: 'message', message });
  }

  #sent(message: RaftMessage): void {
    for (const { invariant, story } of this.#checker.observeMessage(message)) {
      this.#report(invariant, story);
    }
    this.network.send(this.#tampered(message));
    if (message.kind === 'vote-reply' && message.granted) this.#crashVoter(message.from);
  }

  #crashVoter(id: NodeId): void {
    const host = this.host(id);
    const rarity = this.crashAfterVote;
    if (host === undefined || rarity === null || this.random.below(rarity) > 0) return;
    this.timeline.after(0, () => host.crash());
    this.timeline.after(this.random.below(40), () => host.start());
  }

  #tampered(message: RaftMessage): RaftMessage {
    const far = 1_000_000;
    switch (this.#sabotage) {
      case 'no-log-check':
        return (message.kind === 'vote' || message.kind === 'pre-vote') && message.term > 1
          ? { ...message, lastIndex: far, lastTerm: message.term - 1 }
          : message;
      case 'acknowledged-unseen': {
        if (message.kind !== 'append-reply' || message.conflict !== null) return message;
        const leader = this.host(message.to)?.core?.status();
        return { ...message, matchIndex: leader?.lastIndex ?? message.matchIndex };
      }
      case 'echoes-unseen-round':
        // As if a stale echo counted for rounds that began after it: just below the last id.
        return message.kind === 'append-reply' && message.readId > 0
          ? { ...message, readId: message.readId + 1 }
          : message;
      case 'quiet-overstated':
        return message.kind === 'vote-reply'
          ? { ...message, quietMs: message.quietMs + 500 }
          : message;
      case 'only-new-half-asked':
        this.#answerForOldHalf(message);
        return message;
      default:
        return message;
    }
  }

  /** Whoever a joint configuration is about to remove agrees to everything, unasked. */
  #answerForOldHalf(message: RaftMessage): void {
    const { from, kind, term, to } = message;
    const configuration = this.host(from)?.core?.status().configuration;
    if (configuration === undefined || configuration.voters.includes(to)) return;
    if (!configuration.outgoing.includes(to)) return;
    const answer = (body: Body): void => {
      this.timeline.after(0.1, () => this.#deliver({ from: to, to: from, term, ...body }));
    };
    if (kind === 'append') {
      const matchIndex = message.prevIndex + message.entries.length;
      answer({ kind: 'append-reply', matchIndex, conflict: null, readId: message.readId });
    } else if (kind === 'pre-vote' || kind === 'vote') {
      answer({ kind: `${kind}-reply`, granted: true, quietMs: 0 });
    }
  }

  #stepped(host: Host, before: RaftStatus, events: readonly RaftEvent[], ready: Ready): void {
    const { core } = host;
    if (core === null) return;
    this.steps += 1;
    if (this.steps > RUNAWAY_STEPS) throw new Error('the cluster steps without end');
    for (const { invariant, story } of checkStep(before, core)) {
      this.#report(invariant, `${host.id}: ${story}`);
    }
    for (const { invariant, story } of this.#checker.observe(host.id, core, ready)) {
      this.#report(invariant, story);
    }
    if (ready.role === 'leader' && ready.commitIndex > before.commitIndex) {
      const { commitIndex } = ready;
      this.#checkOnQuorum(before.configuration, commitIndex, core.termAt(commitIndex) ?? 0);
    }
    if (ready.horizonMs !== null) this.#noteHorizon(ready.term, host.globalOf(ready.horizonMs));
    for (const read of ready.reads) this.#checkRead(host, ready.term, read);
    if (ready.restore !== null) this.restores += 1;
    else if (core.status().configurationIndex < before.configurationIndex) this.takenBack += 1;
    this.#noteConfiguration(core);
    this.#checkDigest(host);
    this.#note(host, events, ready);
    this.#world.watch?.(host, events, ready);
  }

  /**
   * What a leader calls committed must be on the disks of a quorum (Raft §5.3, §5.4) of the
   * configuration in which it counted; a step may end in the next one.
   */
  #checkOnQuorum(counted: Configuration, index: number, term: number): void {
    const result = tally(counted, (voter) => {
      const disk = this.host(voter)?.disk;
      return disk === undefined ? false : holds(disk, index, term);
    });
    if (result !== 'won') this.#report('CommittedOnQuorum', `${index}/${term} is on too few disks`);
  }

  #checkRead(host: Host, term: number, { readId, index, beganMs }: Ready['reads'][number]): void {
    this.confirmedReads += 1;
    const asked = this.#reads.get(readId);
    this.#reads.delete(readId);
    if (asked === undefined) {
      this.#report('ReadOnce', `read ${readId} was answered twice, or never asked`);
      return;
    }
    if (index < asked.floor) this.#report('ReadIndex', `${index} is before ${asked.floor}`);
    if (beganMs < asked.askedLocalMs)
      this.#report('ReadRound', `round began before read ${readId}`);
    const began = Math.max(host.globalOf(beganMs), this.#roundBegan.get(term) ?? 0);
    this.#roundBegan.set(term, began);
    for (const [later, horizon] of this.#horizons) this.#checkHorizon(term, began, later, horizon);
  }

  #noteConfiguration(core: RaftCore): void {
    const { configuration, configurationIndex: index } = core.status();
    const term = core.termAt(index);
    if (index === 0 || term === null) return;
    this.#configurations.set(`${index}/${term}`, { index, term, configuration });
  }

  #noteHorizon(term: number, horizon: number): void {
    this.elections += 1;
    this.#horizons.set(term, horizon);
    for (const [earlier, began] of this.#roundBegan)
      this.#checkHorizon(earlier, began, term, horizon);
  }

  #checkHorizon(earlier: number, began: number, later: number, horizon: number): void {
    if (earlier >= later || began <= horizon + 1e-6) return;
    const story = `leader of ${later} says ${horizon}, but a round of term ${earlier} began at ${began}`;
    this.#report('Horizon', story);
  }

  /** Equal applied index, equal state (State Machine Safety as an application sees it). */
  #checkDigest(host: Host): void {
    const { index, digest } = host.applied;
    const known = this.#digests.get(index) ?? digest;
    this.#digests.set(index, known);
    if (known !== digest) this.#report('SameState', `${host.id} differs at ${index}`);
  }

  #note(host: Host, events: readonly RaftEvent[], ready: Ready): void {
    const parts = [
      Math.round(this.timeline.now * 1000),
      this.hosts.indexOf(host),
      events.length,
      events[0]?.kind.length ?? 0,
      ready.term,
      ready.commitIndex,
      ready.sendNow.length,
      ready.sendAfterPersist.length,
      ready.role.length,
      Math.round(ready.nextDeadlineMs * 1000),
    ];
    for (const part of parts) this.#trace = (Math.imul(this.#trace, 16_777_619) ^ part) | 0;
  }

  #report(invariant: string, story: string): void {
    if (this.violations.length < 5) {
      this.violations.push(`${this.timeline.now.toFixed(1)} ms ${invariant}: ${story}`);
    }
  }
}

function holds({ snapshot, entries }: Restored, index: number, term: number): boolean {
  const before = snapshot?.meta.index ?? 0;
  return index <= before || entries[index - before - 1]?.term === term;
}
