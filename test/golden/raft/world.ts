/**
 * The world of one story: machines, their network and clock, everything that watches them, and the
 * questions that a script may ask about them. It changes only through what `stage.ts` calls.
 *
 * Times are the stories' own (`../times.ts`), of the order of the product's `fast` profile.
 */
import type { Millis, NodeId } from '../../../src/lib/ids.ts';
import { seededRandom } from '../../../src/lib/random.ts';
import { membersOf } from '../../../src/raft/configuration.ts';
import type {
  ChangeTarget,
  Configuration,
  RaftMessage,
  RaftOptions,
  RaftStatus,
  Ready,
  Restored,
} from '../../../src/raft/types.ts';
import { Timeline } from '../../raft/simulation/timeline.ts';
import { StoryFailure } from '../story.ts';
import { STORY_TIMES } from '../times.ts';
import { Checks } from './checks.ts';
import { Happenings } from './happenings.ts';
import { EMPTY_DISK, Machine, type Sabotage } from './machine.ts';
import { Narrator } from './narrator.ts';
import { configurationText, dataOf } from './notation.ts';
import { Wire } from './wire.ts';

/** A story that needs more has a node that never comes to rest. */
const RUNAWAY_STEPS = 100_000;
/** The driver of the product calls a write stalled after four times CheckQuorum. */
const STALL_FACTOR = 4;

export type Limits = Pick<
  RaftOptions,
  'maxInflightAppends' | 'maxAppendBytes' | 'maxUncommittedBytes' | 'snapshotChunkBytes'
>;

export const DEFAULT_LIMITS: Limits = {
  maxInflightAppends: 64,
  maxAppendBytes: 256 * 1024,
  maxUncommittedBytes: 4 * 1024 * 1024,
  snapshotChunkBytes: 48 * 1024,
};

export type Cast = {
  readonly configuration: Configuration;
  /** Run, but belong to no configuration yet. */
  readonly spares: readonly NodeId[];
  readonly disks: ReadonlyMap<NodeId, Restored>;
  readonly limits: Limits;
  readonly sabotage: Sabotage;
  readonly seed: number;
};

export class World {
  readonly timeline = new Timeline();
  readonly machines = new Map<NodeId, Machine>();
  readonly checks = new Checks(this.machines);
  readonly happenings: Happenings;
  readonly wire: Wire;
  readonly #narrator: Narrator;
  readonly #proposals = new Map<number, string>();
  readonly #reads = new Map<number, 'open' | 'confirmed' | 'refused'>();
  readonly #refused = new Set<string>();
  #nextId = 1;
  #steps = 0;

