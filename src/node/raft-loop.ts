/**
 * Performs what the consensus core asks for, in the order that it asks (DESIGN §4): messages that may
 * leave before the write, the write, messages that depend on it, then the state machine.
 *
 * Writes are handed to the log store in order, several at a time, and are never awaited here:
 * liveness does not wait for the disk. A store that fails or stalls is reported to the core, which steps down.
 *
 * What arrives in one turn of the event loop is gathered and taken in one step: it costs one write and
 * one message to each follower, however much it was.
 */
import type { Millis, NodeId } from '../lib/ids.ts';
import type { Random } from '../lib/random.ts';
import type { RaftCore } from '../raft/core.ts';
import type { LogStore } from '../raft/log-store.ts';
import type {
  Entry,
  GatheredEvent,
  Persist,
  RaftEvent,
  RaftMessage,
  Ready,
  Role,
  SnapshotMeta,
} from '../raft/types.ts';
import { HeldPushes } from './held-pushes.ts';
import type { NodeEvent } from './node-event.ts';

export type RaftLoopHooks = {
  readonly send: (message: RaftMessage) => void;
  readonly post: (event: NodeEvent) => void;
  readonly restore: (meta: SnapshotMeta, state: Uint8Array) => void;
  readonly apply: (entries: readonly Entry[]) => void;
  readonly read: (readId: number, index: number) => void;
  readonly readRejected: (readId: number) => void;
  readonly rejected: (proposalId: number, code: string) => void;
  readonly leadership: (change: Leadership, now: Millis) => void;
};

export type Leadership = {
  readonly role: Role;
  readonly leader: NodeId | null;
  readonly term: number;
  /** Only in the step in which this node became leader. */
  readonly horizonMs: Millis | null;
};

/** A write that takes longer than this makes the disk count as stalled. */
const STALL_FACTOR = 4;
const MAX_WAITING_MESSAGES = 1_024;

export class RaftLoop {
  readonly #core: RaftCore;
  readonly #log: LogStore;
  readonly #random: Random;
  readonly #hooks: RaftLoopHooks;
  readonly #stallMs: Millis;
  readonly #pushes: HeldPushes;
  /** Marks written, not yet durable, with what waits for them. */
  readonly #waiting: { mark: number; sinceMs: Millis; messages: readonly RaftMessage[] }[] = [];
  /** Steps to be taken; the first one is being taken. */
  readonly #steps: { readonly take: (now: Millis) => Ready; readonly now: Millis }[] = [];
  /** What the next step begins with. */
  #gathered: GatheredEvent[] = [];
  #stallTold = false;
  #nextDeadlineMs: Millis;
  #role: Role = 'follower';
  #leader: NodeId | null = null;
  #term = 0;
  #commitIndex = 0;

  constructor(
    core: RaftCore,
    options: {
      readonly log: LogStore;
      readonly random: Random;
      readonly hooks: RaftLoopHooks;
      readonly checkQuorumMs: Millis;
      readonly now: Millis;
    },
  ) {
    this.#core = core;
    this.#log = options.log;
    this.#random = options.random;
    this.#hooks = options.hooks;
    this.#stallMs = options.checkQuorumMs * STALL_FACTOR;
    this.#pushes = new HeldPushes(this.#hooks.send);
    this.#nextDeadlineMs = options.now;
  }

  get role(): Role {
    return this.#role;
  }

  get leader(): NodeId | null {
    return this.#leader;
  }

  get term(): number {
    return this.#term;
  }

  get commitIndex(): number {
    return this.#commitIndex;
  }

  get core(): RaftCore {
    return this.#core;
  }

