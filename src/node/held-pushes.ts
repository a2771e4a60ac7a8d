/**
 * A leader's bare news of a new commit index, held back for a moment when more is expected.
 *
 * The core tells each follower a new commit index at once. While writes follow closely upon each other
 * the next append says the same a moment later, and the bare message is as dear as the append itself.
 * So it is held for at most `HOLD_MS`, but only where that paid off the last time: behind a quiet time
 * (the one entry that gives a group a new owner) it leaves at once.
 *
 * To the core this is a network that is slow for a millisecond. Nothing but such messages is touched.
 */
import type { Millis, NodeId } from '../lib/ids.ts';
import type { RaftMessage } from '../raft/types.ts';

const HOLD_MS: Millis = 1;

type Append = Extract<RaftMessage, { kind: 'append' }>;

export class HeldPushes {
  readonly #send: (message: RaftMessage) => void;
  readonly #held = new Map<NodeId, Append>();
  /** The round that each follower was asked last: what has no entries and no new round is a push. */
  readonly #rounds = new Map<NodeId, { readonly term: number; readonly round: number }>();
  /** When the last push came; entries that leave soon after it would have carried it. */
  #pushedMs: Millis = -Infinity;
  #paysOff = false;
  #deadlineMs: Millis = Infinity;

  constructor(send: (message: RaftMessage) => void) {
    this.#send = send;
  }

  get nextDeadlineMs(): Millis {
    return this.#deadlineMs;
  }

  /** Sends the message, or keeps it for a moment. */
  take(message: RaftMessage, now: Millis): void {
    if (message.kind !== 'append') {
      this.#send(message);
      return;
    }
    const isPush = message.entries.length === 0 && this.#isAsked(message);
    this.#rounds.set(message.to, { term: message.term, round: message.readId });
    if (isPush) {
      this.#pushedMs = now;
      if (!this.#paysOff) this.#send(message);
      else {
        this.#held.set(message.to, message);
        this.#deadlineMs = Math.min(this.#deadlineMs, now + HOLD_MS);
      }
      return;
    }
    if (message.entries.length > 0) this.#paysOff = now < this.#pushedMs + HOLD_MS;
    // What is sent now says it, too: a leader's commit index only grows.
    this.#held.delete(message.to);
    if (this.#held.size === 0) this.#deadlineMs = Infinity;
    this.#send(message);
  }

  due(now: Millis): void {
    if (now < this.#deadlineMs) return;
    this.#paysOff = false;
    this.#deadlineMs = Infinity;
    for (const message of this.#held.values()) this.#send(message);
    this.#held.clear();
  }

  #isAsked({ to, term, readId }: Append): boolean {
    const asked = this.#rounds.get(to);
    return asked !== undefined && asked.term === term && asked.round === readId;
  }
}
