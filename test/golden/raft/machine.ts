/**
 * One machine of a story: a core, a driver that keeps to the contract of `Ready`, a disk that can
 * stall, a clock and power that can fail. Everything takes the same time in each run: a sync one
 * millisecond, a step none.
 *
 * Does not judge and does not tell: an observer hears of each step and of each message.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import type { Random } from '../../../src/lib/random.ts';
import { RaftCore } from '../../../src/raft/core.ts';
import type {
  Configuration,
  Entry,
  Persist,
  RaftEvent,
  RaftMessage,
  RaftOptions,
  RaftStatus,
  Ready,
  Restored,
  SnapshotMeta,
} from '../../../src/raft/types.ts';
import { appended, compacted } from '../../../src/storage/memory-log-store.ts';
import type { Timeline } from '../../raft/simulation/timeline.ts';
import { StoryFailure } from '../story.ts';

/** Mechanisms that a negative control switches off. */
export type Sabotage = 'none' | 'messages-before-sync' | 'vote-forgotten-at-restart';

export type Observer = {
  readonly stepped: (
    machine: Machine,
    before: RaftStatus,
    event: RaftEvent,
    ready: Ready,
    after: RaftStatus,
  ) => void;
  readonly sent: (message: RaftMessage) => void;
};

type Write = {
  readonly persist: Persist | null;
  readonly compaction: { readonly meta: SnapshotMeta; readonly state: Uint8Array } | null;
  messages: readonly RaftMessage[];
};

export type MachineOptions = {
  readonly raft: RaftOptions;
  readonly bootstrap: Configuration;
  readonly timeline: Timeline;
  readonly random: Random;
  /** The driver calls a write stalled when it takes longer. */
  readonly stallMs: number;
  readonly observer: Observer;
  readonly sabotage: Sabotage;
};

export const EMPTY_DISK: Restored = {
  hardState: { term: 0, votedFor: null, commitIndex: 0 },
  snapshot: null,
  entries: [],
};

/** Of a sync. */
const WRITE_MS = 1;
/** A saved state machine, long enough to travel in several chunks where a story makes them small. */
const SAVED_BYTES = 60;

export class Machine {
  readonly #options: MachineOptions;
  #core: RaftCore | null = null;
  #disk: Restored;
  #life = 0;
  #writes: Write[] = [];
  #stalled = false;
  /** The core knows that a write does not come back. */
  #stallTold = false;
  #frozen = false;
  /** What came while the machine stood still, in order. */
  #waiting: (() => void)[] = [];
  #timer = 0;
  #deadlineMs = 0;
  /** This machine's clock is ahead of the world's by so much. */
  #aheadMs = 0;
  #digest = 0;
  #applied = 0;

  constructor(options: MachineOptions, disk: Restored) {
    this.#options = options;
    this.#disk = disk;
  }

  get id(): NodeId {
    return this.#options.raft.id;
  }

  get core(): RaftCore | null {
    return this.#core;
  }

  get disk(): Restored {
    return this.#disk;
  }

  get isFrozen(): boolean {
    return this.#frozen;
  }

  get isRunning(): boolean {
    return this.#core !== null && !this.#frozen;
  }

  get diskStalls(): boolean {
    return this.#stalled;
  }

