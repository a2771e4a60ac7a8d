/**
 * "Is what I have current?" (ReadIndex, Raft thesis §6.4): answered by the leader after a quorum
 * round, asked by anyone. Each attempt has an id of its own, since late answers to a repeated id are
 * how stale reads happen (etcd#20418).
 */
import type { ControlMessage } from '../failover/control.ts';
import type { Millis, NodeId } from '../lib/ids.ts';

export type ReadsOptions = {
  readonly self: NodeId;
  readonly incarnation: number;
  readonly retryMs: Millis;
  readonly leader: () => NodeId | null;
  readonly appliedIndex: () => number;
  readonly readLocally: (readId: number) => void;
  readonly send: (message: ControlMessage) => void;
  readonly now: () => Millis;
};

type Read = {
  readonly deadlineMs: Millis;
  readonly settled: (current: boolean) => void;
  nextTryMs: Millis;
  /** Oldest first. */
  attempts: readonly number[];
  /** Known once a leader has answered; the read is over when so much is applied. */
  index: number | null;
};

const MAX_READS = 1_024;
/** Attempts of one read that may still be answered: a slow answer is one, a lost one must not pile up. */
const MAX_ATTEMPTS = 16;

export class Reads {
  readonly #options: ReadsOptions;
  readonly #reads = new Set<Read>();
  /** Attempts under way: our own, or those of another node that we lead. */
  readonly #attempts = new Map<
    number,
    | { readonly kind: 'own'; readonly read: Read }
    | {
        readonly kind: 'foreign';
        readonly from: NodeId;
        readonly requestId: number;
        readonly incarnation: number;
      }
  >();
  #foreign = 0;
  #nextId = 1;

  constructor(options: ReadsOptions) {
    this.#options = options;
  }

  /** A fresh id, also for others that ask the core. */
  nextId(): number {
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }

  /** `settled(true)`: everything committed before the call is applied here. */
  begin(deadlineMs: Millis, settled: (current: boolean) => void): void {
    if (this.#reads.size >= MAX_READS) settled(false);
    else this.#reads.add({ deadlineMs, settled, nextTryMs: 0, attempts: [], index: null });
  }

  get nextDeadlineMs(): Millis {
    let next = Infinity;
    for (const read of this.#reads) {
      next = Math.min(next, read.deadlineMs, read.index === null ? read.nextTryMs : Infinity);
    }
    return next;
  }

  flush(now: Millis): void {
    for (const read of [...this.#reads]) {
      if (read.index !== null && this.#options.appliedIndex() >= read.index) {
        this.#settle(read, true);
      } else if (now >= read.deadlineMs) this.#settle(read, false);
      else if (read.index === null && now >= read.nextTryMs) this.#try(read, now);
    }
  }

  asked(message: ControlMessage & { readonly kind: 'read' }): void {
    const { from, requestId, incarnation } = message;
    if (this.#options.leader() !== this.#options.self || this.#foreign >= MAX_READS) {
      this.#reply(from, requestId, incarnation, null);
      return;
    }
    const id = this.nextId();
    this.#attempts.set(id, { kind: 'foreign', from, requestId, incarnation });
    this.#foreign += 1;
    this.#options.readLocally(id);
  }

  replied(message: ControlMessage & { readonly kind: 'read-reply' }): void {
    if (message.incarnation !== this.#options.incarnation) return;
    this.#answered(message.requestId, message.index);
  }

  confirmed(readId: number, index: number): boolean {
    return this.#answered(readId, index);
  }

  rejected(readId: number): boolean {
    return this.#answered(readId, null);
  }

  leaderChanged(): void {
    this.#attempts.clear();
    this.#foreign = 0;
    for (const read of this.#reads) {
      read.nextTryMs = 0;
      read.attempts = [];
    }
  }

  #answered(id: number, index: number | null): boolean {
    const attempt = this.#attempts.get(id);
    if (attempt === undefined) return false;
    this.#attempts.delete(id);
    if (attempt.kind === 'foreign') {
      this.#foreign -= 1;
      this.#reply(attempt.from, attempt.requestId, attempt.incarnation, index);
    } else if (index !== null) attempt.read.index = index;
    return true;
  }

  #try(read: Read, now: Millis): void {
    const { self, incarnation, leader, retryMs } = this.#options;
    read.nextTryMs = now + retryMs;
    const to = leader();
    if (to === null) return;
    const id = this.nextId();
    this.#attempts.set(id, { kind: 'own', read });
    for (const old of read.attempts.slice(0, 1 - MAX_ATTEMPTS)) this.#attempts.delete(old);
    read.attempts = [...read.attempts.slice(1 - MAX_ATTEMPTS), id];
    if (to === self) this.#options.readLocally(id);
    else this.#options.send({ kind: 'read', from: self, to, requestId: id, incarnation });
  }

  #settle(read: Read, current: boolean): void {
    this.#reads.delete(read);
    for (const id of read.attempts) this.#attempts.delete(id);
    read.settled(current);
  }

  #reply(to: NodeId, requestId: number, incarnation: number, index: number | null): void {
    const from = this.#options.self;
    this.#options.send({
      kind: 'read-reply',
      from,
      to,
      requestId,
      incarnation,
      index,
      beganMs: this.#options.now(),
    });
  }
}
