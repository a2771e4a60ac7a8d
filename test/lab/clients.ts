/**
 * The people outside: the ledger's load generator and prober, and the watch at the switch, run in
 * the laboratory's own namespace and told what to do by lines. They never touch a guest but
 * through the network.
 */

import { createInterface } from 'node:readline';
import { type ClientProcess, repositoryRoot, until } from './kernel/index.ts';
import type { Lab } from './lab.ts';
import type { Heard } from './watch/heard.ts';

export type LoadStatus = {
  readonly acknowledged: number;
  readonly outages: readonly {
    readonly at: number;
    readonly durationMs: number;
    readonly before: string;
    readonly after: string;
    readonly client?: number;
  }[];
  readonly probes: number;
  readonly owners: readonly { readonly node: string; readonly epoch: number }[];
  readonly violations: readonly { readonly kind: string; readonly lateMs: number }[];
};
export type LoadVerdict = {
  readonly ok: boolean;
  readonly acknowledged: number;
  readonly lost: number;
  readonly phantom: number;
  readonly examples: readonly string[];
};

export type Spawn = (argv: readonly string[]) => ClientProcess;

const answerLimitMs = 60_000;
const node = process.execPath;

/** The ledger's client as a process (`test/ledger/client.ts`). */
export class Load {
  readonly #process: ClientProcess;
  readonly #said: Record<string, unknown>[] = [];

  /** `spawn` starts a process where the clients are; it must end with this process. */
  constructor(spawn: Spawn, endpoint: string, args: readonly string[] = []) {
    this.#process = spawn([node, `${repositoryRoot}/test/ledger/client.ts`, endpoint, ...args]);
    collect(this.#process, (line) => this.#said.push(line));
  }

  status(): Promise<LoadStatus> {
    return this.#ask('status', 'status') as Promise<LoadStatus>;
  }

  /** No more appends; the last status. */
  stop(): Promise<LoadStatus> {
    return this.#ask('stop', 'stopped') as Promise<LoadStatus>;
  }

  verify(): Promise<LoadVerdict> {
    return this.#ask('verify', 'verdict') as Promise<LoadVerdict>;
  }

  async waitForAcknowledged(more: number, limitMs: number): Promise<LoadStatus> {
    const before = (await this.status()).acknowledged;
    return until(
      async () => {
        const status = await this.status();
        return status.acknowledged >= before + more && status;
      },
      { what: `${more} more acknowledged records`, limitMs, intervalMs: 50 },
    );
  }

  async #ask(command: string, event: string): Promise<unknown> {
    const from = this.#said.length;
    this.#process.stdin.write(`${command}\n`);
    return until(
      () =>
        this.#said.slice(from).find((line) => line['event'] === event || line['event'] === 'error'),
      { what: `the load generator answers ${command}`, limitMs: answerLimitMs, intervalMs: 5 },
    ).then((line) => {
      if (line['event'] === 'error') throw new Error(String(line['detail']));
      return line;
    });
  }
}

/** The watch at the switch (`watch/main.ts`): which guest was heard to speak for an address, and when. */
export class Watch {
  readonly heard: Heard[] = [];
  readonly ready: Promise<void>;

  constructor(lab: Lab, ...addresses: readonly string[]) {
    const ready = Promise.withResolvers<void>();
    this.ready = ready.promise;
    const child = lab.client.spawn([
      node,
      `${repositoryRoot}/test/lab/watch/main.ts`,
      ...addresses,
    ]);
    child.on('exit', (status) => ready.reject(new Error(`the watch ended with status ${status}`)));
    this.ready.catch(() => {});
    collect(child, (line) => {
      if ('watching' in line) ready.resolve();
      else this.heard.push(line as unknown as Heard);
    });
  }
}

function collect(child: ClientProcess, each: (line: Record<string, unknown>) => void): void {
  createInterface({ input: child.stdout }).on('line', (line) => each(JSON.parse(line)));
  child.stderr.pipe(process.stderr);
  child.stdin.on('error', () => {}); // It ended: whoever asks it next is told by the bound.
}
