/**
 * One machine: power, a kernel while it has power, and on it the daemon of the moment with its
 * guardian. The daemon is production's driver over ports of this world; its log and the reservations
 * of its disks are all that outlives a power loss.
 */
import type { GuardianEvidence } from '../../src/guardian/messages.ts';
import type { Millis } from '../../src/lib/ids.ts';
import { type Random, seededRandom } from '../../src/lib/random.ts';
import { Driver } from '../../src/node/driver.ts';
import { healthy, type Illness } from './agents.ts';
import { AFTER_THAW_MS } from './checkers/visible.ts';
import type { Cluster } from './cluster.ts';
import { FreezableClock } from './freezable-clock.ts';
import { GuardianProcess } from './guardian-process.ts';
import { HostClock, SlowClock } from './host-clock.ts';
import { Kernel } from './kernel.ts';
import { DISK_ERROR, LogDisk } from './log-disk.ts';
import { ObservedMesh } from './observed-mesh.ts';
import { worldOf } from './world.ts';

export type Daemon = {
  readonly clock: FreezableClock;
  readonly driver: Driver;
  readonly mesh: ObservedMesh;
  readonly guardian: GuardianProcess;
};

/** systemd's RestartSec of the unit, and a machine's way through its firmware. */
const RESTART_MS: Millis = 500;
const RESET_MS: Millis = 2_000;

export class Machine {
  readonly name: string;
  readonly number: number;
  readonly log: LogDisk;
  readonly cluster: Cluster;
  illness: Illness = healthy();
  /** How late the daemon is served, at most. */
  slowMs: Millis = 0;
  readonly #random: Random;
  readonly #rate: number;
  #kernel: Kernel | null = null;
  #clock: HostClock;
  #slow: SlowClock | null = null;
  #daemon: Daemon | null = null;
  /** Until when P4 excuses what it shows of what it had; and what its packet filter lets through. */
  #excusedUntilMs: Millis = -Infinity;
  #unawareUntilMs: Millis = -Infinity;
  #lives = 0;
  /** A power loss or a kill leaves it down until somebody starts it. */
  #keptDown = false;
  /** Events of its driver until it stands still; 0: it does not. */
  #freezeIn = 0;

  constructor(cluster: Cluster, name: string, number: number, rate: number) {
    this.cluster = cluster;
    this.log = new LogDisk(cluster.effects);
    this.name = name;
    this.number = number;
    this.#rate = rate;
    this.#random = seededRandom(cluster.random.below(2 ** 31));
    this.#clock = this.#newClock();
    this.log.forgets = cluster.sabotage.has('log-forgets');
  }

  get daemon(): Daemon | null {
    return this.#daemon;
  }

  get kernel(): Kernel | null {
    return this.#kernel;
  }

  get isFrozen(): boolean {
    return this.#kernel?.clock.frozen === true;
  }

  /** Its daemon runs and nothing holds it. */
  get isAwake(): boolean {
    return this.#daemon !== null && !this.#daemon.clock.frozen && !this.isFrozen;
  }

  /** P4 excuses what it shows now: it was frozen a moment ago. */
  get isExcused(): boolean {
    return this.cluster.clock.now() <= this.#excusedUntilMs;
  }

  /** Its packet filter, too, has not noticed yet that time went by. */
  get isUnaware(): boolean {
    return this.cluster.clock.now() <= this.#unawareUntilMs;
  }

  get hostNow(): Millis {
    return this.#clock.now();
  }

  get life(): number {
    return this.#lives;
  }

