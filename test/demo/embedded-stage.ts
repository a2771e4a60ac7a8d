/**
 * The demonstration without privileges: three daemons on loopback, and a fourth process that holds
 * the emulated disk (with the same reservations) and the emulated network segment. What is emulated
 * is held to the real thing by the contract suites.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseEmulated } from '../../src/fencing/devices/emulated/address.ts';
import { EmulatedDisk } from '../../src/fencing/devices/emulated/client.ts';
import type { ClusterStatus, GroupStatus, Timeline } from '../../src/operator/api.ts';
import { askSegment } from '../../src/system/segment-client.ts';
import { Load } from '../lab/clients.ts';
import { until } from '../lab/kernel/index.ts';
import { type EmbeddedConfig, GROUP, NODES, writeConfig } from './embedded-config.ts';
import { cutPower, signalAll, treeOf } from './processes.ts';
import type { Finding, Owner, Stage } from './stage.ts';

const FORM_LIMIT_MS = 60_000;
const FAILOVER_LIMIT_MS = 60_000;
const ASK_LIMIT_MS = 3_000;
/** Beyond what the ledger uses in a demonstration: a block of its own for the forbidden write. */
const FOREIGN_BLOCK = 60_000;
const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const HOLDFAST = fileURLToPath(new URL('../../src/holdfast.js', import.meta.url));

export async function embeddedStage(say: (line: string) => void): Promise<Stage> {
  const stage = new EmbeddedStage(mkdtempSync(join(tmpdir(), 'holdfast-demo-')));
  try {
    say('starting the emulated disk and network segment, and three daemons on loopback');
    await stage.start();
    return stage;
  } catch (error) {
    const words = stage.logs();
    await stage.down();
    throw new Error(`${String(error)}\n${words}`);
  }
}

class EmbeddedStage implements Stage {
  readonly mode = 'embedded';
  readonly about =
    'three daemons on loopback; disk and network segment are emulated by a fourth process';
  readonly #directory: string;
  readonly #daemons = new Map<string, ChildProcess>();
  readonly #frozen = new Map<string, readonly number[]>();
  #san: ChildProcess | null = null;
  #config: EmbeddedConfig | null = null;
  #load: Load | null = null;
  #clients: ChildProcess[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  async start(): Promise<void> {
    const config = await writeConfig(this.#directory);
    this.#config = config;
    await this.#startSan(config);
    for (const node of NODES) this.#startDaemon(node);
    this.#load = new Load((argv) => this.#client(argv), `127.0.0.1:${config.floatingPort}`);
    await this.#served({}, FORM_LIMIT_MS);
  }

