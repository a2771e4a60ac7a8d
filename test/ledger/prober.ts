/**
 * Asks "who are you?" over a fresh connection again and again: an open connection would stay with
 * the machine that accepted it, a new one goes where the address points now. What may not be is
 * judged by `answers.ts`; which *port of the switch* an answer came from is seen by the
 * laboratory's own watch.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { Answers, type WhoAnswer } from './answers.ts';
import { type Endpoint, LineConnection } from './line-connection.ts';

export type ProberOptions = Endpoint & {
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly onAnswer?: (answer: WhoAnswer) => void;
};

export class Prober {
  readonly answers = new Answers();
  readonly #options: Required<ProberOptions>;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: ProberOptions) {
    this.#options = { intervalMs: 20, timeoutMs: 200, onAnswer: () => {}, ...options };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      const answer = await this.#ask();
      if (answer !== undefined) {
        this.answers.observe(answer);
        this.#options.onAnswer(answer);
      }
      await pause(this.#options.intervalMs, undefined, { signal }).catch(() => {});
    }
  }

  async #ask(): Promise<WhoAnswer | undefined> {
    const { timeoutMs } = this.#options;
    let connection: LineConnection | undefined;
    try {
      connection = await LineConnection.open(this.#options, timeoutMs);
      // Asked from here on: an earlier moment could have reached an earlier owner by right.
      const askedMs = performance.now();
      const reply = await connection.ask({ op: 'who' }, timeoutMs);
      if (!reply.ok || reply.op !== 'who') return undefined;
      return { node: reply.node, epoch: reply.epoch, askedMs, answeredMs: performance.now() };
    } catch {
      return undefined; // Silence is the load generator's subject, not this one's.
    } finally {
      connection?.close();
    }
  }
}
