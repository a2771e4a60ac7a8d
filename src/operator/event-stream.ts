/**
 * One client that follows the events (server-sent events, WHATWG HTML §9.2). A client that reads
 * slower than things happen must not make the daemon remember without end: its queue is bounded,
 * the oldest events go first, and it is told how many it missed.
 *
 * Entries of the history carry their log index as `id`. It is the same on every node and after every
 * restart, so a client that comes back anywhere (`Last-Event-ID`) misses none and hears none twice.
 * What is no entry of the history (links, local states) is not repeated: the status has it.
 */
import type { ServerResponse } from 'node:http';
import type { HistoryEntry } from '../cluster/state.ts';
import type { ClusterEvent } from './api.ts';

export type EventStreamOptions = {
  readonly response: ServerResponse;
  readonly maxWaiting: number;
  /** A comment now and then: proxies keep the line open, and a dead client is noticed. */
  readonly keepAliveMs: number;
};

export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #waiting: string[] = [];
  /** What happens while the past is looked up; null: nothing is held back. */
  #held: ClusterEvent[] | null = null;
  #lastIndex = 0;
  #lost = 0;
  #keepAlive: NodeJS.Timeout | null = null;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  start(ended: () => void): void {
    const { response, keepAliveMs } = this.#options;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    });
    response.write(': holdfast events\n\n');
    response.on('drain', () => this.#drain());
    response.once('close', () => {
      this.stop();
      ended();
    });
    // A client that vanished shows as `close`; there is nobody to tell about the write that failed.
    response.on('error', () => undefined);
    this.#keepAlive = setInterval(() => {
      if (!response.writableNeedDrain) response.write(': alive\n\n');
    }, keepAliveMs);
    this.#keepAlive.unref();
  }

  /** From now on events wait, until `resume` has told what came before them. */
  hold(): void {
    this.#held = [];
  }

  /**
   * Sends what came after the entry `lastIndex`, then what was held back. `history`: the newest
   * entries, oldest first. Where it begins later than that, some are forgotten, and that is said.
   */
  resume(lastIndex: number, history: readonly HistoryEntry[], complete: boolean): void {
    this.#lastIndex = lastIndex;
    if (!complete) this.#waiting.push(frame({ kind: 'lost', lost: null }));
    for (const entry of history) this.#push({ kind: 'history', entry });
    const held = this.#held ?? [];
    this.#held = null;
    for (const event of held) this.#push(event);
    this.#drain();
  }

  send(event: ClusterEvent): void {
    if (this.#held !== null) {
      this.#held.push(event);
      if (this.#held.length > this.#options.maxWaiting) {
        this.#held.shift();
        this.#lost += 1;
      }
      return;
    }
    this.#push(event);
    if (this.#waiting.length > this.#options.maxWaiting) {
      this.#waiting.shift();
      this.#lost += 1;
    }
    this.#drain();
  }

  stop(): void {
    if (this.#keepAlive !== null) clearInterval(this.#keepAlive);
    this.#keepAlive = null;
    this.#options.response.end();
  }

  #push(event: ClusterEvent): void {
    if (event.kind === 'history') {
      if (event.entry.index <= this.#lastIndex) return;
      this.#lastIndex = event.entry.index;
    }
    this.#waiting.push(frame(event));
  }

  #drain(): void {
    const { response } = this.#options;
    while (!response.writableNeedDrain && !response.writableEnded && this.#waiting.length > 0) {
      if (this.#lost > 0) {
        response.write(frame({ kind: 'lost', lost: this.#lost }));
        this.#lost = 0;
        continue;
      }
      response.write(this.#waiting.shift() ?? '');
    }
  }
}

/** `lost` null: how many is not known, since the history has forgotten them. */
type Told = ClusterEvent | { readonly kind: 'lost'; readonly lost: number | null };

function frame(event: Told): string {
  const id = event.kind === 'history' ? `id: ${event.entry.index}\n` : '';
  return `${id}event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}
