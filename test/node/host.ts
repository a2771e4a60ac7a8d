/** One machine of a cluster in memory: what it keeps over a restart, and its daemon of the moment. */
import type { GuardianEvidence } from '../../src/guardian/messages.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { MemoryMesh } from '../../src/mesh/memory-mesh.ts';
import { Driver } from '../../src/node/driver.ts';
import type { DriverNews } from '../../src/node/driver-news.ts';
import type { World } from '../../src/node/world.ts';
import type { FreezableClock } from '../simulation/freezable-clock.ts';
import { DurableLog } from './durable-log.ts';
import type { MemoryCluster } from './memory-cluster.ts';
import { MemoryGuardian } from './memory-guardian.ts';
import { type Behaviour, StageAgent, wellBehaved } from './stage-agent.ts';

const TYPES = ['disk', 'filesystem', 'floating-ip', 'application'] as const;

type Daemon = {
  readonly clock: FreezableClock;
  readonly driver: Driver;
  readonly mesh: MemoryMesh;
  readonly guardian: MemoryGuardian;
  readonly agent: StageAgent;
};

export class Host {
  readonly name: string;
  readonly log = new DurableLog();
  behaviour: Behaviour = wellBehaved();
  news: DriverNews[] = [];
  readonly #cluster: MemoryCluster;
  #machine: FreezableClock;
  #daemon: Daemon | null = null;
  #powered = true;
  #lives = 0;

  constructor(cluster: MemoryCluster, name: string) {
    this.name = name;
    this.#cluster = cluster;
    this.#machine = cluster.clock.host();
  }

