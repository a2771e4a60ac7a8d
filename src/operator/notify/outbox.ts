/**
 * What waits to be told to one receiver: in order, one at a time, again after a while when it fails,
 * and not for ever. A receiver that is down costs a bounded queue and nothing else.
 *
 * Nobody is told the same thing twice: an id is sent once, and what repeats on one topic within
 * minutes (a group that goes round) is held back and counted in the next one that is sent.
 */
import type { Clock } from '../../lib/clock.ts';
import { HoldfastError } from '../../lib/error.ts';
import type { Millis } from '../../lib/ids.ts';
import { isAtLeast, type Notification, type Severity } from './notification.ts';

export type Receiver = {
  /** For the log. */
  readonly name: string;
  readonly least: Severity;
  /**
   * Rejects when it was not delivered; with NOTIFICATION_REFUSED it will never be, and is not tried
   * again.
   */
  readonly deliver: (notification: Notification, signal: AbortSignal) => Promise<void>;
};

export type OutboxOptions = {
  readonly receiver: Receiver;
  readonly clock: Clock;
  /** What was given up, and why. */
  readonly failed: (notification: Notification, error: unknown) => void;
};

const MOST_WAITING = 256;
const MOST_REMEMBERED = 1_024;
export const QUIET_MS: Millis = 300_000;
const FIRST_WAIT_MS: Millis = 1_000;
const LONGEST_WAIT_MS: Millis = 60_000;
export const GIVEN_UP_MS: Millis = 3_600_000;

type Waiting = { readonly notification: Notification; readonly sinceMs: Millis };

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #waiting: Waiting[] = [];
  readonly #seen = new Set<string>();
  readonly #topics = new Map<string, { sentMs: Millis; heldBack: number }>();
  readonly #ended = new AbortController();
  #sending: Promise<void> | null = null;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Never waits and never throws. */
  put(notification: Notification): void {
    const { receiver, clock, failed } = this.#options;
    if (!isAtLeast(notification.severity, receiver.least) || this.#isKnown(notification)) return;
    const counted = this.#counted(notification, clock.now());
    if (counted === null) return;
    this.#waiting.push({ notification: counted, sinceMs: clock.now() });
    if (this.#waiting.length > MOST_WAITING) {
      const [dropped] = this.#waiting.splice(0, 1);
      const full = new HoldfastError('NOTIFICATION_GIVEN_UP', { waiting: MOST_WAITING });
      if (dropped !== undefined) failed(dropped.notification, full);
    }
    this.#sending ??= this.#send();
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#sending !== null) await this.#sending;
  }

  /** What waits is lost. */
  stop(): void {
    this.#ended.abort();
  }

  #isKnown({ id }: Notification): boolean {
    if (this.#seen.has(id)) return true;
    this.#seen.add(id);
    for (const oldest of this.#seen) {
      if (this.#seen.size <= MOST_REMEMBERED) break;
      this.#seen.delete(oldest);
    }
    return false;
  }

  /** null: it is one of many, and is counted only. */
  #counted(notification: Notification, now: Millis): Notification | null {
    for (const [topic, { sentMs }] of this.#topics) {
      if (now - sentMs > 2 * QUIET_MS) this.#topics.delete(topic);
    }
    const topic = this.#topics.get(notification.topic);
    if (topic !== undefined && now - topic.sentMs < QUIET_MS) {
      topic.heldBack += 1;
      return null;
    }
    this.#topics.set(notification.topic, { sentMs: now, heldBack: 0 });
    const heldBack = topic?.heldBack ?? 0;
    if (heldBack === 0) return notification;
    return { ...notification, text: `${notification.text} (and ${heldBack} like it before)` };
  }

  async #send(): Promise<void> {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || this.#ended.signal.aborted) break;
      await this.#deliver(next);
      const at = this.#waiting.indexOf(next);
      if (at >= 0) this.#waiting.splice(at, 1);
    }
    this.#sending = null;
  }

  /** Until it is delivered, refused or too old. */
  async #deliver({ notification, sinceMs }: Waiting): Promise<void> {
    const { receiver, clock, failed } = this.#options;
    const { signal } = this.#ended;
    for (
      let waitMs = FIRST_WAIT_MS;
      !signal.aborted;
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)
    ) {
      try {
        await receiver.deliver(notification, signal);
        return;
      } catch (error) {
        const refused = error instanceof HoldfastError && error.code === 'NOTIFICATION_REFUSED';
        if (refused || clock.now() - sinceMs >= GIVEN_UP_MS) {
          failed(notification, error);
          return;
        }
      }
      await clock.after(waitMs, signal).catch(() => undefined); // ended: the loop sees it
    }
  }
}
