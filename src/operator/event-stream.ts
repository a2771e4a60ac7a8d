/**
 * One client that follows the events (server-sent events, WHATWG HTML §9.2). A client that reads
 * slower than things happen must not make the daemon remember without end: its queue is bounded,
 * the oldest events go first, and it is told how many it missed.
 */
import type { ServerResponse } from 'node:http';
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

  send(event: ClusterEvent): void {
    this.#waiting.push(frame(event.kind, event));
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

  #drain(): void {
    const { response } = this.#options;
    while (!response.writableNeedDrain && !response.writableEnded && this.#waiting.length > 0) {
      if (this.#lost > 0) {
        response.write(frame('lost', { kind: 'lost', lost: this.#lost }));
        this.#lost = 0;
        continue;
      }
      response.write(this.#waiting.shift() ?? '');
    }
  }
}

function frame(kind: string, event: object): string {
  return `event: ${kind}\ndata: ${JSON.stringify(event)}\n\n`;
}