  /** The state machine: how much was applied, and a digest of it. */
  get applied(): { readonly index: number; readonly digest: number } {
    return { index: this.#applied, digest: this.#digest };
  }

  get localNow(): number {
    return this.#options.timeline.now + this.#aheadMs;
  }

  status(): RaftStatus | null {
    return this.#core?.status() ?? null;
  }

  start(): void {
    const { raft, bootstrap, random, sabotage } = this.#options;
    this.#applied = 0;
    this.#digest = 0;
    const { snapshot, hardState } = this.#disk;
    if (snapshot !== null) this.#restore(snapshot.meta, snapshot.state);
    const restored =
      sabotage === 'vote-forgotten-at-restart'
        ? { ...this.#disk, hardState: { ...hardState, votedFor: null } }
        : this.#disk;
    this.#core = RaftCore.restore(raft, restored, bootstrap, this.localNow, random);
    this.step({ kind: 'deadline' });
  }

  /** Power off. Writes under way are lost, or have just reached the disk and nobody was told. */
  crash(writesLand: boolean): void {
    if (writesLand) for (const write of this.#writes) this.#toDisk(write);
    this.#core = null;
    this.#life += 1;
    this.#writes = [];
    this.#waiting = [];
    this.#frozen = false;
    this.#stalled = false;
    this.#stallTold = false;
  }

  freeze(): void {
    this.#frozen = true;
  }

  /** What arrived meanwhile is handed in first, then the deadline that passed. */
  thaw(): void {
    this.#frozen = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) one();
    this.#arm();
  }

  stallDisk(): void {
    this.#stalled = true;
  }

  resumeDisk(): void {
    this.#stalled = false;
    if (this.#writes.length > 0) this.#beginSync();
  }

  /** Its election timer runs out now: the clock jumps to where the core wants to be called. */
  electionTimerFires(): void {
    if (this.status()?.role === 'leader') throw new StoryFailure(`${this.id} leads already`);
    this.#aheadMs += Math.max(0, this.#deadlineMs - this.localNow);
    this.step({ kind: 'deadline' });
  }

  compact(): void {
    if (this.#core === null || this.#applied === 0) {
      throw new StoryFailure(`${this.id} has nothing to save`);
    }
    const state = new Uint8Array(SAVED_BYTES);
    new DataView(state.buffer).setInt32(0, this.#digest);
    const compaction = { meta: this.#core.snapshotMeta(this.#applied), state };
    this.#write({ persist: null, compaction, messages: [] });
  }

  /** Hands an event to the core, or keeps it while the machine stands still. */
  step(event: RaftEvent): void {
    if (this.#core === null) return;
    if (this.#frozen) {
      if (event.kind !== 'deadline') this.#waiting.push(() => this.step(event));
      return;
    }
    const before = this.#core.status();
    const ready = this.#core.step(event, this.localNow, this.#options.random);
    this.#options.observer.stepped(this, before, event, ready, this.#core.status());
    this.#perform(ready);
  }

  #perform(ready: Ready): void {
    const { persist, sendAfterPersist, restore } = ready;
    for (const message of ready.sendNow) this.#send(message);
    if (this.#options.sabotage === 'messages-before-sync') {
      for (const message of sendAfterPersist) this.#send(message);
      if (persist !== null) this.#write({ persist, compaction: null, messages: [] });
    } else if (persist !== null) {
      this.#write({ persist, compaction: null, messages: sendAfterPersist });
    } else {
      this.#sendAfterWrites(sendAfterPersist);
    }
    this.#deadlineMs = ready.nextDeadlineMs;
    this.#arm();
    if (restore !== null) this.#restore(restore.meta, restore.state);
    for (const entry of ready.committed) this.#apply(entry);
    if (ready.committed.length > 0 || restore !== null) {
      this.step({ kind: 'applied', index: this.#applied });
    }
  }

  #arm(): void {
    this.#timer += 1;
    const [timer, life] = [this.#timer, this.#life];
    this.#options.timeline.after(this.#deadlineMs - this.localNow + 0.001, () => {
      if (this.#timer === timer && this.#life === life) this.step({ kind: 'deadline' });
    });
  }

  #send(message: RaftMessage): void {
    this.#options.observer.sent(message);
  }

  #sendAfterWrites(messages: readonly RaftMessage[]): void {
    const newest = this.#writes.at(-1);
    if (newest !== undefined) newest.messages = [...newest.messages, ...messages];
    else for (const message of messages) this.#send(message);
  }

  #write(write: Write): void {
    this.#writes.push(write);
    if (this.#writes.length === 1) this.#beginSync();
    const life = this.#life;
    this.#options.timeline.after(this.#options.stallMs, () => {
      if (this.#life !== life || !this.#writes.includes(write) || this.#stallTold) return;
      this.#stallTold = true;
      this.step({ kind: 'disk-stalled', sinceMs: this.localNow });
    });
  }

  /** What queued up behind a sync shares the next one. */
  #beginSync(): void {
    const [life, batch] = [this.#life, this.#writes.length];
    this.#options.timeline.after(WRITE_MS, () => {
      if (this.#life !== life || this.#stalled) return;
      const done = this.#writes.splice(0, batch);
      for (const write of done) this.#toDisk(write);
      if (this.#writes.length > 0) this.#beginSync();
      this.#stallTold = false;
      for (const write of done) this.#whenAwake(() => this.#told(write));
    });
  }

  /** The disk works on while its machine stands still; the process hears of it later. */
  #whenAwake(run: () => void): void {
    if (this.#frozen) this.#waiting.push(run);
    else run();
  }

  #told({ persist, compaction, messages }: Write): void {
    for (const message of messages) this.#send(message);
    if (persist !== null) this.step({ kind: 'durable', mark: persist.mark });
    if (compaction !== null) this.step({ kind: 'compacted', ...compaction });
  }

  #toDisk({ persist, compaction }: Write): void {
    if (persist !== null) this.#disk = appended(this.#disk, persist);
    if (compaction !== null) this.#disk = compacted(this.#disk, compaction.meta, compaction.state);
  }

  #apply(entry: Entry): void {
    if (entry.index !== this.#applied + 1) {
      throw new StoryFailure(`${this.id} was handed entry ${entry.index} after ${this.#applied}`);
    }
    this.#applied = entry.index;
    this.#digest = (Math.imul(this.#digest, 31) + entry.term) | 0;
    if (entry.kind !== 'command') return;
    for (const byte of entry.data) this.#digest = (Math.imul(this.#digest, 31) + byte) | 0;
  }

  #restore(meta: SnapshotMeta, state: Uint8Array): void {
    this.#applied = meta.index;
    this.#digest = new DataView(state.buffer, state.byteOffset).getInt32(0);
  }
}
