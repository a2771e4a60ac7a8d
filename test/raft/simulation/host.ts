/**
 * One simulated machine: a core, its driver, its disk and its clock. The driver keeps to the contract
 * of `Ready`; what it writes reaches the disk later, in order, and is gone when the power goes first.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import type { Random } from '../../../src/lib/random.ts';
import { RaftCore } from '../../../src/raft/core.ts';
import type {
  Configuration,
  Entry,
  GatheredEvent,
  Persist,
  RaftEvent,
  RaftMessage,
  RaftOptions,
  Ready,
  Restored,
  SnapshotMeta,
} from '../../../src/raft/types.ts';
import { appended, compacted } from '../../../src/storage/memory-log-store.ts';
import type { Timeline } from './timeline.ts';

/** Mechanisms that a negative control switches off. */
export type Sabotage =
  | 'none'
  | 'messages-before-sync'
  | 'durable-before-sync'
  | 'vote-forgotten-at-restart'
  | 'no-log-check'
  | 'acknowledged-unseen'
  | 'echoes-unseen-round'
  | 'quiet-overstated'
  | 'change-without-joint'
  | 'only-new-half-asked';

export type Observer = {
  readonly stepped: (
    host: Host,
    before: ReturnType<RaftCore['status']>,
    events: readonly RaftEvent[],
    ready: Ready,
  ) => void;
  readonly sent: (message: RaftMessage) => void;
};

type Write = {
  readonly persist: Persist | null;
  readonly compaction: { readonly meta: SnapshotMeta; readonly state: Uint8Array } | null;
  messages: readonly RaftMessage[];
};

export type HostOptions = {
  readonly raft: RaftOptions;
  readonly bootstrap: Configuration;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly clockRate: number;
  readonly compactEvery: number;
  readonly snapshotBytes: number;
  /** What arrives within so long of the first is handed in together; 0: each by itself. */
  readonly gatherMs: number;
  readonly observer: Observer;
  readonly sabotage: Sabotage;
};

const NOTHING: Restored = {
  hardState: { term: 0, votedFor: null, commitIndex: 0 },
  snapshot: null,
  entries: [],
};
/** The driver calls a write stalled when it takes longer. */
const STALL_MS = 250;

export class Host {
  readonly #options: HostOptions;
  #core: RaftCore | null = null;
  #life = 0;
  #disk: Restored = NOTHING;
  #writes: Write[] = [];
  #timer = 0;
  #frozen = false;
  #queue: RaftEvent[] = [];
  #gathered: GatheredEvent[] = [];
  #deadlineMs = 0;
  #compactedAt = 0;
  /** The state machine: how much was applied, and a digest of it. */
  #digest = 0;
  #applied = 0;
  /** Writes do not reach the disk before this time. */
  stalledUntil = 0;

