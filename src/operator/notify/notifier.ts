/**
 * Tells people who do not look. Every node hears of everything, and one of them speaks: the leader.
 * What was committed just before a leader died may have been told by nobody; so a new leader repeats
 * what it has heard in the last moments. The id says which ones were told before: at least once, and a
 * receiver can make it exactly once.
 *
 * What a daemon hears in its first moments is the past, read back from its log: nobody is told that.
 * A node that knows no leader for a while says so itself.
 */
import type { Clock } from '../../lib/clock.ts';
import type { Millis, NodeId } from '../../lib/ids.ts';
import type { ClusterEvent } from '../api.ts';
import { leaderlessOf, type Notification, notificationOf } from './notification.ts';
import { Outbox, type Receiver } from './outbox.ts';

export type NotifierOptions = {
  readonly cluster: string;
  readonly node: NodeId;
  readonly clock: Clock;
  readonly receivers: readonly Receiver[];
  readonly subscribe: (listener: (event: ClusterEvent) => void) => () => void;
  readonly failed: (receiver: string, notification: Notification, error: unknown) => void;
};

export const PAST_MS: Millis = 10_000;
export const REPEATED_MS: Millis = 30_000;
export const LEADERLESS_MS: Millis = 5_000;
const MOST_RECENT = 256;

export class Notifier {
  readonly #options: NotifierOptions;
  readonly #outboxes: readonly Outbox[];
  #startedMs: Millis = 0;
  #leads = false;
  #recent: { readonly notification: Notification; readonly heardMs: Millis }[] = [];
  #leaderless: AbortController | null = null;
  #unsubscribe: () => void = () => undefined;

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#outboxes = options.receivers.map(
      (receiver) =>
        new Outbox({
          receiver,
          clock: options.clock,
          failed: (notification, error) => options.failed(receiver.name, notification, error),
        }),
    );
  }

  /** `leader`: as it is known at this moment. */
  start(leader: NodeId | null): void {
    this.#startedMs = this.#options.clock.now();
    this.#leads = leader === this.#options.node;
    this.#unsubscribe = this.#options.subscribe((event) => this.#heard(event));
  }

  stop(): void {
    this.#unsubscribe();
    this.#leaderless?.abort();
    for (const outbox of this.#outboxes) outbox.stop();
  }

  /** Resolves when nothing waits to be delivered. */
  async idle(): Promise<void> {
    await Promise.all(this.#outboxes.map((outbox) => outbox.idle()));
  }

  #heard(event: ClusterEvent): void {
    if (event.kind === 'leader') this.#leader(event.leader, event.term);
    if (event.kind !== 'history') return;
    const { cluster, node, clock } = this.#options;
    const notification = notificationOf(event.entry, { cluster, from: node });
    if (notification === null) return;
    if (this.#leads) this.#tell(notification);
    else if (clock.now() - this.#startedMs > PAST_MS) this.#remember(notification);
  }

  #leader(leader: NodeId | null, term: number): void {
    const { node, clock } = this.#options;
    this.#leaderless?.abort();
    this.#leaderless = null;
    const leads = leader === node;
    if (leads && !this.#leads) {
      const sinceMs = clock.now() - REPEATED_MS;
      for (const { notification, heardMs } of this.#recent) {
        if (heardMs >= sinceMs) this.#tell(notification);
      }
      this.#recent = [];
    }
    this.#leads = leads;
    if (leader === null) this.#awaitLeader(term);
  }

  #awaitLeader(term: number): void {
    const { cluster, node, clock } = this.#options;
    const found = new AbortController();
    this.#leaderless = found;
    clock.after(LEADERLESS_MS, found.signal).then(
      () => this.#tell(leaderlessOf({ cluster, from: node }, term)),
      () => undefined, // a leader was found
    );
  }

  #remember(notification: Notification): void {
    this.#recent.push({ notification, heardMs: this.#options.clock.now() });
    if (this.#recent.length > MOST_RECENT) this.#recent.shift();
  }

  #tell(notification: Notification): void {
    for (const outbox of this.#outboxes) outbox.put(notification);
  }
}