  get driver(): Driver {
    if (this.#daemon === null) throw new Error(`${this.name} does not run`);
    return this.#daemon.driver;
  }

  get agent(): StageAgent | null {
    return this.#daemon?.agent ?? null;
  }

  get running(): boolean {
    return this.#daemon !== null;
  }

  get powered(): boolean {
    return this.#powered;
  }

  get frozen(): boolean {
    return this.#machine.frozen;
  }

  /** Its daemon runs and nothing holds it. */
  get awake(): boolean {
    return this.#daemon !== null && !this.#daemon.clock.frozen;
  }

  start(): void {
    if (this.#daemon !== null || !this.#powered) return;
    const { network, random } = this.#cluster;
    const config = this.#cluster.configOf(this.name);
    const self = config.members.find((member) => member.node === this.name);
    if (self === undefined) throw new Error(`${this.name} is no member`);
    this.#lives += 1;
    const incarnation = this.#lives * 1_000 + self.number;
    const clock = this.#machine.process();
    network.host(this.name, { machine: this.#machine, daemon: clock });
    const { clusterId, interconnects } = config;
    const times = { redialMs: 50, connectTimeoutMs: 200 };
    const mesh = new MemoryMesh({ network, clusterId, self, incarnation, interconnects, ...times });
    const guardian = this.#guardian(clock);
    const agent = this.#agent(clock);
    const driver = new Driver({
      config,
      world: this.#world({ clock, mesh, guardian, agent, seed: random.below(2 ** 31) }),
      incarnation,
      restored: this.log.restored(),
      compactEvery: this.#cluster.compactEvery,
      news: (news) => {
        this.news.push(news);
        if (news.kind === 'local') {
          const { group, epoch, state, detail } = news;
          this.#cluster.note(this.name, `${group} in epoch ${epoch} is ${state} ${detail}`);
        }
        this.#cluster.heard(this.name, news);
      },
      crash: (error) => this.#crashed(error),
    });
    this.#daemon = { clock, driver, mesh, guardian, agent };
    guardian.start((message) => driver.post({ kind: 'guardian', message })).catch(this.#crashed);
    driver.start();
    mesh.start().catch(this.#crashed);
  }

  /** kill -9 of the daemon: its guardian tears down and publishes what it knows. */
  killDaemon(): void {
    const guardian = this.#daemon?.guardian;
    if (guardian?.running === false) return; // two processes at once: nobody is left to tear down
    this.#endDaemon(this.log.underWay);
    guardian?.pipeCloses();
  }

  /** Not while its daemon is held: two processes that fail at once are more than is promised. */
  killGuardian(): void {
    if (this.awake) this.#daemon?.guardian.kill();
  }

  /** SIGSTOP: the kernel and the guardian go on. */
  stopDaemon(): void {
    if (this.#daemon?.guardian.running === true) this.#daemon.clock.freeze();
  }

  continueDaemon(): void {
    this.#daemon?.clock.thaw();
  }

  /** `kept`: how many of the writes under way had reached the disk. */
  powerOff(kept = 0): void {
    if (!this.#powered) return;
    this.#powered = false;
    this.#cluster.network.powerOff(this.name);
    this.#endDaemon(kept);
    this.#machine.end();
    this.#cluster.stage.clear(this.name);
  }

  powerOn(): void {
    if (this.#powered) return;
    this.#powered = true;
    this.#machine = this.#cluster.clock.host();
    this.#cluster.network.powerOn(this.name);
    this.start();
  }

  /** The whole machine stands still; its packet filter runs out all the same. */
  freeze(): void {
    if (!this.#powered) return;
    this.#machine.freeze();
    this.#cluster.stage.freeze(this.name);
  }

  thaw(): void {
    if (!this.#machine.frozen) return;
    this.#cluster.stage.thaw(this.name);
    this.#machine.thaw();
  }

  hear(evidence: GuardianEvidence): void {
    const daemon = this.#daemon;
    daemon?.clock.run(() => daemon.driver.post({ kind: 'evidence', evidence }));
  }

  end(): void {
    this.#endDaemon(0);
    this.#machine.end();
  }

  #endDaemon(kept: number): void {
    const daemon = this.#daemon;
    if (daemon === null) return;
    this.#daemon = null;
    this.log.end(kept);
    daemon.driver.stop();
    daemon.mesh.stop().catch(this.#crashed);
    daemon.clock.end();
  }

  readonly #crashed = (error: unknown): void => {
    const words = error instanceof Error ? error.stack : String(error);
    this.#cluster.crashes.push(`${this.name}: ${words}`);
  };

  #guardian(daemon: FreezableClock): MemoryGuardian {
    const { stage } = this.#cluster;
    return new MemoryGuardian({
      node: this.name,
      machine: this.#machine,
      daemon,
      stage,
      publish: (evidence) => this.#cluster.publish(this.name, evidence),
    });
  }

  #agent(clock: FreezableClock): StageAgent {
    const { stage } = this.#cluster;
    const { sabotage } = this.#cluster.configOf(this.name);
    return new StageAgent({
      stage,
      clock,
      node: this.name,
      behaviour: () => this.behaviour,
      noFence: sabotage.includes('fence'),
      unguarded: sabotage.includes('guardian') || sabotage.includes('lease'),
    });
  }

  #world(parts: {
    readonly clock: FreezableClock;
    readonly mesh: MemoryMesh;
    readonly guardian: MemoryGuardian;
    readonly agent: StageAgent;
    readonly seed: number;
  }): World {
    const quiet = (): void => undefined;
    const say = (event: string, facts: object = {}): void =>
      this.#cluster.note(this.name, `${event} ${JSON.stringify(facts)}`);
    let secrets = 0;
    return {
      clock: parts.clock,
      wallMs: () => parts.clock.now() + this.#cluster.wallSkewMs,
      random: seededRandom(parts.seed),
      log: this.log.open(parts.clock),
      mesh: parts.mesh,
      agents: new Map(TYPES.map((type) => [type, parts.agent])),
      guardian: parts.guardian,
      logger: { debug: quiet, info: say, warn: say, error: say, flush: quiet },
      secret: () => `${this.name}-${this.#lives}-${++secrets}`,
      record: (event) => this.#cluster.trace(this.name, event),
      selfFence: (cause) => {
        this.#cluster.note(this.name, `resets itself: ${cause}`);
        this.powerOff();
      },
    };
  }
}