  get load(): Load {
    if (this.#load === null) throw new Error('the stage is not up');
    return this.#load;
  }

  served(options: Parameters<Stage['served']>[0] = {}): Promise<Owner> {
    return this.#served(options, FAILOVER_LIMIT_MS);
  }

  async answered(): Promise<void> {
    await this.load.waitForAcknowledged(20, FAILOVER_LIMIT_MS);
  }

  async timelines(): Promise<readonly Timeline[]> {
    const { node } = await this.served();
    return (await this.#ask<readonly Timeline[]>(node, '/v1/timeline')) ?? [];
  }

  async powerOff(node: string): Promise<void> {
    const pid = this.#daemons.get(node)?.pid;
    this.#daemons.delete(node);
    if (pid !== undefined) cutPower(pid);
  }

  async powerOn(node: string): Promise<void> {
    this.#startDaemon(node);
    await until(
      async () => {
        const status = await this.#ask<ClusterStatus>(node, '/v1/status');
        return status?.quorate === true && status.members.every(({ state }) => state === 'alive');
      },
      { what: `${node} is a member again`, limitMs: FAILOVER_LIMIT_MS, intervalMs: 50 },
    );
  }

  async freeze(node: string): Promise<void> {
    const pid = this.#daemons.get(node)?.pid;
    if (pid === undefined) return;
    const all = treeOf(pid);
    this.#frozen.set(node, all);
    signalAll(all, 'SIGSTOP');
  }

  async thaw(node: string): Promise<void> {
    signalAll(this.#frozen.get(node) ?? [], 'SIGCONT');
    this.#frozen.delete(node);
  }

  async writeOfOldOwner(node: string): Promise<Finding> {
    const disk = new EmulatedDisk({
      ...parseEmulated(`emulated:${join(this.#directory, 'disk.sock')}#0`),
      initiator: node,
      path: 'a',
      timeoutMs: ASK_LIMIT_MS,
    });
    const signal = AbortSignal.timeout(ASK_LIMIT_MS);
    const refused = await disk.writeBlock(FOREIGN_BLOCK, new Uint8Array(1), signal).then(
      () => null,
      (error: unknown) => String(error),
    );
    disk.close();
    return {
      ok: refused?.includes('RESERVATION_CONFLICT') === true,
      words: `the disk refuses a write of ${node}: ${refused ?? 'it was written'}`,
    };
  }

  async letGo(node: string): Promise<Finding> {
    const gone = await until(
      async () => {
        const status = await this.#ask<ClusterStatus>(node, '/v1/status');
        const group = status?.groups.find((one) => one.group === GROUP);
        return group?.local.state === 'stopped' && group.owner !== node;
      },
      { what: 'the group is down there', limitMs: FAILOVER_LIMIT_MS, intervalMs: 50 },
    ).then(
      () => true,
      () => false,
    );
    const holder = await this.#addressOf();
    return {
      ok: gone && holder !== node,
      words: `address and application are gone from ${node}; the address is at ${holder}`,
    };
  }

  async oneOwner(): Promise<Finding> {
    const { node } = await this.served();
    const holder = await this.#addressOf();
    return { ok: holder === node, words: `the owner ${node} has the address, and nobody else` };
  }

  async down(): Promise<void> {
    for (const node of [...this.#frozen.keys()]) await this.thaw(node);
    for (const node of [...this.#daemons.keys()]) await this.powerOff(node);
    for (const client of this.#clients) client.kill('SIGKILL');
    this.#san?.kill('SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
  }

  logs(): string {
    return NODES.map((node) => {
      const path = join(this.#directory, `${node}.log`);
      return `--- ${node}\n${readTail(path)}`;
    }).join('\n');
  }

  async #served(
    { not, after = 0 }: { readonly not?: string; readonly after?: number },
    limitMs: number,
  ): Promise<Owner> {
    return await until(
      async () => {
        for (const node of this.#daemons.keys()) {
          if (node === not || this.#frozen.has(node)) continue;
          const group = await this.#group(node);
          if (group?.phase !== 'serving' || group.owner === null || group.owner === not) continue;
          if (group.epoch > after) return { node: group.owner, epoch: group.epoch };
        }
        return undefined;
      },
      { what: 'the group is served', limitMs, intervalMs: 20 },
      () => this.logs(),
    );
  }

  async #group(node: string): Promise<GroupStatus | undefined> {
    const status = await this.#ask<ClusterStatus>(node, '/v1/status');
    return status?.groups.find(({ group }) => group === GROUP);
  }

  async #addressOf(): Promise<string> {
    const reply = await askSegment(
      join(this.#directory, 'segment.sock'),
      { kind: 'who-has', address: 'ledger' },
      { timeoutMs: ASK_LIMIT_MS, signal: AbortSignal.timeout(ASK_LIMIT_MS) },
    );
    return reply.ok ? (reply.node ?? 'nobody') : 'nobody';
  }

  #ask<T>(node: string, path: string): Promise<T | undefined> {
    const socketPath = this.#config?.socketOf(node) ?? '';
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

  async #startSan({ floatingPort, identity }: EmbeddedConfig): Promise<void> {
    const log = openSync(join(this.#directory, 'san.log'), 'a');
    const argv = [script('san.ts'), this.#directory, String(floatingPort), identity];
    const san = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', log] });
    this.#san = san;
    const { stdout } = san;
    if (stdout === null) throw new Error('the emulated storage has no output');
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: stdout }).once('line', () => resolve());
      san.once('exit', () => reject(new Error(readTail(join(this.#directory, 'san.log')))));
    });
  }

  #startDaemon(node: string): void {
    const config = this.#config;
    if (config === null) return;
    const log = openSync(join(this.#directory, `${node}.log`), 'a');
    const argv = ['run', '--config', config.path, '--node', node];
    const places = ['--data-directory', config.dataOf(node), '--socket', config.socketOf(node)];
    const child = spawn(process.execPath, [HOLDFAST, ...argv, ...places], {
      stdio: ['ignore', log, log],
    });
    this.#daemons.set(node, child);
  }

  #client(argv: readonly string[]): ReturnType<ConstructorParameters<typeof Load>[0]> {
    const [command = '', ...args] = argv;
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#clients.push(child);
    return child;
  }
}

function readTail(path: string): string {
  try {
    return readFileSync(path, 'utf8').slice(-3_000);
  } catch {
    return '(no log)';
  }
}
