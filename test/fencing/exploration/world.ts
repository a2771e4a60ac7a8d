/**
 * A world: one disk, three machines, up to four epochs that attack it from them, the commands that
 * are late, and what has been promised. `Worlds.follow` gives every world that is one step away,
 * and says which step did harm.
 *
 * A command is executed and answered in one step: between the answer of one and the execution of
 * the next anything may happen, and nothing else is to be seen of the way there and back. What was
 * given up, or whose sender died, may be executed at any later time, or never.
 */
import { HELD, NONE, RUNNING } from './catalogue.ts';
import {
  ABORTING,
  ACTIONS,
  type ActionKind,
  ATTEMPT,
  FLAGS,
  type Harm,
  LATE,
  LOOK,
  MACHINE,
  MACHINES,
  SPENT,
  TARGET,
} from './layout.ts';
import { Machinery } from './machinery.ts';
import { nexusOf, STRANGER } from './names.ts';
import type { Budget } from './scope.ts';
import { BUDGET } from './scope.ts';

export type Visit = (action: number, harm: Harm | null) => void;

export class Worlds extends Machinery {
  #visit: Visit = () => {};
  #from: Int32Array = this.next;

  /** Calls `visit` for each step that is possible; `next` is the world that it leads to. */
  follow(world: Int32Array, visit: Visit): void {
    this.#visit = visit;
    this.#from = world;
    const started = this.started(world);
    for (let epoch = 1; epoch <= started; epoch += 1) this.#attempt(epoch);
    for (let machine = 0; machine < MACHINES; machine += 1) this.#machine(machine);
    this.#starts(started);
    this.#late();
    this.#lands();
    this.#misfortunes();
  }

  #reset(): Int32Array {
    this.next.set(this.#from);
    return this.next;
  }