  constructor({ configuration, spares, disks, limits, sabotage, seed }: Cast) {
    const nodes = [...membersOf(configuration), ...spares];
    const { checkQuorumMs, clockDrift, electionGapMs, electionTimeoutMs, heartbeatMs } =
      STORY_TIMES;
    this.happenings = new Happenings(nodes);
    this.#narrator = new Narrator({
      happenings: this.happenings,
      electionTimeoutMs,
      snapshotChunkBytes: limits.snapshotChunkBytes,
      proposalName: (id) => this.#proposals.get(id) ?? `proposal ${id}`,
    });
    this.wire = new Wire({
      timeline: this.timeline,
      deliver: (message) => this.machines.get(message.to)?.step({ kind: 'message', message }),
      interfered: (what, kind, message) => this.#narrator.interfered(what, kind, message),
      running: () => this.running().map(({ id }) => id),
    });
    const random = seededRandom(seed);
    for (const [rank, id] of nodes.entries()) {
      const raft = {
        ...{ id, rank, heartbeatMs, electionTimeoutMs, electionGapMs, checkQuorumMs, clockDrift },
        ...limits,
      };
      const machine = new Machine(
        {
          ...{ raft, bootstrap: configuration, timeline: this.timeline, random, sabotage },
          stallMs: checkQuorumMs * STALL_FACTOR,
          observer: {
            stepped: (who, before, event, ready, after) => {
              this.#count();
              this.checks.stepped(who, before, ready);
              this.#note(ready);
              this.#narrator.stepped({ machine: who, id, before, event, ready, after });
            },
            sent: (message) => this.#sent(message),
          },
        },
        disks.get(id) ?? EMPTY_DISK,
      );
      this.machines.set(id, machine);
    }
  }

  start(id: NodeId): void {
    if (this.machine(id).core !== null) throw new StoryFailure(`${id} runs already`);
    this.#narrator.restarted(id);
    this.machine(id).start();
  }

  /** `leader` stands for whoever leads. */
  machine(name: NodeId): Machine {
    const id = name === 'leader' ? this.leader()?.machine.id : name;
    if (id === undefined) throw new StoryFailure('nobody leads');
    const machine = this.machines.get(id);
    if (machine === undefined) throw new StoryFailure(`there is no node ${id}`);
    return machine;
  }

  running(): readonly Machine[] {
    return [...this.machines.values()].filter((machine) => machine.isRunning);
  }

  /** The status of a machine that has power, frozen or not. */
  status(id: NodeId): RaftStatus {
    const status = this.machine(id).status();
    if (status === null) throw new StoryFailure(`${id} is down`);
    return status;
  }

  /** Of those that run: who leads the newest term that anybody leads. */
  leader(): { readonly machine: Machine; readonly status: RaftStatus } | null {
    let newest: { readonly machine: Machine; readonly status: RaftStatus } | null = null;
    for (const machine of this.running()) {
      const status = machine.status();
      if (status?.role !== 'leader' || status.term <= (newest?.status.term ?? 0)) continue;
      newest = { machine, status };
    }
    return newest;
  }

  propose(label: string, at: NodeId): void {
    const proposalId = this.#begin(label === '' ? 'an entry' : `"${label}"`, at);
    this.machine(at).step({ kind: 'propose', proposalId, data: dataOf(label) });
  }

  change(target: ChangeTarget, at: NodeId): void {
    const name = `the change to ${configurationText({ ...target, outgoing: [] })}`;
    const proposalId = this.#begin(name, at);
    this.machine(at).step({ kind: 'change', proposalId, target });
  }

  read(at: NodeId): number {
    this.status(at);
    const readId = this.#reads.size + 1;
    this.#reads.set(readId, 'open');
    this.checks.asked(readId);
    this.machine(at).step({ kind: 'read', readId });
    return readId;
  }

  readState(readId: number): 'open' | 'confirmed' | 'refused' {
    const state = this.#reads.get(readId);
    if (state === undefined) throw new StoryFailure(`nobody asked for read ${readId}`);
    return state;
  }

  wasRefused(name: string): boolean {
    return this.#refused.has(name);
  }

  run(ms: Millis, done: () => boolean): boolean {
    const over = (): boolean => this.checks.violation !== null || done();
    return this.timeline.run(this.timeline.now + ms, over) && done();
  }

  #begin(name: string, at: NodeId): number {
    this.status(at);
    const id = this.#nextId;
    this.#nextId += 1;
    this.#proposals.set(id, name);
    return id;
  }

  #sent(message: RaftMessage): void {
    this.checks.sent(message);
    this.#narrator.sent(message);
    this.wire.send(message);
  }

  #note({ reads, readsRejected, rejected }: Ready): void {
    for (const { readId } of reads) this.#reads.set(readId, 'confirmed');
    for (const { readId } of readsRejected) this.#reads.set(readId, 'refused');
    for (const { proposalId } of rejected) {
      this.#refused.add(this.#proposals.get(proposalId) ?? '');
    }
  }

  #count(): void {
    this.#steps += 1;
    if (this.#steps > RUNAWAY_STEPS) throw new StoryFailure('the cluster steps without end');
  }
}