  get nextDeadlineMs(): Millis {
    const oldest = this.#waiting[0];
    const stall =
      oldest === undefined || this.#stallTold ? Infinity : oldest.sinceMs + this.#stallMs;
    return Math.min(this.#nextDeadlineMs, stall, this.#pushes.nextDeadlineMs);
  }

  due(now: Millis): void {
    const oldest = this.#waiting[0];
    if (oldest !== undefined && !this.#stallTold && now >= oldest.sinceMs + this.#stallMs) {
      this.#stallTold = true;
      this.step({ kind: 'disk-stalled', sinceMs: oldest.sinceMs }, now);
    }
    if (now >= this.#nextDeadlineMs) this.step({ kind: 'deadline' }, now);
    this.#pushes.due(now);
  }

  durable(mark: number, now: Millis): void {
    this.#stallTold = false;
    while (this.#waiting[0] !== undefined && this.#waiting[0].mark <= mark) {
      const done = this.#waiting.shift();
      for (const message of done?.messages ?? []) this.#hooks.send(message);
    }
    this.gather({ kind: 'durable', mark });
    this.takeGathered(now);
  }

  /** Taken before anything else that is to be a step, and at the latest by `takeGathered`. */
  gather(event: GatheredEvent): void {
    this.#gathered.push(event);
  }

  takeGathered(now: Millis): void {
    const events = this.#gathered;
    if (events.length === 0) return;
    this.#gathered = [];
    this.#take((at) => this.#core.stepAll(events, at, this.#random), now);
  }

  step(event: RaftEvent, now: Millis): void {
    this.takeGathered(now);
    this.#take((at) => this.#core.step(event, at, this.#random), now);
  }

  /**
   * One step at a time: what a step sets in motion and would step again (a proof of death that is
   * noticed while a new member is admitted) comes when everything of this one is done.
   */
  #take(take: (now: Millis) => Ready, now: Millis): void {
    this.#steps.push({ take, now });
    if (this.#steps.length > 1) return;
    for (let next = this.#steps[0]; next !== undefined; next = this.#steps[0]) {
      this.#perform(next.take(next.now), next.now);
      this.#steps.shift();
    }
  }

  #perform(ready: Ready, now: Millis): void {
    this.#nextDeadlineMs = ready.nextDeadlineMs;
    this.#commitIndex = ready.commitIndex;
    for (const message of ready.sendNow) this.#pushes.take(message, now);
    if (ready.persist !== null) this.#persist(ready.persist, ready.sendAfterPersist, now);
    else this.#sendAfterEarlierWrites(ready.sendAfterPersist);
    this.#tellLeadership(ready, now);
    this.#applyAndAnswer(ready, now);
  }

  #applyAndAnswer(ready: Ready, now: Millis): void {
    if (ready.restore !== null) this.#hooks.restore(ready.restore.meta, ready.restore.state);
    if (ready.committed.length > 0) this.#hooks.apply(ready.committed);
    for (const { proposalId, code } of ready.rejected) this.#hooks.rejected(proposalId, code);
    const last = ready.committed.at(-1)?.index ?? ready.restore?.meta.index;
    if (last !== undefined) this.step({ kind: 'applied', index: last }, now);
    for (const { readId, index } of ready.reads) this.#hooks.read(readId, index);
    for (const { readId } of ready.readsRejected) this.#hooks.readRejected(readId);
  }

  #persist(batch: Persist, after: readonly RaftMessage[], now: Millis): void {
    this.#waiting.push({ mark: batch.mark, sinceMs: now, messages: after });
    this.#log.append(batch).then(
      () => this.#hooks.post({ kind: 'durable', mark: batch.mark }),
      (error: unknown) => this.#hooks.post({ kind: 'log-failed', detail: String(error) }),
    );
  }

  #sendAfterEarlierWrites(messages: readonly RaftMessage[]): void {
    const newest = this.#waiting.at(-1);
    if (newest === undefined) for (const message of messages) this.#hooks.send(message);
    // A disk that answers never must not fill the memory; a lost message costs Raft a retry.
    else newest.messages = [...newest.messages, ...messages].slice(-MAX_WAITING_MESSAGES);
  }

  #tellLeadership(ready: Ready, now: Millis): void {
    const same =
      this.#role === ready.role && this.#leader === ready.leader && this.#term === ready.term;
    if (same && ready.horizonMs === null) return;
    this.#role = ready.role;
    this.#leader = ready.leader;
    this.#term = ready.term;
    const { role, leader, term, horizonMs } = ready;
    this.#hooks.leadership({ role, leader, term, horizonMs }, now);
  }

  /** Saves the state machine at `meta`; the core hears of it when it is on the disk. */
  compact(meta: SnapshotMeta, state: Uint8Array): void {
    this.#log.compact(meta, state).then(
      () => this.#hooks.post({ kind: 'compacted', meta, state }),
      (error: unknown) => this.#hooks.post({ kind: 'log-failed', detail: String(error) }),
    );
  }
}
