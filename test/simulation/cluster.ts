/**
 * A whole cluster in one process under one virtual clock: machines, interconnects, storage network,
 * shared disks, clients, and the checkers that watch all of it. One seed, one history. What runs is
 * production's: driver, planner, executor, takeover, defence, lease, guardian, monitors, Raft.
 */
import type { Member } from '../../src/cluster/definition.ts';
import { defaultTimes } from '../../src/config/times.ts';
import type { NodeConfig } from '../../src/config/types.ts';
import type { GuardianEvidence } from '../../src/guardian/messages.ts';
import { known } from '../../src/lib/assert.ts';
import type { Epoch, Millis } from '../../src/lib/ids.ts';
import { type Random, seededRandom } from '../../src/lib/random.ts';
import type { DriverNews } from '../../src/node/driver-news.ts';
import { preserve } from '../../src/observability/plain-data.ts';
import { Checkers } from './checkers/index.ts';
import type { Act } from './checkers/lease.ts';
import { Client } from './client.ts';
import { groupOf } from './definitions.ts';
import { Effects } from './effects.ts';
import { epochOf, Lun } from './lun.ts';
import { Machine } from './machine.ts';
import type { Mount } from './mount.ts';
import { SimulatedNetwork } from './network.ts';
import { ofProduction, type Sabotage } from './sabotage.ts';
import { San } from './san.ts';
import { Score } from './score.ts';
import type { Setting } from './script.ts';
import { VirtualClock } from './virtual-clock.ts';

export const INTERCONNECTS = ['ic1', 'ic2'] as const;

export type Violation = {
  readonly atMs: number;
  readonly rule: string;
  readonly node: string;
  readonly words: string;
};

const CLUSTER_ID = 'simulated';
const MOST_VIOLATIONS = 10;
/** What `long-lease` adds to what its owners believe. */
const TOO_LONG_MS = 600;

export class Cluster {
  readonly clock = new VirtualClock({ together: true });
  readonly effects = new Effects();
  readonly options: Setting;
  readonly random: Random;
  readonly sabotage: ReadonlySet<Sabotage>;
  readonly network: SimulatedNetwork;
  readonly san: San;
  readonly score = new Score(this.clock);
  readonly violations: Violation[] = [];
  readonly checkers: Checkers;
  readonly machines: readonly Machine[];
  readonly luns: readonly Lun[];
  readonly clients: readonly Client[];
  /** Events that the drivers of all machines have handled. */
  handled = 0;
  failovers = 0;
  /** Failovers after which a client was served. */
  servedFailovers = 0;
  readonly #failedOver = new Set<Epoch>();
  readonly #admitted = new Set<string>();
  readonly #configs = new Map<string, NodeConfig>();