  powerOn(): void {
    if (this.#kernel !== null || !this.cluster.isAdmitted(this.name)) return;
    this.#clock = this.#newClock();
    const frozen = new FreezableClock(this.#clock);
    this.#kernel = new Kernel({ host: this.name, clock: this.#clock, frozen });
    this.cluster.network.powerOn(this.name);
    this.cluster.checkers.lease.restarted(this.name);
    this.start();
  }

  /** `kept`: how many of the log's writes under way had reached the disk. */
  powerOff(kept = 0): void {
    const kernel = this.#kernel;
    if (kernel === null) return;
    this.#kernel = null;
    this.cluster.network.powerOff(this.name);
    this.#end(kept);
    kernel.clock.end();
  }

  start(): void {
    this.#keptDown = false;
    const kernel = this.#kernel;
    if (this.#daemon !== null || kernel === null) return;
    const { cluster } = this;
    this.#lives += 1;
    const incarnation = this.#lives * 1_000 + this.number;
    const slow = new SlowClock(kernel.clock, this.#random, cluster.effects);
    slow.slowMs = this.slowMs;
    this.#slow = slow;
    const clock = new FreezableClock(slow, kernel.clock);
    cluster.network.host(this.name, { machine: kernel.clock, daemon: clock });
    const config = cluster.configOf(this.name);
    const mesh = new ObservedMesh(cluster, this, incarnation);
    const guardian = new GuardianProcess({
      clusterId: config.clusterId,
      kernel,
      daemon: clock,
      publish: (evidence) => cluster.publish(this.name, evidence),
      said: (line) => cluster.score.note(this.name, `guardian: ${line}`),
    });
    const driver = new Driver({
      config,
      world: worldOf({ machine: this, kernel, clock, mesh, guardian, random: this.#random }),
      incarnation,
      restored: this.log.restored(),
      compactEvery: cluster.options.compactEvery,
      news: (news) => cluster.heard(this, news),
      crash: (error) => this.#crashed(error),
    });
    cluster.checkers.raft.attach(this.name, driver.raft.core);
    this.#daemon = { clock, driver, mesh, guardian };
    guardian.start((message) => driver.post({ kind: 'guardian', message }));
    driver.start();
    mesh.start();
  }

  /** kill -9 of the daemon: its guardian tears down and publishes what it knows. */
  killDaemon(): void {
    const guardian = this.#daemon?.guardian;
    if (guardian === undefined || !this.#isGuarded || this.isFrozen) return;
    this.#keptDown = true;
    this.#end(this.log.underWay);
    guardian.pipeCloses();
  }

  /** `relaunchMs`: no other one can be started so long. */
  killGuardian(relaunchMs?: Millis): void {
    if (this.isAwake) this.#daemon?.guardian.kill(relaunchMs);
  }

  /**
   * Daemon and guardian both ended within one lease: nobody is left to tear down, and nobody promises
   * anything. A daemon that has been without a guardian for longer has no lease any more.
   */
  get #isGuarded(): boolean {
    const guardian = this.#daemon?.guardian;
    if (guardian === undefined) return false;
    const { leaseMs, teardownMs } = this.cluster.configOf(this.name).times;
    return guardian.isRunning || guardian.goneMs > leaseMs + teardownMs;
  }

  /** SIGSTOP: the kernel and the guardian go on. */
  stopDaemon(): void {
    if (this.#isGuarded) this.#daemon?.clock.freeze();
  }

  continueDaemon(): void {
    if (this.#daemon?.clock.frozen !== true) return;
    if (!this.isFrozen) this.#excuse(AFTER_THAW_MS);
    this.#daemon.clock.thaw();
  }

  /** `standsStill`: its clock does, too, so it does not know that it was away. */
  freeze(standsStill = false): void {
    this.#kernel?.clock.freeze();
    if (standsStill && this.#kernel !== null) this.#clock.stand();
  }

  /** When its driver has handled so many events more, and its loop comes to the end of that turn. */
  freezeAfter(events: number): void {
    this.#freezeIn = events;
  }

  /** Its driver has an event in hand. */
  handles(): void {
    if (this.#freezeIn === 0) return;
    this.#freezeIn -= 1;
    if (this.#freezeIn === 0) queueMicrotask(() => this.freeze());
  }

  thaw(): void {
    this.#freezeIn = 0;
    const kernel = this.#kernel;
    if (kernel === null || !kernel.clock.frozen) return;
    let excusedMs = AFTER_THAW_MS;
    if (this.#clock.stands) {
      this.#clock.goOn();
      excusedMs += this.slowMs;
      if (!this.#canFindOut) excusedMs += this.cluster.configOf(this.name).times.leaseMs;
      this.#unawareUntilMs = this.cluster.clock.now() + excusedMs;
    }
    this.#excuse(excusedMs);
    kernel.clock.thaw();
    this.cluster.thawed(excusedMs);
  }

  #excuse(forMs: Millis): void {
    this.#excusedUntilMs = Math.max(this.#excusedUntilMs, this.cluster.clock.now() + forMs);
  }

  /** Its daemon runs, and hears somebody whose clock did not stand still. */
  get #canFindOut(): boolean {
    return this.#daemon?.clock.stands === false && this.cluster.hearsSomebody(this);
  }

  setSlow(slowMs: Millis): void {
    this.slowMs = slowMs;
    if (this.#slow !== null) this.#slow.slowMs = slowMs;
  }

  hear(evidence: GuardianEvidence): void {
    const daemon = this.#daemon;
    daemon?.clock.run(() => daemon.driver.post({ kind: 'evidence', evidence }));
  }

  /** The daemon resets the machine. */
  selfFence(cause: string): void {
    this.cluster.score.note(this.name, `resets itself: ${cause}`);
    this.powerOff();
    this.cluster.clock.schedule(RESET_MS, () => {
      if (!this.#keptDown) this.powerOn();
    });
  }

  end(): void {
    this.#end(0);
    this.#kernel?.clock.end();
    this.#kernel = null;
  }

  #end(kept: number): void {
    const daemon = this.#daemon;
    if (daemon === null) return;
    this.#daemon = null;
    this.log.end(kept);
    daemon.driver.stop();
    daemon.mesh.stop();
    daemon.clock.end();
  }

  /** An error of the log's disk ends a daemon, as it should; anything else is a bug. */
  #crashed(error: unknown): void {
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const guardian = this.#daemon?.guardian;
    if (!words.includes(DISK_ERROR)) {
      this.cluster.report('no crash', this.name, words.split('\n').slice(0, 6).join(' '));
    }
    this.cluster.score.note(this.name, `ends: ${words.split('\n')[0]}`);
    this.#end(this.log.underWay);
    guardian?.pipeCloses();
    this.#kernel?.later(RESTART_MS, () => {
      if (!this.#keptDown) this.start();
    });
  }

  #newClock(): HostClock {
    const offsetMs = 1_000 + this.#random.below(1_000_000);
    return new HostClock({ world: this.cluster.clock, rate: this.#rate, offsetMs });
  }
}
