/**
 * A whole cluster without privileges: three daemons on loopback as real processes, and a fourth that
 * holds the emulated disk (with the same reservations) and the emulated network segment. The
 * demonstration plays on it, and the end-to-end tests drive it.
 *
 * It judges nothing. Every process it starts carries a mark and is ended by its id in `down()`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ClusterStatus, GroupStatus } from '../../src/operator/api.ts';
import { askSegment } from '../../src/system/segment-client.ts';
import { Load } from '../lab/clients.ts';
import { until } from '../lab/kernel/index.ts';
import {
  type EmbeddedConfig,
  type EmbeddedOptions,
  GROUP,
  NODES,
  writeConfig,
} from './embedded-config.ts';
import { cutPower, MARK, marked, signalAll } from './processes.ts';
import type { Owner } from './stage.ts';

export const HOLDFAST = fileURLToPath(new URL('../../src/holdfast.js', import.meta.url));
/** How long a busy machine may take to start, to form the cluster or to fail over. */
export const PATIENCE_MS = 60_000;
const ASK_LIMIT_MS = 3_000;
const SAN = fileURLToPath(new URL('san.ts', import.meta.url));

export type Wanted = {
  /** Anybody but this node. */
  readonly not?: string;
  /** In an epoch after this one. */
  readonly after?: number;
};

export class EmbeddedCluster {
  readonly directory: string;
  readonly config: EmbeddedConfig;
  readonly #daemons = new Map<string, ChildProcess>();
  readonly #silent = new Set<string>();
  readonly #clients: ChildProcess[] = [];
  #san: ChildProcess | null = null;

  private constructor(directory: string, config: EmbeddedConfig) {
    this.directory = directory;
    this.config = config;
  }

  /** Nothing runs yet. All files of the cluster will lie in `directory`. */
  static async lay(directory: string, options?: EmbeddedOptions): Promise<EmbeddedCluster> {
    return new EmbeddedCluster(directory, await writeConfig(directory, options));
  }

  /** For processes that belong to this cluster; Node keeps what it compiled for the next start. */
  get environment(): Readonly<Record<string, string | undefined>> {
    const compiled = join(this.directory, 'compiled');
    return { NODE_COMPILE_CACHE: compiled, ...process.env, [MARK]: this.directory };
  }

  async start(program = HOLDFAST): Promise<void> {
    await this.startSan();
    for (const node of NODES) this.startDaemon(node, program);
  }

