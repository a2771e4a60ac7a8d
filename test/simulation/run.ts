/**
 * Plays one script. First safety: faults come as written and nothing may break. Then liveness: a
 * quorum is healed, every fault outside it stays for good, and every group that can be served has to
 * be, within a bound. Then all is healed, everything is served, and nothing moves any more.
 */
import './engine.ts';
import type { Millis } from '../../src/lib/ids.ts';
import { healthy } from './agents.ts';
import { Cluster, INTERCONNECTS, type Violation } from './cluster.ts';
import type { Effect } from './effects.ts';
import { CHANGES_OF_MEMBERS, setMode, setRole } from './faults/operators.ts';
import { faultNamed, targetOf } from './faults.ts';
import type { Script, Strike } from './script.ts';

export type Outcome = {
  readonly violations: readonly Violation[];
  readonly simulatedMs: Millis;
  /** Timers, deliveries and answers that the world played, and events that drivers handled. */
  readonly events: number;
  /** How often each fault began. */
  readonly faults: Readonly<Record<string, number>>;
  /** What faults did to single messages and commands: `effects.ts`. */
  readonly effects: Readonly<Partial<Record<Effect, number>>>;
  readonly failovers: number;
  readonly servedFailovers: number;
  readonly assignments: number;
  readonly acknowledged: number;
  readonly score: (last: number) => string;
};

export type PlayOptions = {
  readonly script: Script;
  readonly trace?: (line: string) => void;
};

const STEP_MS: Millis = 25;
const BOOT_LIMIT_MS: Millis = 20_000;
const LIVE_LIMIT_MS: Millis = 60_000;
const CALM_MS: Millis = 1_500;
/** What was under way when all was healed (a move, a hung stop) may still play out. */
const SETTLE_MS: Millis = 5_000;

export async function play({ script, trace }: PlayOptions): Promise<Outcome> {
  const history = new History(script, trace ?? null);
  return await history.play();
}

class History {
  readonly #script: Script;
  readonly #cluster: Cluster;
  readonly #faults: Record<string, number> = {};
  /** Ends of faults that are still on: in the second phase they never come. */
  #healed = false;

  constructor(script: Script, trace: ((line: string) => void) | null) {
    this.#script = script;
    this.#cluster = new Cluster(script.setting, script.sabotage ?? []);
    this.#cluster.score.trace = trace;
  }

