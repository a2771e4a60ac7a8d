/**
 * What a leader knows of one follower's log, and how it therefore sends.
 *
 *   probe      one append at a time, until one is accepted: the place of agreement is being searched
 *   replicate  optimistically, up to a window of unanswered appends
 *   snapshot   the follower needs entries that are gone: chunks, one at a time
 *
 * A new leader starts every follower in *replicate*, one place before its own first entry: most
 * followers agree there, so what is proposed right after the election need not wait for an answer.
 * Whoever does not agree says so and is probed.
 *
 * Sends nothing itself.
 *
 * Reference: etcd-io/raft `tracker/progress.go`; thesis §10.2.1 (pipelining).
 */
import type { Millis } from '../lib/ids.ts';
import type { Snapshot } from './log.ts';

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

/** A snapshot on its way: pinned, since the log may be compacted again meanwhile. */
export type Transmission = {
  readonly snapshot: Snapshot;
  /** Where the chunk that was sent last begins. */
  offset: number;
  /** Where the follower says that it stands; taken up at the next heartbeat. */
  resumeAt: number;
  /** The chunk at `offset` has been sent and not been answered. */
  awaiting: boolean;
  sentMs: Millis;
};

export class Progress {
  #state: ProgressState = 'replicate';
  /** The follower's log is durable and equals ours up to here; never goes back. */
  #match = 0;
  /** The next entry to send; above `match`. */
  #next: number;
  /** Last index of each append that has entries and was not answered, ascending. */
  #inflight: number[] = [];
  #probing = false;
  #transmission: Transmission | null = null;
  /** The newest of our rounds that the follower answered, and when that round began. */
  echoedRound = 0;
  contactMs: Millis;
  /** The commit index that the follower was told last. */
  toldCommit = 0;

  constructor(next: number, now: Millis) {
    this.#next = next;
    this.contactMs = now;
  }

  /** A progress that goes its own way from here; see fork.ts. */
  fork(): Progress {
    const twin = new Progress(this.#next, this.contactMs);
    twin.#state = this.#state;
    twin.#match = this.#match;
    twin.#inflight = [...this.#inflight];
    twin.#probing = this.#probing;
    twin.#transmission = this.#transmission === null ? null : { ...this.#transmission };
    twin.echoedRound = this.echoedRound;
    twin.toldCommit = this.toldCommit;
    return twin;
  }

  /** All that decides how it goes on, as plain data. */
  image(): object {
    const [state, match, next] = [this.#state, this.#match, this.#next];
    const [inflight, probing, transmission] = [this.#inflight, this.#probing, this.#transmission];
    return { ...this, state, match, next, inflight, probing, transmission };
  }

  get state(): ProgressState {
    return this.#state;
  }

  get match(): number {
    return this.#match;
  }

  get next(): number {
    return this.#next;
  }

  get transmission(): Transmission | null {
    return this.#transmission;
  }

  /** May an append with entries leave now? */
  canSend(maxInflight: number): boolean {
    if (this.#state === 'probe') return !this.#probing;
    return this.#state === 'replicate' && this.#inflight.length < maxInflight;
  }

  sent(lastIndex: number): void {
    if (this.#state === 'probe') {
      this.#probing = true;
      return;
    }
    this.#inflight.push(lastIndex);
    this.#next = lastIndex + 1;
  }

  /** Answers whether `match` grew. */
  matched(index: number): boolean {
    if (index <= this.#match) return false;
    this.#match = index;
    this.#next = Math.max(this.#next, index + 1);
    while ((this.#inflight[0] ?? Number.POSITIVE_INFINITY) <= index) this.#inflight.shift();
    return true;
  }

  /** snapshot | probe -> replicate: the logs agree just before `next`. */
  agreed(): void {
    if (this.#state === 'replicate') return;
    this.#state = 'replicate';
    this.#transmission = null;
    this.#probing = false;
    this.#next = Math.max(this.#next, this.#match + 1);
    this.#inflight = [];
  }

  /**
   * replicate -> probe: the follower lacks something at or before `place`; look there next. A refusal
   * that tells a probing leader nothing new is an old or repeated one and must not bring another
   * append, or appends and refusals would multiply. (A lost probe is made up for by a heartbeat.)
   */
  disagreed(place: number): void {
    const next = Math.max(this.#match + 1, Math.min(this.#next, place + 1));
    if (this.#state === 'probe' && next === this.#next) return;
    this.#state = 'probe';
    this.#probing = false;
    this.#inflight = [];
    this.#next = next;
  }

  /** probe | replicate | snapshot -> snapshot, the newest there is. */
  lacks(snapshot: Snapshot): void {
    this.#state = 'snapshot';
    this.#inflight = [];
    this.#next = snapshot.meta.index + 1;
    this.#transmission = { snapshot, offset: 0, resumeAt: 0, awaiting: false, sentMs: 0 };
  }
}
