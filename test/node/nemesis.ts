/**
 * What can happen to a cluster in memory: each fault is drawn from a seed, begins, and ends by itself
 * after a while. Faults overlap as they like; only `healAll` promises that the world is well again.
 */
import type { Command, Mode } from '../../src/cluster/command.ts';
import type { Random } from '../../src/lib/random.ts';
import type { Host } from './host.ts';
import { INTERCONNECTS, type MemoryCluster } from './memory-cluster.ts';
import { MemberOperator } from './nemesis-members.ts';
import { wellBehaved } from './stage-agent.ts';

const RESOURCES = ['lun', 'data', 'ip', 'app'] as const;

const OPERATOR_LIMIT_MS = 1_000;

type Fault = { readonly name: string; readonly weight: number; readonly begin: () => string };

export class Nemesis {
  readonly #cluster: MemoryCluster;
  readonly #random: Random;
  readonly #members: boolean;
  readonly #faults: readonly Fault[];
  #healed = false;

  /** `members`: operators change who belongs to the cluster, too. */
  constructor(cluster: MemoryCluster, random: Random, { members = false } = {}) {
    this.#cluster = cluster;
    this.#random = random;
    this.#members = members;
    this.#faults = [
      ...this.#machines(),
      ...this.#networks(),
      ...this.#others(),
      ...(members ? this.#memberships() : []),
    ];
  }

  /** One fault, begun now; answers with what it was. */
  strike(): void {
    const total = this.#faults.reduce((sum, { weight }) => sum + weight, 0);
    let left = this.#random.below(total);
    for (const fault of this.#faults) {
      left -= fault.weight;
      if (left >= 0) continue;
      this.#cluster.note('nemesis', `${fault.name} ${fault.begin()}`);
      return;
    }
  }

  /** Everything is well from here on: nodes, wires, disks, resources; and everybody is online. */
  healAll(): void {
    const cluster = this.#cluster;
    this.#healed = true;
    cluster.note('nemesis', 'heals everything');
    cluster.healAll();
    for (const host of cluster.hosts) {
      host.behaviour = wellBehaved();
      host.log.syncMs = 1;
      host.continueDaemon();
      host.thaw();
      host.powerOn();
      host.start();
      for (const other of cluster.hosts) this.#latency(host.name, other.name, 1);
    }
    // What operators asked before may still be on its way: after its deadline it is not repeated.
    this.#everybodyOnline();
    cluster.clock.schedule(2 * OPERATOR_LIMIT_MS, () => this.#everybodyOnline());
  }

  #everybodyOnline(): void {
    const { hosts, groups } = this.#cluster;
    for (const { name } of hosts) this.#mode({ kind: 'node', node: name }, 'online');
    for (const { group } of groups) this.#mode({ kind: 'group', group }, 'online');
  }