  async play(): Promise<Outcome> {
    const cluster = this.#cluster;
    const beganMs = cluster.clock.now();
    cluster.start();
    const all = cluster.options.groups.map(({ name }) => name);
    if (!(await this.#served(all, BOOT_LIMIT_MS))) this.#broken('was never served');
    await this.#safety();
    if (!this.#isBroken) await this.#liveness();
    if (!this.#isBroken) await this.#calm();
    const simulatedMs = cluster.clock.now() - beganMs;
    cluster.end();
    const { checkers, score, machines, violations, clock, handled } = cluster;
    const { effects, failovers, servedFailovers } = cluster;
    return {
      violations,
      simulatedMs,
      events: clock.fired + handled,
      faults: this.#faults,
      effects: effects.counts,
      failovers,
      servedFailovers,
      assignments: checkers.ownership.assignments,
      acknowledged: checkers.records.acknowledgements,
      score: (last) =>
        score.draw(
          machines.map(({ name }) => name),
          last,
        ),
    };
  }

  get #isBroken(): boolean {
    return this.#cluster.violations.length > 0;
  }

  async #safety(): Promise<void> {
    const { clock } = this.#cluster;
    const beganMs = clock.now();
    for (const strike of this.#script.strikes) {
      clock.schedule(strike.atMs, () => this.#strike(strike));
    }
    await this.#pass(() => false, beganMs + this.#script.safetyMs - clock.now());
  }

  #strike(strike: Strike): void {
    const cluster = this.#cluster;
    if (this.#healed || this.#isBroken) return;
    const { name, begin } = faultNamed(strike.fault);
    const target = targetOf(cluster, strike);
    const { machine, other, group, amount } = target;
    const words = `${machine.name} ${other.name} ${group} ${amount} for ${strike.forMs} ms`;
    cluster.score.note(name, words);
    this.#faults[name] = (this.#faults[name] ?? 0) + 1;
    const end = begin(target);
    if (end === undefined) return;
    cluster.clock.schedule(strike.forMs, () => {
      if (this.#healed) return;
      cluster.score.note(name, `is over on ${machine.name}`);
      end();
    });
  }

  async #liveness(): Promise<void> {
    const cluster = this.#cluster;
    // Who is demoted counts for no majority, and may be by a command that is still on its way.
    const changed = this.#script.strikes.some(({ fault }) => CHANGES_OF_MEMBERS.includes(fault));
    const all = cluster.machines.map(({ name }) => name);
    const quorum = changed ? all : this.#script.quorum;
    cluster.score.note('liveness', `${quorum.join(', ')} are well from here on`);
    this.#healed = true;
    this.#heal(quorum);
    const groups = cluster.options.groups.map(({ name }) => name);
    if (await this.#served(groups, LIVE_LIMIT_MS)) return;
    this.#broken(`is not served by ${quorum.join(', ')} within ${LIVE_LIMIT_MS} ms`);
  }

  async #calm(): Promise<void> {
    const cluster = this.#cluster;
    const names = cluster.machines.map(({ name }) => name);
    cluster.score.note('calm', 'everything is well from here on');
    this.#heal(names);
    const groups = cluster.options.groups.map(({ name }) => name);
    await this.#pass(() => false, SETTLE_MS);
    if (!(await this.#served(groups, LIVE_LIMIT_MS))) this.#broken('is not served in the end');
    const before = this.#epochs();
    await this.#pass(() => false, CALM_MS);
    const after = this.#epochs();
    if (before !== after) {
      cluster.report('calm', 'world', `groups move in calm weather: ${before} to ${after}`);
    }
    const state = cluster.leader()?.daemon?.driver.replica.state;
    if (state === undefined) return;
    cluster.checkers.history.judge(state);
    for (const { name, target } of cluster.luns) {
      const group = state.groups[name];
      if (group === undefined || group.owner === null) continue;
      const { reservation, registrations } = target.inspect();
      const nexus = reservation?.holder ?? null;
      const holder = nexus === null ? null : { nexus, key: registrations.get(nexus) ?? 0n };
      const { owner, epoch } = group;
      cluster.checkers.reservations.judge({ group: name, owner, epoch, holder });
    }
  }

  #epochs(): string {
    const { groups } = this.#cluster.options;
    return groups.map(({ name }) => `${name}/${this.#epochOf(name)}`).join(' ');
  }

  #epochOf(group: string): number {
    const epochs = this.#cluster.machines.map(
      ({ daemon }) => daemon?.driver.replica.state.groups[group]?.epoch ?? 0,
    );
    return Math.max(...epochs);
  }

  #heal(names: readonly string[]): void {
    const cluster = this.#cluster;
    for (const a of names) {
      for (const b of names) {
        for (const over of INTERCONNECTS) if (a !== b) cluster.network.healPath(a, b, over);
      }
    }
    // What is everybody's, or would make a lie of what the cluster can know.
    for (const lun of cluster.luns) {
      lun.serviceMs = 1;
      if (lun.strangerThere) lun.strangerGoes();
    }
    for (const machine of cluster.machines) {
      machine.illness = { ...machine.illness, lyingMonitor: null };
    }
    for (const name of names) {
      const machine = cluster.machine(name);
      machine.illness = healthy();
      Object.assign(machine.log, { syncMs: 1, nextFails: 'no', full: false });
      cluster.san.heal(name);
      machine.setSlow(0);
      machine.continueDaemon();
      machine.thaw();
      machine.powerOn();
      machine.start();
    }
    this.#everybodyOnline(names);
    // What operators asked before may still be on its way: after its deadline it is not repeated.
    cluster.clock.schedule(3_000, () => this.#everybodyOnline(names));
  }

  #everybodyOnline(names: readonly string[]): void {
    const cluster = this.#cluster;
    // Whoever has left can ask for nothing, and neither can a leader that stands still.
    const well = names.map((name) => cluster.machine(name)).filter(({ isAwake }) => isAwake);
    const leader = well.find(({ daemon }) => daemon?.driver.raft.role === 'leader');
    const via = leader ?? cluster.machine(names[0] ?? 'node1');
    for (const { name: node } of cluster.machines) {
      setMode(via, { kind: 'node', node }, 'online');
      setRole(via, node, 'voter');
    }
    for (const { name: group } of cluster.options.groups) {
      setMode(via, { kind: 'group', group }, 'online');
    }
  }

  /** A request that was sent from now on is acknowledged, for each group. */
  #served(groups: readonly string[], limitMs: Millis): Promise<boolean> {
    const { clock, clients } = this.#cluster;
    const fromMs = clock.now();
    return this.#pass(
      () => clients.every(({ group, servedMs }) => !groups.includes(group) || servedMs >= fromMs),
      limitMs,
    );
  }

  async #pass(holds: () => boolean, limitMs: Millis): Promise<boolean> {
    const { clock } = this.#cluster;
    const endMs = clock.now() + limitMs;
    while (clock.now() < endMs && !this.#isBroken) {
      if (holds()) return true;
      await clock.advance(Math.min(STEP_MS, endMs - clock.now()));
    }
    return holds();
  }

  #broken(words: string): void {
    const { clients } = this.#cluster;
    if (this.#isBroken) return;
    const groups = clients.map(({ group, servedMs }) => `${group} last at ${servedMs.toFixed(0)}`);
    this.#cluster.report('liveness', 'world', `${words} (${groups.join(', ')})`);
  }
}
