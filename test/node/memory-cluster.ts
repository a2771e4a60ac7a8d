/**
 * A cluster in memory: the production driver and guardian of every node over a virtual clock, the mesh
 * in memory, a log that keeps only what was synced, and a stage that knows who shows and writes what at
 * any moment. One seed, one history.
 *
 * Reservations are modelled by what they promise (a newer key takes the older ones away); the real
 * protocol is tested where it lives.
 */
import type { GroupDefinition, Member, ResourceDefinition } from '../../src/cluster/definition.ts';
import { defaultTimes } from '../../src/config/times.ts';
import type { NodeConfig, Sabotage } from '../../src/config/types.ts';
import type { GuardianEvidence } from '../../src/guardian/messages.ts';
import { seededRandom } from '../../src/lib/random.ts';
import type { DriverNews } from '../../src/node/driver-news.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';
import { FreezableNetwork } from './freezable-network.ts';
import { Host } from './host.ts';
import { Stage } from './stage.ts';

export const INTERCONNECTS = ['ic1', 'ic2'] as const;

const resource = (name: string, type: string, needs: readonly string[]): ResourceDefinition => ({
  name,
  type,
  needs,
  parameters: {},
  startTimeoutMs: 2_000,
  stopTimeoutMs: 2_000,
  monitorIntervalMs: 200,
  monitorTimeoutMs: 1_000,
});

export function groupNamed(group: string, preferred: readonly string[]): GroupDefinition {
  return {
    group,
    preferred,
    resources: [
      resource('lun', 'disk', []),
      resource('data', 'filesystem', ['lun']),
      resource('ip', 'floating-ip', []),
      resource('app', 'application', ['data', 'ip']),
    ],
  };
}

export type MemoryClusterOptions = {
  /** Members from the beginning: `node1` and so on. */
  readonly nodes: number;
  /** Machines that are there and no members: they do not run before somebody starts them. */
  readonly spare?: number;
  readonly groups?: readonly GroupDefinition[];
  readonly sabotage?: readonly Sabotage[];
  readonly seed?: number;
  /** Entries between two snapshots; few, so that snapshots are sent and restored. */
  readonly compactEvery?: number;
};

const LOG_LINES = 400;

export class MemoryCluster {
  readonly clock = new VirtualClock();
  readonly network = new FreezableNetwork({ scheduler: this.clock, latencyMs: 1 });
  readonly stage = new Stage(this.clock);
  readonly random: ReturnType<typeof seededRandom>;
  readonly crashes: string[] = [];
  readonly log: string[] = [];
  readonly hosts: readonly Host[];
  /** How far the wall clocks of all machines are from the true time. */
  wallSkewMs = 0;
  /** For those who compare whole histories. */
  traced: ((line: string) => void) | null = null;
  /** For those who watch every step of every state machine. */
  watched: ((node: string, news: DriverNews) => void) | null = null;
  readonly #options: MemoryClusterOptions;
  readonly #machines: readonly Member[];
  readonly #cuts = new Set<string>();

  constructor(options: MemoryClusterOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed ?? 1);
    const count = options.nodes + (options.spare ?? 0);
    const names = Array.from({ length: count }, (_, i) => `node${i + 1}`);
    this.#machines = names.map((node, i) => ({
      node,
      number: i + 1,
      peerId: `peer-${node}`,
      addresses: { ic1: `10.1.0.${i + 1}:7100`, ic2: `10.2.0.${i + 1}:7100` },
    }));
    this.hosts = names.map((name) => new Host(this, name));
  }

  get groups(): readonly GroupDefinition[] {
    return this.#options.groups ?? [groupNamed('g', ['node1'])];
  }

  get compactEvery(): number {
    return this.#options.compactEvery ?? 2_000;
  }

  start(): void {
    for (const host of this.hosts.slice(0, this.#options.nodes)) host.start();
  }

  /** Ends everything, so that nothing of it runs on beside the next cluster. */
  end(): void {
    for (const host of this.hosts) host.end();
  }

  host(name: string): Host {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  /** A machine as the cluster would know it if it were a member. */
  memberOf(name: string): Member {
    const member = this.#machines.find((one) => one.node === name);
    if (member === undefined) throw new Error(`no machine ${name}`);
    return member;
  }

  configOf(node: string): NodeConfig {
    const invited = this.#machines.findIndex((one) => one.node === node) >= this.#options.nodes;
    return {
      clusterId: 'memory',
      node,
      dataDirectory: '/nowhere',
      socketPath: '/nowhere/holdfast.sock',
      profile: 'fast',
      times: defaultTimes('fast', this.#machines.length),
      interconnects: INTERCONNECTS,
      members: invited ? this.#machines : this.#machines.slice(0, this.#options.nodes),
      invited,
      groups: this.groups,
      sabotage: this.#options.sabotage ?? [],
    };
  }

  note(node: string, words: string): void {
    this.log.push(`${this.clock.now().toFixed(0)} ${node} ${words}`);
    if (this.log.length > 2 * LOG_LINES) this.log.splice(0, LOG_LINES);
  }

  trace(node: string, event: object): void {
    this.traced?.(`${this.clock.now()} ${node} ${JSON.stringify(event)}`);
  }

  heard(node: string, news: DriverNews): void {
    this.watched?.(node, news);
  }

  /** A datagram to every node that can be reached on some interconnect. */
  publish(from: string, evidence: GuardianEvidence): void {
    for (const host of this.hosts) {
      const reached = INTERCONNECTS.some((over) => !this.#cuts.has(`${from} ${host.name} ${over}`));
      if (!reached || host.frozen) continue;
      this.clock.schedule(1, () => host.hear(evidence));
    }
  }

  leader(): Host | null {
    return this.hosts.find((host) => host.running && host.driver.raft.role === 'leader') ?? null;
  }

  cutPath(from: string, to: string, over: string, cut: boolean): void {
    if (cut) this.network.cut(from, to, over);
    else this.network.heal(from, to, over);
    if (cut) this.#cuts.add(`${from} ${to} ${over}`);
    else this.#cuts.delete(`${from} ${to} ${over}`);
  }

  /** Cuts one node off on one interconnect, both ways, or heals it. */
  cut(name: string, over: string, cut: boolean): void {
    for (const { name: other } of this.hosts) {
      if (other === name) continue;
      this.cutPath(name, other, over, cut);
      this.cutPath(other, name, over, cut);
    }
  }

  healAll(): void {
    for (const one of [...this.#cuts]) {
      const [from = '', to = '', over = ''] = one.split(' ');
      this.cutPath(from, to, over, false);
    }
  }

  /** The one node that shows both address and application of the group, or null. */
  serving(group = 'g'): string | null {
    const [node, ...others] = this.stage.owners(`${group}/app`);
    if (node === undefined || others.length > 0) return null;
    return this.stage.owners(`${group}/ip`).includes(node) ? node : null;
  }
}
