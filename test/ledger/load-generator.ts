/**
 * A client that never gives up: it appends one record after the other, remembers each that was
 * acknowledged, and when the ledger falls silent it tries again until somebody answers. An outage
 * is the time between the last answer before a failure and the first answer after it: what a user
 * would have felt.
 *
 * A record without an answer is asked for again under the same number, so that the ledger stores
 * it once.
 */

import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Endpoint, LineConnection, NoAnswer } from './line-connection.ts';
import type { Reply } from './protocol.ts';
import type { LedgerRecord } from './record-store.ts';
import { compare, type Sent, type Verdict } from './verify.ts';

export type LoadOptions = Endpoint & {
  readonly client: string;
  readonly connectTimeoutMs?: number;
  readonly answerTimeoutMs?: number;
  readonly retryIntervalMs?: number;
  /** Acknowledged records are also written here, a JSON line each. */
  readonly acknowledgedFile?: string;
  readonly onOutage?: (outage: Outage) => void;
};

export type Outage = {
  /** Wall clock of the last answer before, in ms, to lay it beside other logs. */
  readonly at: number;
  readonly durationMs: number;
  /** What each failed attempt ended with, and how often. */
  readonly failures: Readonly<Record<string, number>>;
  readonly before: string;
  readonly after: string;
};

type Answered = { readonly atMs: number; readonly owner: string };

export class LoadGenerator {
  readonly outages: Outage[] = [];
  readonly #options: Required<Omit<LoadOptions, 'acknowledgedFile' | 'onOutage'>> & LoadOptions;
  readonly #sent = new Map<number, Sent>();
  readonly #abort = new AbortController();
  #acknowledged = 0;
  #connection: LineConnection | undefined;
  #last: Answered | undefined;
  #failures: Record<string, number> = {};
  #running: Promise<void> | undefined;

  constructor(options: LoadOptions) {
    this.#options = {
      connectTimeoutMs: 100,
      answerTimeoutMs: 300,
      retryIntervalMs: 20,
      ...options,
    };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#connection?.close();
    await this.#running;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** What the attempts since the last answer ended with; empty while all is well. */
  get failures(): Readonly<Record<string, number>> {
    return this.#failures;
  }

  get sent(): readonly Sent[] {
    return [...this.#sent.values()];
  }

  /** Asks the ledger for everything it has and compares. Bounded: it fails when nobody answers in time. */
  async verify(limitMs: number = 30_000): Promise<Verdict> {
    return compare(this.#sent.values(), await listAll(this.#options, limitMs));
  }

  async #run(): Promise<void> {
    for (let seq = 1; !this.#abort.signal.aborted; ) {
      if (await this.#append(seq)) seq += 1;
      else
        await pause(this.#options.retryIntervalMs, undefined, { signal: this.#abort.signal }).catch(
          () => {},
        );
    }
  }

  /** One attempt. A record counts as sent from the moment the attempt begins. */
  async #append(seq: number): Promise<boolean> {
    const { client, connectTimeoutMs, answerTimeoutMs } = this.#options;
    const payload = `${client}-${seq}`;
    if (!this.#sent.has(seq)) this.#sent.set(seq, { client, seq, payload, acknowledged: false });
    try {
      this.#connection ??= await LineConnection.open(this.#options, connectTimeoutMs);
      const reply = await this.#connection.ask(
        { op: 'append', client, seq, payload },
        answerTimeoutMs,
      );
      if (!reply.ok || reply.op !== 'append')
        throw new NoAnswer(reply.ok ? 'WRONG_REPLY' : reply.code);
      this.#acknowledge(seq, reply);
      return true;
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#count(error);
      this.#connection?.close();
      this.#connection = undefined;
      return false;
    }
  }

  #acknowledge(seq: number, reply: Extract<Reply, { op: 'append' }>): void {
    const sent = this.#sent.get(seq);
    if (sent === undefined) return;
    this.#sent.set(seq, { ...sent, acknowledged: true });
    this.#acknowledged += 1;
    const { acknowledgedFile } = this.#options;
    if (acknowledgedFile !== undefined)
      appendFileSync(acknowledgedFile, `${JSON.stringify(reply)}\n`);
    this.#answered({ atMs: performance.now(), owner: `${reply.node}#${reply.epoch}` });
  }

  #answered(now: Answered): void {
    const before = this.#last;
    this.#last = now;
    if (Object.keys(this.#failures).length === 0) return;
    const failures = this.#failures;
    this.#failures = {};
    if (before === undefined) return; // Nothing had answered yet: a start, no outage.
    const outage: Outage = {
      at: Math.round(performance.timeOrigin + before.atMs),
      durationMs: now.atMs - before.atMs,
      failures,
      before: before.owner,
      after: now.owner,
    };
    this.outages.push(outage);
    this.#options.onOutage?.(outage);
  }

  #count(error: unknown): void {
    const code = error instanceof NoAnswer ? error.code : String(error);
    this.#failures[code] = (this.#failures[code] ?? 0) + 1;
  }
}

/** Every record, page by page, trying again until the limit. */
export async function listAll(
  endpoint: Endpoint,
  limitMs: number,
): Promise<readonly LedgerRecord[]> {
  const end = performance.now() + limitMs;
  for (;;) {
    try {
      return await listOnce(endpoint);
    } catch (error) {
      if (performance.now() > end || !(error instanceof NoAnswer)) throw error;
      await pause(20);
    }
  }
}

async function listOnce(endpoint: Endpoint): Promise<readonly LedgerRecord[]> {
  const connection = await LineConnection.open(endpoint, 1_000);
  try {
    const all: LedgerRecord[] = [];
    for (let from: number | null = 0; from !== null; ) {
      const reply: Reply = await connection.ask({ op: 'list', from }, 10_000);
      if (!reply.ok || reply.op !== 'list') throw new NoAnswer('WRONG_REPLY');
      all.push(...reply.records);
      from = reply.next;
    }
    return all;
  } finally {
    connection.close();
  }
}