  #emit(kind: ActionKind, who = 0, what = 0, harm: Harm | null = null): void {
    this.#visit(ACTIONS.indexOf(kind) | (who << 5) | (what << 9), harm);
  }

  #starts(started: number): void {
    const { machines } = this.scope;
    for (const epoch of new Set([started + 1, started, 1])) {
      if (epoch === this.owner || epoch > machines.length) continue;
      const fresh = this.phase(this.#from, epoch) === NONE;
      if (!fresh && (epoch !== started || !this.#mayRetry(epoch))) continue;
      if (!this.mayAttack(this.#from, epoch)) continue;
      const next = this.#reset();
      if (!fresh) this.spend(next, 'retry');
      const newest = Math.max(epoch, started);
      next[FLAGS] = ((next[FLAGS] as number) & ~(7 << 15)) | (newest << 15);
      next[ATTEMPT + epoch - 1] = this.begin(next, epoch);
      this.#emit('start', epoch);
    }
  }

  #mayRetry(epoch: number): boolean {
    const phase = this.phase(this.#from, epoch);
    return phase !== RUNNING && phase !== HELD && phase !== NONE && this.#has('retry');
  }

  #attempt(epoch: number): void {
    const world = this.#from;
    const phase = this.phase(world, epoch);
    if (phase === HELD) {
      const bit = 1 << (4 + epoch);
      const newest = this.started(world) === epoch;
      if (!newest || ((world[FLAGS] as number) & bit) !== 0) return;
      this.#reset()[FLAGS] = (world[FLAGS] as number) | bit;
      this.#emit('commit', epoch);
      return;
    }
    if (phase !== RUNNING) return;
    if (world[ABORTING + epoch - 1] !== 0) {
      const next = this.#reset();
      const harm = this.finishAborts(next, epoch);
      this.#emit('rest', epoch, 0, harm);
    } else {
      const half = this.scope.slowAborts === true && this.sendsAbort(world, epoch);
      const next = this.#reset();
      const harm = half ? this.halfOf(next, epoch) : this.carryOut(next, epoch);
      this.#emit(half ? 'half' : 'command', epoch, 0, harm);
    }
    if (!this.#has('giveUp')) return;
    for (const kind of ['give-up', 'deadline'] as const) {
      const next = this.#reset();
      this.spend(next, 'giveUp');
      this.giveUp(next, epoch, kind === 'deadline');
      this.#emit(kind, epoch);
    }
  }

  #machine(machine: number): void {
    const world = this.#from;
    const mount = this.mount(world, machine);
    if (world[LOOK + machine] !== 0) {
      this.lookOn(this.#reset(), machine);
      this.#emit('look-on', machine);
    }
    if (mount !== 0) this.#mounted(machine, mount);
    if (this.#has('crash') && this.busy(world, machine)) {
      const next = this.#reset();
      this.spend(next, 'crash');
      this.crash(next, machine);
      this.#emit('crash', machine);
    }
  }

  #mounted(machine: number, epoch: number): void {
    const world = this.#from;
    if (this.scope.writers !== 'first' || epoch === this.owner) {
      for (const path of this.mountedPaths(world, epoch)) {
        const next = this.#reset();
        if (this.submit(next, machine, path, epoch)) this.#emit('submit', machine, path);
      }
    }
    if (world[LOOK + machine] === 0) {
      this.unmount(this.#reset(), machine);
      this.#emit('unmount', machine);
      if (this.scope.defence === true) {
        this.lookAgain(this.#reset(), machine, epoch);
        this.#emit('look', machine);
      }
    }
    if (!this.rules.includes('live-mount-gains-nothing')) return;
    for (const path of this.mountedPaths(world, epoch)) {
      this.registerAgain(this.#reset(), machine, path, epoch);
      this.#emit('register-again', machine, path);
    }
  }

  #late(): void {
    const list = this.catalogue.lists.at(this.#from[LATE] as number);
    for (const [place, operation] of list.entries()) {
      for (const kind of ['late', 'late-half'] as const) {
        const next = this.#reset();
        const harm = this.arrive(next, operation, kind === 'late-half');
        if (harm !== undefined) this.#emit(kind, 0, place, harm);
      }
    }
  }

  #lands(): void {
    const guard = this.guard(this.#from);
    for (const task of this.tasksOf(this.#from[TARGET] as number)) {
      this.land(this.#reset(), task);
      this.#emit('land', 0, task, (task & 7) < guard ? 'late-write' : null);
    }
  }

  #misfortunes(): void {
    const world = this.#from;
    if (this.#has('power')) {
      const next = this.#reset();
      this.spend(next, 'power');
      const lost = this.losePower(next);
      this.#emit('power', 0, 0, lost ? 'lost-data' : null);
    }
    if (this.#has('release')) this.#releases();
    if (this.#has('stranger')) {
      const next = this.#reset();
      this.spend(next, 'stranger');
      this.operate(next, { kind: 'stranger' });
      this.#emit('stranger', 0, STRANGER);
    }
    for (let machine = 0; machine < MACHINES; machine += 1) {
      if (!this.busy(world, machine)) continue;
      for (let path = 0; path < this.scope.paths.length; path += 1) {
        if (this.#has('eat')) {
          const next = this.#reset();
          const nexus = nexusOf(machine, path, this.login(next, machine, path));
          this.spend(next, 'eat');
          this.operate(next, { kind: 'eat', nexus });
          if (next[TARGET] !== world[TARGET]) this.#emit('eat', machine, path);
        }
        if (this.#has('login') && this.login(world, machine, path) < 3) {
          const next = this.#reset();
          this.spend(next, 'login');
          next[MACHINE + machine] = (next[MACHINE + machine] as number) + (1 << (4 + 2 * path));
          this.#emit('login', machine, path);
        }
      }
    }
  }

  #releases(): void {
    const world = this.#from;
    for (let epoch = 1; epoch <= this.started(world); epoch += 1) {
      const machine = this.scope.machines[epoch - 1] as number;
      if (this.phase(world, epoch) !== HELD || this.mount(world, machine) !== 0) continue;
      const next = this.#reset();
      this.spend(next, 'release');
      this.release(next, epoch, true);
      this.#emit('release', epoch);
    }
    const next = this.#reset();
    this.spend(next, 'release');
    this.clear(next);
    this.#emit('clear');
  }

  #has(what: keyof Budget): boolean {
    const spent = ((this.#from[SPENT] as number) >> (2 * BUDGET.indexOf(what))) & 3;
    return spent < (this.scope.budget[what] ?? 0);
  }
}
