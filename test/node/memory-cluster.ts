/**
 * A cluster in memory: the production driver of every node over a virtual clock, the mesh in memory,
 * a log that keeps only what was synced, and a stage that knows who shows what at any moment.
 *
 * It is no simulation of disks; it shows that the parts are put together rightly: elections,
 * decisions, leases, guardian, executor.
 */
import type { GroupDefinition, Member, ResourceDefinition } from '../../src/cluster/definition.ts';
import { defaultTimes } from '../../src/config/times.ts';
import type { NodeConfig, Sabotage } from '../../src/config/types.ts';
import type { ToGuardian } from '../../src/guardian/messages.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { MemoryMesh } from '../../src/mesh/memory-mesh.ts';
import { MemoryNetwork } from '../../src/mesh/memory-network.ts';
import { Driver, type DriverNews } from '../../src/node/driver.ts';
import type { Guardian, World } from '../../src/node/world.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';
import { DurableLog } from './durable-log.ts';
import { type AgentBehaviour, Stage, stageAgent } from './stage.ts';

export const INTERCONNECTS = ['ic1', 'ic2'] as const;
const TYPES = ['disk', 'filesystem', 'floating-ip', 'application'] as const;
type Arm = ToGuardian & { readonly kind: 'arm' };

const resource = (name: string, type: string, needs: readonly string[]): ResourceDefinition => ({
  name,
  type,
  needs,
  parameters: {},
  startTimeoutMs: 5_000,
  stopTimeoutMs: 5_000,
  monitorIntervalMs: 200,
  monitorTimeoutMs: 1_000,
});

export const GROUP: GroupDefinition = {
  group: 'g',
  preferred: ['node1'],
  resources: [
    resource('lun', 'disk', []),
    resource('data', 'filesystem', ['lun']),
    resource('ip', 'floating-ip', []),
    resource('app', 'application', ['data', 'ip']),
  ],
};

/** One machine: what it keeps over a restart, and its daemon of the moment. */
export class Host {
  readonly name: string;
  readonly news: DriverNews[] = [];
  readonly #cluster: MemoryCluster;
  readonly #log: DurableLog;
  readonly #frame: ReturnType<VirtualClock['host']>;
  readonly #armed = new Map<string, Arm>();
  #daemon: { readonly driver: Driver; readonly mesh: MemoryMesh } | null = null;
  #lives = 0;

  constructor(cluster: MemoryCluster, name: string) {
    this.name = name;
    this.#cluster = cluster;
    this.#log = new DurableLog(cluster.clock);
    this.#frame = cluster.clock.host();
  }

  get driver(): Driver {
    if (this.#daemon === null) throw new Error(`${this.name} does not run`);
    return this.#daemon.driver;
  }

  get running(): boolean {
    return this.#daemon !== null;
  }

  start(): void {
    const { network, crashes } = this.#cluster;
    const config = this.#cluster.configOf(this.name);
    const self = config.members.find((member) => member.node === this.name);
    if (self === undefined) throw new Error(`${this.name} is no member`);
    this.#lives += 1;
    const incarnation = this.#lives * 1_000 + self.number;
    const { clusterId, interconnects } = config;
    const times = { redialMs: 50, connectTimeoutMs: 200 };
    const mesh = new MemoryMesh({ network, clusterId, self, incarnation, interconnects, ...times });
    const driver = new Driver({
      config,
      world: this.#world(mesh, incarnation),
      incarnation,
      restored: this.#log.restored(),
      news: (news) => this.news.push(news),
      crash: (error) => {
        crashes.push(`${this.name}: ${error instanceof Error ? error.stack : String(error)}`);
      },
    });
    this.#daemon = { driver, mesh };
    driver.start();
    mesh.start().catch((error: unknown) => crashes.push(String(error)));
  }

  /** kill -9 of the daemon: its guardian tears down and publishes what it knows. */
  killDaemon(): void {
    this.#endDaemon();
    this.#cluster.stage.clear(this.name);
    for (const order of this.#armed.values()) this.#cluster.publish(order);
    this.#armed.clear();
  }

  powerOff(): void {
    this.#cluster.network.powerOff(this.name);
    this.#endDaemon();
    this.#cluster.stage.clear(this.name);
    this.#armed.clear();
  }

  powerOn(): void {
    this.#cluster.network.powerOn(this.name);
    this.start();
  }

  /** The whole machine stands still; its packet filter runs out all the same. */
  freeze(): void {
    this.#cluster.network.powerOff(this.name);
    this.#frame.freeze();
  }

  thaw(): void {
    this.#cluster.network.powerOn(this.name);
    this.#frame.thaw();
  }

  hear(order: Arm): void {
    const { group, epoch, secret } = order;
    const evidence = { kind: 'torn-down', clusterId: 'memory', group, epoch, secret } as const;
    this.#daemon?.driver.post({ kind: 'evidence', evidence });
  }

  #endDaemon(): void {
    this.#daemon?.driver.stop();
    this.#daemon?.mesh.stop().catch((error: unknown) => this.#cluster.crashes.push(String(error)));
    this.#daemon = null;
  }

  #world(mesh: MemoryMesh, incarnation: number): World {
    const { stage, clock, behaviour, crashes, log } = this.#cluster;
    const one = stageAgent(stage, clock, this.name, behaviour);
    const quiet = (): void => undefined;
    const say = (event: string, facts: object = {}): void => {
      log.push(`${clock.now().toFixed(0)} ${this.name} ${event} ${JSON.stringify(facts)}`);
    };
    let secrets = 0;
    return {
      clock: this.#frame.clock,
      random: seededRandom(incarnation),
      log: this.#log,
      mesh,
      agents: new Map(TYPES.map((type) => [type, one])),
      guardian: this.#guardian(),
      logger: { debug: quiet, info: say, warn: say, error: say, flush: quiet },
      secret: () => `${this.name}-${incarnation}-${++secrets}`,
      record: quiet,
      selfFence: (cause) => crashes.push(`${this.name} resets itself: ${cause}`),
    };
  }