  constructor(options: HostOptions) {
    this.#options = options;
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

  get isUp(): boolean {
    return this.#core !== null && !this.#frozen;
  }

  get applied(): { readonly index: number; readonly digest: number } {
    return { index: this.#applied, digest: this.#digest };
  }

  get localNow(): number {
    return this.localOf(this.#options.timeline.now);
  }

  localOf(global: number): number {
    return global * this.#options.clockRate + 1000;
  }

  globalOf(local: number): number {
    return (local - 1000) / this.#options.clockRate;
  }

  start(): void {
    if (this.#core !== null) return;
    const { raft, bootstrap, random, sabotage } = this.#options;
    const { hardState } = this.#disk;
    const forget = sabotage === 'vote-forgotten-at-restart';
    const restored = forget
      ? { ...this.#disk, hardState: { ...hardState, votedFor: null } }
      : this.#disk;
    this.#applied = 0;
    this.#digest = 0;
    this.#compactedAt = 0;
    if (restored.snapshot !== null) {
      this.#restore(restored.snapshot.meta, restored.snapshot.state);
    }
    this.#core = RaftCore.restore(raft, restored, bootstrap, this.localNow, random);
    this.step({ kind: 'deadline' });
  }

  /** Power off: of the writes under way, a random number got through whole. */
  crash(): void {
    if (this.#core === null) return;
    const kept = this.#options.random.below(this.#writes.length + 1);
    const lost = this.#options.sabotage === 'durable-before-sync' ? 0 : kept;
    for (const write of this.#writes.slice(0, lost)) this.#toDisk(write);
    this.#core = null;
    this.#life += 1;
    this.#writes = [];
    this.#queue = [];
    this.#gathered = [];
    this.#frozen = false;
    this.stalledUntil = 0;
  }

  /** Restarts with a configuration in its log that nobody agreed to. */
  forge(configuration: Configuration): void {
    for (const write of this.#writes.splice(0)) this.#toDisk(write);
    const { entries, hardState, snapshot } = this.#disk;
    const index = (entries.at(-1)?.index ?? snapshot?.meta.index ?? 0) + 1;
    const entry = { kind: 'configuration', index, term: hardState.term, configuration } as const;
    const batch = { mark: 0, hardState: null, entries: [entry], snapshot: null };
    this.#disk = appended(this.#disk, batch);
    this.crash();
    this.start();
  }

  freeze(): void {
    this.#frozen = true;
  }

  /** What arrived meanwhile is handed in first, then the deadline that passed. */
  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    const queued = this.#queue;
    this.#queue = [];
    this.#handIn();
    for (const event of queued) this.step(event);
    this.#arm();
  }

  /** Hands an event to the core, or keeps it while the machine stands still. */
  step(event: RaftEvent): void {
    if (this.#core === null) return;
    if (this.#frozen) {
      if (event.kind !== 'deadline') this.#queue.push(event);
      return;
    }
    this.#handIn();
    const before = this.#core.status();
    const ready = this.#core.step(event, this.localNow, this.#options.random);
    this.#options.observer.stepped(this, before, [event], ready);
    this.#perform(ready);
  }

  /** For what comes from outside: it may wait a little for more of its kind. */
  arrive(event: GatheredEvent): void {
    const { gatherMs, timeline } = this.#options;
    if (this.#core === null) return;
    if (gatherMs === 0 || this.#frozen) {
      this.step(event);
      return;
    }
    this.#gathered.push(event);
    if (this.#gathered.length > 1) return;
    const life = this.#life;
    timeline.after(gatherMs, () => {
      if (this.#life === life && !this.#frozen) this.#handIn();
    });
  }

  /** Before anything else happens, above all before a deadline is reported. */
  #handIn(): void {
    if (this.#core === null || this.#gathered.length === 0) return;
    const events = this.#gathered;
    this.#gathered = [];
    const before = this.#core.status();
    const ready = this.#core.stepAll(events, this.localNow, this.#options.random);
    this.#options.observer.stepped(this, before, events, ready);
    this.#perform(ready);
  }

  #perform(ready: Ready): void {
    for (const message of ready.sendNow) this.#send(message);
    if (this.#options.sabotage === 'messages-before-sync') {
      for (const message of ready.sendAfterPersist) this.#send(message);
      if (ready.persist !== null)
        this.#write({ persist: ready.persist, compaction: null, messages: [] });
    } else if (ready.persist !== null) {
      this.#write({ persist: ready.persist, compaction: null, messages: ready.sendAfterPersist });
    } else {
      this.#afterWrites(ready.sendAfterPersist);
    }
    this.#deadlineMs = ready.nextDeadlineMs;
    this.#arm();
    if (ready.restore !== null) this.#restore(ready.restore.meta, ready.restore.state);
    for (const entry of ready.committed) this.#apply(entry);
    if (ready.committed.length > 0 || ready.restore !== null) {
      this.step({ kind: 'applied', index: this.#applied });
      this.#compact();
    }
  }

  #arm(): void {
    this.#timer += 1;
    const { timeline } = this.#options;
    const timer = this.#timer;
    const life = this.#life;
    // A little late, since two conversions of a time may round it down to just before itself.
    timeline.after(this.globalOf(this.#deadlineMs) - timeline.now + 0.001, () => {
      if (this.#timer === timer && this.#life === life) this.step({ kind: 'deadline' });
    });
  }

  #send(message: RaftMessage): void {
    this.#options.observer.sent(message);
  }

  #afterWrites(messages: readonly RaftMessage[]): void {
    const newest = this.#writes.at(-1);
    if (newest === undefined) for (const message of messages) this.#send(message);
    else newest.messages = [...newest.messages, ...messages];
  }

  #write(write: Write): void {
    this.#writes.push(write);
    if (this.#writes.length === 1) this.#beginWrite(write);
  }

  #beginWrite(write: Write): void {
    const { timeline, random } = this.#options;
    const life = this.#life;
    const stall = Math.max(0, this.stalledUntil - timeline.now);
    const delayMs = stall + 0.1 + random.below(30) / 10;
    if (this.#options.sabotage === 'durable-before-sync') {
      timeline.after(0, () => this.#told(life, write));
    }
    timeline.after(delayMs, () => {
      if (this.#life !== life) return;
      this.#toDisk(write);
      this.#writes.shift();
      const next = this.#writes[0];
      if (next !== undefined) this.#beginWrite(next);
      if (this.#options.sabotage !== 'durable-before-sync') this.#told(life, write);
    });
    if (delayMs <= STALL_MS) return;
    timeline.after(STALL_MS, () => {
      if (this.#life === life) this.step({ kind: 'disk-stalled', sinceMs: this.localNow });
    });
  }

  #told(life: number, write: Write): void {
    if (this.#life !== life) return;
    for (const message of write.messages) this.#send(message);
    if (write.persist !== null) this.step({ kind: 'durable', mark: write.persist.mark });
    if (write.compaction !== null) this.step({ kind: 'compacted', ...write.compaction });
  }

  #toDisk({ persist, compaction }: Write): void {
    if (persist !== null) this.#disk = appended(this.#disk, persist);
    if (compaction !== null) this.#disk = compacted(this.#disk, compaction.meta, compaction.state);
  }

  #apply(entry: Entry): void {
    if (entry.index !== this.#applied + 1) {
      throw new Error(`${this.id} was handed entry ${entry.index} after ${this.#applied}`);
    }
    this.#applied = entry.index;
    this.#digest = digested(this.#digest, entry);
  }

  #restore(meta: SnapshotMeta, state: Uint8Array): void {
    this.#applied = meta.index;
    this.#compactedAt = meta.index;
    this.#digest = new DataView(state.buffer, state.byteOffset).getInt32(0);
  }

  #compact(): void {
    const { compactEvery, snapshotBytes } = this.#options;
    if (this.#core === null || this.#applied < this.#compactedAt + compactEvery) return;
    this.#compactedAt = this.#applied;
    const state = new Uint8Array(snapshotBytes);
    new DataView(state.buffer).setInt32(0, this.#digest);
    const compaction = { meta: this.#core.snapshotMeta(this.#applied), state };
    this.#write({ persist: null, compaction, messages: [] });
  }
}

/** The digest of a state machine that takes one entry more. */
export function digested(before: number, entry: Entry): number {
  let digest = (Math.imul(before, 31) + entry.term) | 0;
  if (entry.kind === 'command')
    for (const byte of entry.data) digest = (Math.imul(digest, 31) + byte) | 0;
  return digest;
}