  #machines(): readonly Fault[] {
    return [
      this.#onHost('power loss', 4, 4_000, {
        begin: (host) => host.powerOff(this.#random.below(4)),
        end: (host) => host.powerOn(),
      }),
      this.#onHost('daemon killed', 4, 2_000, {
        begin: (host) => host.killDaemon(),
        end: (host) => host.start(),
      }),
      this.#onHost('machine frozen', 4, 3_000, {
        begin: (host) => host.freeze(),
        end: (host) => host.thaw(),
      }),
      this.#onHost('daemon stopped', 4, 3_000, {
        begin: (host) => host.stopDaemon(),
        end: (host) => host.continueDaemon(),
      }),
      this.#onHost('guardian killed', 2, 1, { begin: (host) => host.killGuardian() }),
      this.#onHost('log stalls', 3, 2_000, {
        begin: (host) => {
          host.log.syncMs = 5 + this.#random.below(1_500);
        },
        end: (host) => {
          host.log.syncMs = 1;
        },
      }),
    ];
  }

  #networks(): readonly Fault[] {
    const cut = (paths: readonly (readonly [string, string, string])[]): string => {
      const forMs = 50 + this.#random.below(4_000);
      for (const path of paths) this.#cluster.cutPath(...path, true);
      this.#later(forMs, () => {
        for (const path of paths) this.#cluster.cutPath(...path, false);
      });
      return `${paths.map((path) => path.join('>')).join(' ')} for ${forMs} ms`;
    };
    return [
      {
        name: 'cut one way',
        weight: 4,
        begin: () => {
          const [from, to] = this.#pair();
          return cut([[from.name, to.name, this.#oneOf(INTERCONNECTS)]]);
        },
      },
      {
        name: 'cut both ways',
        weight: 4,
        begin: () => {
          const [a, b] = this.#pair();
          const over = this.#random.below(2) === 0 ? INTERCONNECTS : [this.#oneOf(INTERCONNECTS)];
          return cut(
            over.flatMap((one) => [[a.name, b.name, one] as const, [b.name, a.name, one] as const]),
          );
        },
      },
      {
        name: 'isolated',
        weight: 4,
        begin: () => {
          const { name } = this.#oneOf(this.#cluster.hosts);
          const way = this.#random.below(3);
          const others = this.#cluster.hosts.filter((host) => host.name !== name);
          return cut(
            others.flatMap((other) =>
              INTERCONNECTS.flatMap((over) => [
                ...(way !== 0 ? [[name, other.name, over] as const] : []),
                ...(way !== 1 ? [[other.name, name, over] as const] : []),
              ]),
            ),
          );
        },
      },
      {
        name: 'latency',
        weight: 2,
        begin: () => {
          const [from, to] = this.#pair();
          const latencyMs = 1 + this.#random.below(40);
          this.#latency(from.name, to.name, latencyMs);
          this.#later(2_000, () => this.#latency(from.name, to.name, 1));
          return `${from.name}>${to.name} ${latencyMs} ms`;
        },
      },
    ];
  }

  #others(): readonly Fault[] {
    const ill = (change: (host: Host, names: ReadonlySet<string>) => void) => ({
      begin: (host: Host) => change(host, new Set([this.#oneOf(RESOURCES)])),
      end: (host: Host) => {
        host.behaviour = wellBehaved();
      },
    });
    const set = (host: Host, change: Partial<Host['behaviour']>): void => {
      host.behaviour = { ...host.behaviour, ...change };
    };
    return [
      this.#onHost(
        'slow starts',
        2,
        4_000,
        ill((host) => set(host, { startDelayMs: 50 + this.#random.below(1_500) })),
      ),
      this.#onHost(
        'failing start',
        3,
        4_000,
        ill((host, failStart) => set(host, { failStart })),
      ),
      this.#onHost(
        'hanging start',
        2,
        4_000,
        ill((host, hangStart) => set(host, { hangStart })),
      ),
      this.#onHost(
        'stubborn start',
        1,
        4_000,
        ill((host, stubbornStart) => set(host, { stubbornStart })),
      ),
      this.#onHost(
        'hanging stop',
        2,
        4_000,
        ill((host, hangStop) => set(host, { hangStop })),
      ),
      {
        name: 'application dies',
        weight: 3,
        begin: () => {
          const { group } = this.#oneOf(this.#cluster.groups);
          const [owner] = this.#cluster.stage.owners(`${group}/app`);
          if (owner !== undefined && this.#cluster.host(owner).awake) {
            this.#cluster.host(owner).agent?.die(`${group}/app`);
          }
          return `${group} on ${owner}`;
        },
      },
      { name: 'operator moves', weight: 4, begin: () => this.#move() },
      {
        name: 'operator sets mode',
        weight: 2,
        begin: () => {
          const { name: node } = this.#oneOf(this.#cluster.hosts);
          const { group } = this.#oneOf(this.#cluster.groups);
          const subject =
            this.#random.below(2) === 0
              ? ({ kind: 'node', node } as const)
              : ({ kind: 'group', group } as const);
          this.#mode(subject, 'standby');
          this.#later(this.#random.below(3_000), () => this.#mode(subject, 'online'));
          return JSON.stringify(subject);
        },
      },
      {
        name: 'leadership is handed over',
        weight: 2,
        begin: () => {
          const leader = this.#cluster.leader();
          const { name: to } = this.#oneOf(this.#cluster.hosts);
          if (leader?.awake !== true || leader.name === to) return 'to nobody';
          leader.driver.request('transfer', () =>
            leader.driver.raft.step(
              { kind: 'transfer', to, timeoutMs: 500 },
              this.#cluster.clock.now(),
            ),
          );
          return `from ${leader.name} to ${to}`;
        },
      },
    ];
  }

  #memberships(): readonly Fault[] {
    const operator = new MemberOperator(this.#cluster, this.#random);
    return [
      { name: 'a machine joins', weight: 12, begin: () => operator.join() },
      { name: 'operator changes a role', weight: 16, begin: () => operator.setRole() },
    ];
  }

  #onHost(
    name: string,
    weight: number,
    longestMs: number,
    act: { readonly begin: (host: Host) => void; readonly end?: (host: Host) => void },
  ): Fault {
    return {
      name,
      weight,
      begin: () => {
        const host = this.#oneOf(this.#cluster.hosts);
        const forMs = 10 + this.#random.below(longestMs);
        act.begin(host);
        this.#later(forMs, () => act.end?.(host));
        return `${host.name} for ${forMs} ms`;
      },
    };
  }

  #move(): string {
    const { group } = this.#oneOf(this.#cluster.groups);
    const to = this.#oneOf(this.#cluster.hosts).name;
    const via = this.#oneOf(this.#cluster.hosts);
    if (!via.awake) return 'nothing';
    const expectedEpoch = via.driver.replica.state.groups[group]?.epoch ?? 0;
    this.#submit(via, { kind: 'release', group, expectedEpoch, to, reason: 'move', by: 'test' });
    return `${group} to ${to}, asked on ${via.name}`;
  }

  #mode(subject: (Command & { readonly kind: 'set-mode' })['subject'], mode: Mode): void {
    // The first one, or all of them where it may be no member any more: to repeat it is harmless.
    const awake = this.#cluster.hosts.filter((host) => host.awake);
    for (const via of this.#members ? awake : awake.slice(0, 1)) {
      this.#submit(via, { kind: 'set-mode', subject, mode, by: 'test' });
    }
  }

  #submit({ driver }: Host, command: Command): void {
    const deadlineMs = this.#cluster.clock.now() + OPERATOR_LIMIT_MS;
    driver.request('operator', () => driver.submit(command, deadlineMs));
  }

  #latency(from: string, to: string, latencyMs: number): void {
    for (const over of INTERCONNECTS) this.#cluster.network.setLatency(from, to, over, latencyMs);
  }

  #later(afterMs: number, action: () => void): void {
    this.#cluster.clock.schedule(afterMs, () => {
      if (!this.#healed) action();
    });
  }

  #pair(): readonly [Host, Host] {
    const from = this.#oneOf(this.#cluster.hosts);
    const to = this.#oneOf(this.#cluster.hosts.filter((host) => host !== from));
    return [from, to];
  }

  #oneOf<T>(all: readonly T[]): T {
    const one = all[this.#random.below(all.length)];
    if (one === undefined) throw new Error('nothing to choose from');
    return one;
  }
}