  /** Acknowledges at once, and silences addresses when a lease runs out, as the packet filter does. */
  #guardian(): Guardian {
    const { clock, stage } = this.#cluster;
    const post = (requestId: number): void =>
      this.#daemon?.driver.post({ kind: 'guardian', message: { kind: 'armed', requestId } });
    return {
      start: async () => undefined,
      stop: async () => undefined,
      onExit: () => undefined,
      send: (message) => {
        if (message.kind === 'disarm') {
          this.#armed.delete(message.group);
          return;
        }
        this.#armed.set(message.group, message);
        post(message.requestId);
        clock.schedule(message.serveUntilMs - clock.now(), () => {
          const latest = this.#armed.get(message.group);
          const expired = latest !== undefined && latest.serveUntilMs <= clock.now();
          if (expired) stage.hide(`${message.group}/ip`, this.name);
        });
      },
    };
  }
}

export type MemoryClusterOptions = {
  readonly nodes: number;
  readonly groups?: readonly GroupDefinition[];
  readonly sabotage?: readonly Sabotage[];
};

export class MemoryCluster {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork({ scheduler: this.clock, latencyMs: 1 });
  readonly stage = new Stage();
  readonly crashes: string[] = [];
  readonly log: string[] = [];
  readonly behaviour: AgentBehaviour = { startDelayMs: 10, failStartOn: null };
  readonly hosts: readonly Host[];
  readonly #options: MemoryClusterOptions;
  readonly #members: readonly Member[];

  constructor(options: MemoryClusterOptions) {
    this.#options = options;
    const names = Array.from({ length: options.nodes }, (_, i) => `node${i + 1}`);
    this.#members = names.map((node, i) => ({
      node,
      number: i + 1,
      peerId: `peer-${node}`,
      addresses: { ic1: `10.1.0.${i + 1}:7100`, ic2: `10.2.0.${i + 1}:7100` },
    }));
    this.hosts = names.map((name) => new Host(this, name));
  }

  start(): void {
    for (const host of this.hosts) host.start();
  }

  host(name: string): Host {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  configOf(node: string): NodeConfig {
    return {
      clusterId: 'memory',
      node,
      dataDirectory: '/nowhere',
      socketPath: '/nowhere/holdfast.sock',
      profile: 'fast',
      times: defaultTimes('fast'),
      interconnects: INTERCONNECTS,
      members: this.#members,
      groups: this.#options.groups ?? [GROUP],
      sabotage: this.#options.sabotage ?? [],
    };
  }

  publish(order: Arm): void {
    for (const host of this.hosts) host.hear(order);
  }

  leader(): Host | null {
    return this.hosts.find((host) => host.running && host.driver.raft.role === 'leader') ?? null;
  }

  /** Cuts one node off on one interconnect, both ways, or heals it. */
  cut(name: string, over: string, cut: boolean): void {
    for (const { name: other } of this.hosts) {
      if (other === name) continue;
      for (const [from, to] of [
        [name, other],
        [other, name],
      ] as const) {
        if (cut) this.network.cut(from, to, over);
        else this.network.heal(from, to, over);
      }
    }
  }

  /** The one node that shows both address and application of the group, or null. */
  serving(group = 'g'): string | null {
    const [node, ...others] = this.stage.owners(`${group}/app`);
    if (node === undefined || others.length > 0) return null;
    return this.stage.owners(`${group}/ip`).includes(node) ? node : null;
  }
}