  constructor(options: Setting, sabotage: readonly Sabotage[] = []) {
    this.options = options;
    this.sabotage = new Set(sabotage);
    this.random = seededRandom(options.seed);
    const fork = (): Random => seededRandom(this.random.below(2 ** 31));
    const { clock, effects } = this;
    const gatherMs = options.gatherMs ?? 0;
    this.network = new SimulatedNetwork({ clock, random: fork(), gatherMs, effects });
    this.san = new San(clock, fork(), effects);
    this.checkers = new Checkers((...what) => this.report(...what), this.#times);
    this.luns = options.groups.map(({ name, paths, target, queues = true }) => {
      const ignoreExisting = this.sabotage.has('register-and-ignore');
      const common = { clock, random: fork(), ignoreExisting, effects };
      const landed: Lun['options']['landed'] = (lun, { nexus, data }) => {
        this.checkers.lateWrites.landed(lun, nexus, epochOf(data));
      };
      const changed: Lun['options']['changed'] = (lun, nexus, command) => {
        if (lun.strangerThere) {
          this.checkers.strangers.judge(lun.name, nexus, command, lun.strangersKeyIsThere);
        }
        this.judgeMounts(lun.name);
      };
      return new Lun({ ...common, name, paths, target, queues, landed, changed });
    });
    this.machines = options.clockRates.map(
      (rate, i) => new Machine(this, `node${i + 1}`, i + 1, rate),
    );
    this.clients = options.groups.map(({ name }) => new Client(this, name, fork()));
  }

  start(): void {
    for (const { name } of this.founders) this.#admitted.add(name);
    for (const machine of this.machines) machine.powerOn();
    for (const client of this.clients) client.start();
  }

  end(): void {
    for (const client of this.clients) client.stop();
    for (const machine of this.machines) machine.end();
  }

  get founders(): readonly Machine[] {
    const { clockRates, spares = 0 } = this.options;
    return this.machines.slice(0, clockRates.length - spares);
  }

  /** A member, or what was one: before that there is no daemon to start. */
  isAdmitted(name: string): boolean {
    return this.#admitted.has(name);
  }

  /** A spare is a member from now on, and starts. */
  admit(name: string): void {
    this.#admitted.add(name);
    this.machine(name).powerOn();
  }

  machine(name: string): Machine {
    return known(
      this.machines.find((machine) => machine.name === name),
      name,
    );
  }

  lun(name: string): Lun {
    return known(
      this.luns.find((lun) => lun.name === name),
      name,
    );
  }

  readonly report = (rule: string, node: string, words: string): void => {
    if (this.violations.length >= MOST_VIOLATIONS) return;
    this.violations.push({ atMs: this.clock.now(), rule, node, words });
    this.score.note(node, `VIOLATION of "${rule}": ${words}`);
  };

  configOf(node: string): NodeConfig {
    const made = this.#configs.get(node);
    if (made !== undefined) return made;
    const { options } = this;
    const isFounder = this.founders.some(({ name }) => name === node);
    const founders = this.founders.map(({ number }) => memberOf(number));
    const joined = isFounder ? {} : { invited: true };
    const members = isFounder ? founders : [...founders, memberOf(this.machine(node).number)];
    const longer = this.sabotage.has('long-lease') && node !== 'node1' ? TOO_LONG_MS : 0;
    const times = this.#times;
    const config: NodeConfig = {
      clusterId: CLUSTER_ID,
      node,
      dataDirectory: '/nowhere',
      socketPath: '/nowhere/holdfast.sock',
      profile: 'fast',
      times: { ...times, leaseMs: times.leaseMs + longer },
      interconnects: INTERCONNECTS,
      members,
      ...joined,
      groups: isFounder ? options.groups.map((group, i) => groupOf(group, [`node${i + 1}`])) : [],
      sabotage: ofProduction(this.sabotage),
    };
    this.#configs.set(node, config);
    return config;
  }

  /** A datagram to every machine, over every interconnect. */
  publish(from: string, evidence: GuardianEvidence): void {
    for (const machine of this.machines) {
      if (machine.name === from) {
        this.clock.schedule(0.1, () => machine.hear(evidence));
        continue;
      }
      for (const over of INTERCONNECTS) {
        this.network.datagram(from, machine.name, over, () => {
          if (!machine.isFrozen) machine.hear(evidence);
        });
      }
    }
  }

  leader(): Machine | null {
    return (
      this.machines.find(({ daemon }) => daemon !== null && daemon.driver.raft.role === 'leader') ??
      null
    );
  }

  /** Who owns the group, as the best informed node has it. */
  owner(group: string): Machine | null {
    let best: { readonly owner: string | null; readonly epoch: number } | null = null;
    for (const { daemon } of this.machines) {
      const known = daemon?.driver.replica.state.groups[group];
      if (known !== undefined && known.epoch >= (best?.epoch ?? 0)) best = known;
    }
    return best?.owner == null ? null : this.machine(best.owner);
  }

  /** Who shows most groups to clients; null: nobody shows any. */
  busiest(): Machine | null {
    const shown = (machine: Machine): number =>
      this.options.groups.filter(({ name }) => machine.kernel?.answers(`${name}/ip`) === true)
        .length;
    const most = this.machines.map((machine) => ({ machine, count: shown(machine) }));
    const [first] = most.toSorted((a, b) => b.count - a.count);
    return first === undefined || first.count === 0 ? null : first.machine;
  }

  /** Who answers for the address of a group now. */
  answering(group: string): readonly Machine[] {
    return this.machines.filter(({ kernel }) => kernel?.answers(`${group}/ip`) === true);
  }

  recorded(machine: Machine, event: object): void {
    this.handled += 1;
    machine.handles();
    const { name } = machine;
    const atMs = this.clock.now();
    this.score.trace?.(JSON.stringify({ atMs, node: name, event }, preserve));
    const message = (event as { event?: { message?: { kind?: string } } }).event?.message;
    if (message?.kind === 'lease-grant') {
      const grant = message as unknown as { group: string; epoch: number; requestId: number };
      this.checkers.lease.granted(name, grant.group, grant.epoch, grant.requestId);
    } else if (message?.kind === 'lease-request') {
      // Of a leader to itself: it did not travel, and was asked in the same moment.
      const ask = message as unknown as Parameters<Cluster['asked']>[1];
      if (ask.from === name) this.asked(machine, ask);
    }
  }

  asked(
    machine: Machine,
    ask: { from: string; group: string; epoch: number; requestId: number },
  ): void {
    const { group, epoch, requestId } = ask;
    this.checkers.lease.asked(machine.name, group, epoch, requestId, machine.hostNow);
  }

  heard(machine: Machine, news: DriverNews): void {
    if (news.kind === 'local') {
      const { group, epoch, state, detail } = news;
      this.score.note(machine.name, `${group}/${epoch} ${state} ${detail}`);
    } else if (news.kind === 'leadership') {
      if (news.leader === machine.name) this.score.note(machine.name, `leads term ${news.term}`);
    } else if (news.kind === 'applied') {
      const index = machine.daemon?.driver.replica.appliedIndex;
      if (index === undefined) return; // while it is put together it replays what it has
      const before = this.checkers.ownership.assignments;
      this.checkers.ownership.applied(machine.name, index, news.before, news.after);
      if (this.checkers.ownership.assignments > before) this.#assigned(news);
    }
  }

  acted(machine: Machine, act: Act): void {
    const { name, hostNow: now, isExcused, slowMs } = machine;
    this.checkers.lease.act(name, act, { now, isExcused, slowMs });
  }

  /** Something of the group can be seen on one more machine. */
  shown(group: string): void {
    this.#judgeVisible(group);
  }

  mounted(machine: Machine, group: string, mount: Mount): void {
    const lun = this.lun(group);
    // A machine that was frozen hears of its mount when another one has the disk: it owns nothing.
    if (mount.epoch < lun.takenBy) return;
    this.checkers.mounts.opened(group, machine.name, mount.epoch, lun.takenBy);
    if (lun.unfencedSince === null) {
      this.checkers.records.mounted(group, machine.name, mount.records);
    } else this.checkers.records.forget(group);
    this.judgeMounts(group);
  }

  /** A client of the group has its acknowledgement from this owner. */
  served(group: string, epoch: Epoch, host: string): void {
    this.checkers.history.served(group, epoch, host);
    if (this.#failedOver.delete(epoch)) this.servedFailovers += 1;
  }

  /** What readers were shown as durable is as good as acknowledged; an owner of old shows nothing. */
  wasRead(group: string, mount: Mount, records: readonly string[]): void {
    const lun = this.lun(group);
    if (mount.epoch < lun.takenBy || lun.unfencedSince !== null) return;
    for (const record of records) this.checkers.records.shown(group, record);
  }

  takenOver(group: string, epoch: Epoch): void {
    const lun = this.lun(group);
    lun.takenBy = Math.max(lun.takenBy, epoch);
    // What was acknowledged while nothing guarded the disk may have been written over by an owner of old.
    if (lun.unfencedSince !== null) this.checkers.records.forget(group);
    lun.unfencedSince = null;
  }

  judgeMounts(group: string): void {
    const { target } = this.lun(group);
    const { reservation, registrations } = target.inspect();
    const mounts = this.machines.flatMap(({ name, kernel }) => {
      const mount = kernel?.mounts.get(group);
      if (kernel === null || mount?.isWritable !== true || kernel.clock.frozen) return [];
      const nexuses = this.lun(group).options.paths.map((path) => `${name}:${path}`);
      const canWrite = nexuses.some(
        (nexus) =>
          reservation === null ||
          reservation.holder === nexus ||
          (reservation.type === 5 && registrations.has(nexus)),
      );
      return [{ host: name, canWrite }];
    });
    if (this.lun(group).unfencedSince === null) this.checkers.mounts.judge(group, mounts);
  }

  /** An awake machine gets through to it, so it can find out that its clock stood still. */
  hearsSomebody(machine: Machine): boolean {
    return this.machines.some(
      (other) =>
        other !== machine &&
        other.isAwake &&
        INTERCONNECTS.some((over) => this.network.isFair(other.name, machine.name, over)),
    );
  }

  thawed(excusedMs: Millis): void {
    for (const { name } of this.options.groups) {
      this.#judgeVisible(name);
      this.judgeMounts(name);
    }
    this.clock.schedule(excusedMs + 1, () => {
      for (const { name } of this.options.groups) this.#judgeVisible(name);
    });
  }

  get #times() {
    const { clockRates, leaseMs } = this.options;
    const times = defaultTimes('fast', clockRates.length);
    return leaseMs === undefined ? times : { ...times, leaseMs };
  }

  #assigned({ after }: Extract<DriverNews, { kind: 'applied' }>): void {
    const entry = after.history.findLast(({ event }) => event === 'assigned');
    if (entry === undefined) return;
    const { group, epoch, node, reason } = entry;
    if (reason === 'failover') {
      this.failovers += 1;
      this.#failedOver.add(epoch);
    }
    this.score.note('log', `${group}/${epoch} is given to ${node} (${reason})`);
  }

  #judgeVisible(group: string): void {
    const { visible } = this.checkers;
    visible.address(
      `${group}/ip`,
      this.answering(group).map(({ name, isUnaware }) => ({ host: name, isExcused: isUnaware })),
    );
    const running = this.machines.filter(
      ({ kernel }) =>
        kernel?.clock.frozen === false && kernel.applications.get(`${group}/app`)?.isRunning,
    );
    visible.application(
      `${group}/app`,
      running.map(({ name, isExcused }) => ({ host: name, isExcused })),
    );
  }
}

export function memberOf(number: number): Member {
  const addresses = { ic1: `10.1.0.${number}:7100`, ic2: `10.2.0.${number}:7100` };
  return { node: `node${number}`, number, peerId: `peer-node${number}`, addresses };
}