  async startSan(): Promise<void> {
    const log = this.#openLog('san');
    const argv = [SAN, this.directory, this.config.floating, this.config.identity];
    const stdio = ['ignore', 'pipe', log] as const;
    const san = spawn(process.execPath, argv, { stdio: [...stdio], env: this.environment });
    closeSync(log);
    this.#san = san;
    const { stdout } = san;
    if (stdout === null) throw new Error('the emulated storage has no output');
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: stdout }).once('line', () => resolve());
      san.once('exit', () => reject(new Error(readTail(join(this.directory, 'san.log')))));
    });
  }

  /** The words after `holdfast` that run this node. */
  runArguments(node: string): readonly string[] {
    const { path, dataOf, socketOf } = this.config;
    const which = ['run', '--config', path, '--node', node];
    return [...which, '--data-directory', dataOf(node), '--socket', socketOf(node)];
  }

  /** `program` is another release of it, or the bundled one. */
  startDaemon(node: string, program = HOLDFAST): ChildProcess {
    const log = this.#openLog(node);
    const argv = [program, ...this.runArguments(node)];
    const stdio = ['ignore', log, log] as const;
    const child = spawn(process.execPath, argv, { stdio: [...stdio], env: this.environment });
    closeSync(log);
    this.#daemons.set(node, child);
    return child;
  }

  /** The nodes whose daemon was started and did not end. */
  get running(): readonly string[] {
    return [...this.#daemons]
      .filter(([, { exitCode, signalCode }]) => exitCode === null && signalCode === null)
      .map(([node]) => node);
  }

  daemon(node: string): ChildProcess {
    const child = this.#daemons.get(node);
    if (child === undefined) throw new Error(`${node} was not started`);
    return child;
  }

  pidOf(node: string): number {
    const { pid } = this.daemon(node);
    if (pid === undefined) throw new Error(`${node} has no process`);
    return pid;
  }

  /** Cuts the power of everything that this node started. */
  powerOff(node: string): void {
    if (this.running.includes(node)) cutPower(this.pidOf(node));
    this.#daemons.delete(node);
  }

  /** Asked no more until it is `heard` again: a frozen daemon answers after a long wait only. */
  silent(node: string): void {
    this.#silent.add(node);
  }

  heard(node: string): void {
    this.#silent.delete(node);
  }

  /** The data of an answer on the operator socket; undefined when there is none. */
  ask<T>(node: string, path: string): Promise<T | undefined> {
    const socketPath = this.config.socketOf(node);
    return new Promise((resolve) => {
      const asked = request({ socketPath, path, timeout: ASK_LIMIT_MS }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          const good = response.statusCode === 200;
          resolve(good ? (JSON.parse(text) as { readonly data: T }).data : undefined);
        });
        response.on('error', () => resolve(undefined));
      });
      asked.on('timeout', () => asked.destroy());
      asked.on('error', () => resolve(undefined));
      asked.end();
    });
  }

  status(node: string): Promise<ClusterStatus | undefined> {
    return this.ask<ClusterStatus>(node, '/v1/status');
  }

  async group(node: string): Promise<GroupStatus | undefined> {
    const status = await this.status(node);
    return status?.groups.find(({ group }) => group === GROUP);
  }

  /** Waits until a node that can be asked says that the group is served. */
  async served({ not, after = 0 }: Wanted = {}): Promise<Owner> {
    return await until(
      async () => {
        for (const node of this.running) {
          if (node === not || this.#silent.has(node)) continue;
          const group = await this.group(node);
          if (group?.phase !== 'serving' || group.owner === null || group.owner === not) continue;
          if (group.epoch > after) return { node: group.owner, epoch: group.epoch };
        }
        return undefined;
      },
      { what: 'the group is served', limitMs: PATIENCE_MS, intervalMs: 20 },
      () => this.logs(),
    );
  }

  /** Waits until this node hears all members. */
  async rejoined(node: string): Promise<ClusterStatus> {
    return await until(
      async () => {
        const status = await this.status(node);
        const whole = status?.members.every(({ state }) => state === 'alive') === true;
        return status?.quorate === true && status.members.length === NODES.length && whole
          ? status
          : undefined;
      },
      { what: `${node} is a member again`, limitMs: PATIENCE_MS, intervalMs: 50 },
      () => this.logs(),
    );
  }

  /** Whom the network segment sends the clients of the floating address to. */
  async addressHolder(): Promise<string> {
    const reply = await askSegment(
      join(this.directory, 'segment.sock'),
      { kind: 'who-has', address: 'ledger' },
      { timeoutMs: ASK_LIMIT_MS, signal: AbortSignal.timeout(ASK_LIMIT_MS) },
    );
    return reply.ok ? (reply.node ?? 'nobody') : 'nobody';
  }

  /** The ledger's clients, through the floating address. */
  load(): Load {
    return new Load((argv) => {
      const [command = '', ...args] = argv;
      const child = spawn(command, args, {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: this.environment,
      });
      this.#clients.push(child);
      return child;
    }, this.config.floating);
  }

  logOf(node: string): string {
    return readFileSync(join(this.directory, `${node}.log`), 'utf8');
  }

  /** The end of every log, for the message of a failure. */
  logs(): string {
    return ['san', ...NODES]
      .map((name) => `--- ${name}\n${readTail(join(this.directory, `${name}.log`))}`)
      .join('\n');
  }

  /** Ends everything that was started, whatever became of it, and removes the directory. */
  down(): void {
    for (const node of this.running) signalAll([this.pidOf(node)], 'SIGCONT');
    for (const node of this.running) this.powerOff(node);
    for (const child of [...this.#clients, this.#san]) child?.kill('SIGKILL');
    // A guardian may still be at work for a daemon that is gone.
    const left = marked(this.directory).map(({ pid }) => pid);
    signalAll(left, 'SIGKILL');
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #openLog(name: string): number {
    return openSync(join(this.directory, `${name}.log`), 'a');
  }
}

function readTail(path: string): string {
  try {
    return readFileSync(path, 'utf8').slice(-3_000);
  } catch {
    return '(no log)';
  }
}
