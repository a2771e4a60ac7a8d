/**
 * A cluster whose members come and go: founders that share one file, and newcomers that write their
 * own with `holdfast join`. One group, on an emulated disk, that every node can take. Real processes;
 * each carries the mark of the place and is ended by its id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { loadOrCreateIdentity } from '../../../src/mesh/identity.ts';
import type { Answer, ClusterStatus } from '../../../src/operator/api.ts';
import { HOLDFAST, PATIENCE_MS } from '../../demo/embedded-cluster.ts';
import { freeEndpoints } from '../../demo/loopback.ts';
import { cutPower, MARK, marked, signalAll } from '../../demo/processes.ts';
import { until } from '../../lab/kernel/index.ts';
import { ask } from '../../operator/unix-client.ts';
import { type Ended, holdfast } from './workspace.ts';

const SAN = fileURLToPath(new URL('../../demo/san.ts', import.meta.url));
const IDENTITY = 'naa.60014050000000000000000000000e2e';
export const GROUP = 'beacon';
export const INTERCONNECTS = ['lan-a', 'lan-b'] as const;
const FOUNDERS = 3;
const MOST_NODES = 8;

export class GrowingCluster {
  readonly directory: string;
  readonly #endpoints: readonly string[];
  readonly #daemons = new Map<string, ChildProcess>();
  #san: ChildProcess | null = null;

  private constructor(directory: string, endpoints: readonly string[]) {
    this.directory = directory;
    this.#endpoints = endpoints;
  }

  /** Nothing runs yet. */
  static async lay(directory: string): Promise<GrowingCluster> {
    const endpoints = await freeEndpoints(MOST_NODES * INTERCONNECTS.length + 1);
    const cluster = new GrowingCluster(directory, endpoints);
    await cluster.#writeFile();
    return cluster;
  }

  get environment(): Readonly<Record<string, string | undefined>> {
    const compiled = join(this.directory, 'compiled');
    return { NODE_COMPILE_CACHE: compiled, ...process.env, [MARK]: this.directory };
  }

  get founders(): readonly string[] {
    return Array.from({ length: FOUNDERS }, (_, i) => nodeName(i));
  }

  /** `lan-a=127.…:7400` and so on, as `--address` wants it. */
  addressWords(node: string): readonly string[] {
    const at = this.addresses(node);
    return INTERCONNECTS.flatMap((over) => ['--address', `${over}=${at[over]}`]);
  }

  addresses(node: string): Readonly<Record<string, string>> {
    const first = (Number(node.replace('node', '')) - 1) * INTERCONNECTS.length;
    return Object.fromEntries(
      INTERCONNECTS.map((over, i) => [over, this.#endpoints[first + i] ?? '']),
    );
  }

  dataOf(node: string): string {
    return join(this.directory, node);
  }

  socketOf(node: string): string {
    return join(this.directory, `${node}.sock`);
  }

  /** A founder's file is common to all founders; a newcomer has its own. */
  fileOf(node: string): string {
    const founder = this.founders.includes(node);
    return join(this.directory, founder ? 'founders.yaml' : `${node}.yaml`);
  }

  async startSan(): Promise<void> {
    const log = openSync(join(this.directory, 'san.log'), 'a');
    const argv = [SAN, this.directory, this.#endpoints.at(-1) ?? '', IDENTITY];
    const san = spawn(process.execPath, argv, {
      stdio: ['ignore', 'pipe', log],
      env: this.environment,
    });
    closeSync(log);
    this.#san = san;
    const { stdout } = san;
    if (stdout === null) throw new Error('the emulated storage has no output');
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: stdout }).once('line', () => resolve());
      san.once('exit', () => reject(new Error(this.logs())));
    });
  }

  /** The words behind `holdfast` that say which node is meant. */
  which(node: string): readonly string[] {
    return ['--config', this.fileOf(node), '--node', node, '--data-directory', this.dataOf(node)];
  }

  run(node: string): ChildProcess {
    const log = openSync(join(this.directory, `${node}.log`), 'a');
    const argv = [HOLDFAST, 'run', ...this.which(node), '--socket', this.socketOf(node)];
    const child = spawn(process.execPath, argv, {
      stdio: ['ignore', log, log],
      env: this.environment,
    });
    closeSync(log);
    this.#daemons.set(node, child);
    return child;
  }

  /** Runs a command to its end. */
  command(...argv: readonly string[]): Promise<Ended> {
    return holdfast(this, argv);
  }

  /** A command at the daemon of a node. */
  on(node: string, ...argv: readonly string[]): Promise<Ended> {
    return this.command('--socket', this.socketOf(node), ...argv);
  }

  /** Its answer as JSON; throws when the command failed. */
  async data<T>(node: string, ...argv: readonly string[]): Promise<T> {
    const ended = await this.on(node, ...argv, '--json');
    if (ended.status !== 0) throw new Error(`${argv.join(' ')}: ${ended.stdout}${ended.stderr}`);
    return (JSON.parse(ended.stdout) as Answer<T>).data;
  }

  /** undefined: no daemon answers. */
  async status(node: string): Promise<ClusterStatus | undefined> {
    const reply = await ask(this.socketOf(node), 'GET', '/v1/status').catch(() => undefined);
    return reply?.status === 200 ? (reply.json['data'] as ClusterStatus) : undefined;
  }

  /** Waits until the status of this node is as wanted. */
  async seen(
    node: string,
    what: string,
    holds: (status: ClusterStatus) => boolean,
  ): Promise<ClusterStatus> {
    return await until(
      async () => {
        const status = await this.status(node);
        return status !== undefined && holds(status) ? status : undefined;
      },
      { what: `${node} sees that ${what}`, limitMs: PATIENCE_MS, intervalMs: 100 },
      () => this.logs(),
    );
  }

  /** Waits until exactly these nodes vote, are heard, and the group is served. */
  async whole(...nodes: readonly string[]): Promise<ClusterStatus> {
    const [first = ''] = nodes;
    return await this.seen(first, `${nodes.join(', ')} vote and serve`, (status) => {
      const names = status.members.map((member) => member.node).toSorted();
      const settled = status.members.every(
        ({ raft, role, state }) => raft === 'voter' && role === 'voter' && state === 'alive',
      );
      const served = status.groups.find(({ group }) => group === GROUP)?.phase === 'serving';
      return String(names) === String(nodes.toSorted()) && settled && served && status.quorate;
    });
  }

  /** As when the plug is pulled: daemon, guardian and application at once. */
  powerOff(node: string): void {
    const child = this.#daemons.get(node);
    if (child?.pid !== undefined && child.exitCode === null) cutPower(child.pid);
    this.#daemons.delete(node);
  }

  logOf(node: string): string {
    try {
      return readFileSync(join(this.directory, `${node}.log`), 'utf8');
    } catch {
      return '(no log)';
    }
  }

  logs(): string {
    return ['san', ...this.#daemons.keys()]
      .map((name) => `--- ${name}\n${this.logOf(name).slice(-2_500)}`)
      .join('\n');
  }

  down(): void {
    for (const node of [...this.#daemons.keys()]) this.powerOff(node);
    this.#san?.kill('SIGKILL');
    signalAll(
      marked(this.directory).map(({ pid }) => pid),
      'SIGKILL',
    );
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  async #writeFile(): Promise<void> {
    const members = await Promise.all(
      this.founders.map(async (name, i) => {
        mkdirSync(this.dataOf(name), { recursive: true, mode: 0o700 });
        const { peerId } = await loadOrCreateIdentity(this.dataOf(name));
        return { name, number: i + 1, 'peer-id': peerId, addresses: this.addresses(name) };
      }),
    );
    const device = `emulated:${join(this.directory, 'disk.sock')}#0`;
    const disk = { identity: IDENTITY, device, adapter: 'emulated' };
    const command = [process.execPath, '-e', 'setInterval(() => undefined, 60_000)'];
    const file = {
      cluster: `growing-${process.pid}`,
      'data-directory': join(this.directory, 'unused'),
      profile: 'safe',
      interconnects: [...INTERCONNECTS],
      members,
      groups: [
        {
          name: GROUP,
          resources: [
            { name: 'disk', type: 'disk', parameters: disk },
            { name: 'beacon', type: 'application', needs: ['disk'], parameters: { command } },
          ],
        },
      ],
    };
    writeFileSync(this.fileOf(nodeName(0)), stringify(file));
  }
}

function nodeName(index: number): string {
  return `node${index + 1}`;
}
