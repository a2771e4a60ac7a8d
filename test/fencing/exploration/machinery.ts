/**
 * What single steps do to a world (`world.ts` says which are possible). Each changes the world that
 * it is given, in place; the ones that can do harm answer with it.
 */
import type { PathId } from '../../../src/fencing/fence-device.ts';
import { PairMap } from '../../exploration/tables.ts';
import { Catalogue, HELD, NONE, type Operation, RUNNING, type Sight } from './catalogue.ts';
import {
  ABORTING,
  ATTEMPT,
  FLAGS,
  type Harm,
  LATE,
  LOOK,
  MACHINE,
  SPENT,
  TARGET,
  WIDTH,
} from './layout.ts';
import { keyOf, nexusName, nexusOf, STRANGER } from './names.ts';
import type { Protocol } from './protocol.ts';
import type { Off, Rule } from './rules.ts';
import { BUDGET, type Budget, type Scope } from './scope.ts';

/** No conversation with a disk is longer: rounds, repeats and victims are bounded. */
const MOST_COMMANDS = 500;
const ALL_NEXUSES = 24;

export class Machinery {
  readonly catalogue: Catalogue;
  readonly sight: Sight;
  readonly scope: Scope;
  readonly rules: readonly Off[];
  readonly next = new Int32Array(WIDTH);
  readonly #omit: Rule['omit'];
  readonly #tasks: (readonly number[] | undefined)[] = [];
  readonly #alone = new PairMap();
  /** Worlds whose newest attacker needed another attempt to get there. */
  secondAttempts = 0;

  constructor(scope: Scope, protocol: Protocol, rule: Rule | null) {
    this.scope = scope;
    this.rules = rule?.off === undefined ? [] : [rule.off];
    this.#omit = rule?.omit;
    this.sight = {
      attentions: scope.attentions === true,
      cache: scope.budget.power !== undefined,
      logins: scope.budget.login !== undefined,
      comparing: !this.rules.includes('compare-and-swap'),
      target: scope.target ?? {},
    };
    this.catalogue = new Catalogue(protocol, this.sight);
  }

  /** Of the owner when all begins. */
  get owner(): number {
    return this.scope.owner ?? 1;
  }

  /** The first owner holds the disk and has it mounted. */
  first(): Int32Array {
    const world = new Int32Array(WIDTH);
    world[TARGET] = this.catalogue.blank();
    const { owner } = this;
    world[FLAGS] = owner << 15;
    if (this.scope.hasRead === true) {
      world[ATTEMPT] = this.begin(world, 1);
      for (let i = 0; i < MOST_COMMANDS && this.#reads(world); i += 1) this.carryOut(world, 1);
    }
    world[ATTEMPT + owner - 1] = this.begin(world, owner);
    for (let i = 0; i < MOST_COMMANDS && this.phase(world, owner) === RUNNING; i += 1) {
      this.carryOut(world, owner);
    }
    if (this.phase(world, owner) !== HELD) throw new RangeError('the owner did not get its disk');
    const committed = this.scope.firstUncommitted === true ? 0 : 1 << (4 + owner);
    world[FLAGS] = (world[FLAGS] as number) | committed;
    return world;
  }

  #reads(world: Int32Array): boolean {
    const { command } = this.catalogue.attempts.at(world[ATTEMPT] as number);
    return command?.kind.startsWith('read') === true;
  }

  started(world: Int32Array): number {
    return ((world[FLAGS] as number) >> 15) & 7;
  }

  phase(world: Int32Array, epoch: number): number {
    return this.catalogue.phases[world[ATTEMPT + epoch - 1] as number] as number;
  }

  mount(world: Int32Array, machine: number): number {
    return (world[MACHINE + machine] as number) & 15;
  }

  login(world: Int32Array, machine: number, path: number): number {
    return ((world[MACHINE + machine] as number) >> (4 + 2 * path)) & 3;
  }

  spend(world: Int32Array, what: keyof Budget): void {
    world[SPENT] = (world[SPENT] as number) + (1 << (2 * BUDGET.indexOf(what)));
  }

  /** The newest epoch whose takeover returned; 0 where its key was given back since. */
  guard(world: Int32Array): number {
    const flags = world[FLAGS] as number;
    let newest = 0;
    for (let epoch = 1; epoch <= 4; epoch += 1) if (flags & (1 << (epoch - 1))) newest = epoch;
    return newest > 0 && flags & (1 << (9 + newest)) ? 0 : newest;
  }

  /** Mounted, attacking or looking: something there can die. */
  busy(world: Int32Array, machine: number): boolean {
    if (this.mount(world, machine) !== 0 || world[LOOK + machine] !== 0) return true;
    return this.#attemptsOn(world, machine).length > 0;
  }

  /** One attempt at a time, and none on a machine that has the disk mounted. */
  mayAttack(world: Int32Array, epoch: number): boolean {
    const machine = this.scope.machines[epoch - 1] as number;
    if (this.mount(world, machine) !== 0 && !this.rules.includes('idle-proof')) return false;
    if (world[LOOK + machine] !== 0) return false;
    const attacking = this.#attemptsOn(world, machine).length > 0;
    return !attacking || this.rules.includes('one-attempt');
  }

  begin(world: Int32Array, epoch: number): number {
    const { scope } = this;
    const bit = (index: number): boolean => ((world[FLAGS] as number) & (1 << index)) !== 0;
    return this.catalogue.begin(epoch, {
      key: keyOf(epoch, scope.machines[epoch - 1] as number),
      type: scope.type,
      paths: scope.paths,
      predecessorFenced: epoch > 1 && bit(3 + epoch),
      ...(scope.unknownPredecessor === true ? {} : { predecessor: epoch - 1 }),
      lastEpoch: epoch,
      aptpl: !this.rules.includes('aptpl'),
      acceptLateWrites: false,
      omit: epoch === this.owner ? [] : (this.#omit ?? []),
    });
  }

  /** The command of an attempt is executed, and its answer is in. */
  carryOut(world: Int32Array, epoch: number): Harm | null {
    const nexus = this.#nexusOf(world, epoch);
    this.#overtake(world, nexus);
    const attempt = world[ATTEMPT + epoch - 1] as number;
    const operation = this.catalogue.sent(attempt, nexus, false);
    const before = world[TARGET] as number;
    const result = this.catalogue.perform(before, operation);
    world[TARGET] = this.catalogue.after(result);
    const harm = this.#changed(world, before, operation, result);
    return this.#answered(world, epoch, this.catalogue.answer(result), nexus) ?? harm;
  }

  sendsAbort(world: Int32Array, epoch: number): boolean {
    const { command } = this.catalogue.attempts.at(world[ATTEMPT + epoch - 1] as number);
    return command?.kind === 'preempt-and-abort' && this.scope.target?.abort !== false;
  }

  /** Keys are removed; the victims' tasks are still there, and so is the sender's command. */
  halfOf(world: Int32Array, epoch: number): Harm | null {
    const nexus = this.#nexusOf(world, epoch);
    this.#overtake(world, nexus);
    const attempt = world[ATTEMPT + epoch - 1] as number;
    const before = world[TARGET] as number;
    const operation = this.catalogue.sent(attempt, nexus, true);
    const result = this.catalogue.perform(before, operation);
    world[TARGET] = this.catalogue.after(result);
    const harm = this.#changed(world, before, operation, result);
    const reply = this.catalogue.reply(result);
    if (reply.kind !== 'good') {
      return this.#answered(world, epoch, this.catalogue.answer(result), nexus) ?? harm;
    }
    const { command } = this.catalogue.attempts.at(attempt);
    const victim = command?.kind === 'preempt-and-abort' ? command.victim : 0n;
    const registered = this.catalogue.targets.at(before).inspect().registrations;
    const victims: number[] = [];
    for (let number = 0; number < ALL_NEXUSES; number += 1) {
      if (registered.get(nexusName(number)) === victim) victims.push(number);
    }
    world[ABORTING + epoch - 1] = this.catalogue.list(victims);
    return harm;
  }

  finishAborts(world: Int32Array, epoch: number): Harm | null {
    for (const nexus of this.catalogue.lists.at(world[ABORTING + epoch - 1] as number)) {
      this.operate(world, { kind: 'end-tasks', nexus });
    }
    world[ABORTING + epoch - 1] = 0;
    const { command } = this.catalogue.attempts.at(world[ATTEMPT + epoch - 1] as number);
    const reply = this.catalogue.replyOf({ kind: 'good', path: command?.path ?? 'a' });
    return this.#answered(world, epoch, reply, this.#nexusOf(world, epoch));
  }

  /** The command is late from now on; the attempt is told of a timeout, or ends. */
  giveUp(world: Int32Array, epoch: number, ends: boolean): void {
    const nexus = this.#nexusOf(world, epoch);
    const attempt = world[ATTEMPT + epoch - 1] as number;
    const path = this.catalogue.attempts.at(attempt).command?.path as PathId;
    this.#leaveBehind(world, epoch);
    const reply = ends ? -1 : this.catalogue.replyOf({ kind: 'timeout', path });
    this.#answered(world, epoch, reply, nexus);
  }

  crash(world: Int32Array, machine: number): void {
    for (const epoch of this.#attemptsOn(world, machine)) {
      this.#leaveBehind(world, epoch);
      world[ATTEMPT + epoch - 1] = this.catalogue.dead(world[ATTEMPT + epoch - 1] as number);
    }
    world[LOOK + machine] = 0;
    world[MACHINE + machine] = (world[MACHINE + machine] as number) & ~15;
  }

  /** undefined: there is no such half. */
  arrive(world: Int32Array, operation: number, half: boolean): Harm | null | undefined {
    const late = this.catalogue.operations.at(operation);
    if (late.kind !== 'command') throw new RangeError('only commands are late');
    if (half && late.command.kind !== 'preempt-and-abort') return undefined;
    const list = this.catalogue.lists.at(world[LATE] as number);
    const place = list.indexOf(operation);
    world[LATE] = this.catalogue.list(list.filter((_, index) => index !== place));
    const done = half ? this.catalogue.operation({ ...late, half }) : operation;
    const before = world[TARGET] as number;
    const result = this.catalogue.perform(before, done);
    world[TARGET] = this.catalogue.after(result);
    return this.#changed(world, before, done, result);
  }

  mountedPaths(world: Int32Array, epoch: number): readonly number[] {
    const { state } = this.catalogue.attempts.at(world[ATTEMPT + epoch - 1] as number);
    const all = this.scope.paths.map((_, path) => path);
    if (this.rules.includes('verified-paths-only') || state.kind !== 'held') return all;
    return all.filter((path) => state.paths.includes(this.scope.paths[path] as PathId));
  }

  /** False where one of its writes is in flight there already, or nothing comes of it. */
  submit(world: Int32Array, machine: number, path: number, epoch: number): boolean {
    const nexus = nexusOf(machine, path, this.login(world, machine, path));
    const before = world[TARGET] as number;
    if (this.tasksOf(before).includes(nexus * 8 + epoch)) return false;
    this.operate(world, { kind: 'submit', nexus, epoch });
    return world[TARGET] !== before;
  }

  land(world: Int32Array, task: number): void {
    this.operate(world, { kind: 'land', nexus: task >> 3, epoch: task & 7 });
  }

  unmount(world: Int32Array, machine: number): void {
    const epoch = this.mount(world, machine);
    world[MACHINE + machine] = (world[MACHINE + machine] as number) & ~15;
    if (this.rules.includes('never-release')) this.release(world, epoch, false);
  }

  /** The node gives its own key back, on every path. */
  release(world: Int32Array, epoch: number, known: boolean): void {
    const machine = this.scope.machines[epoch - 1] as number;
    for (const [number, path] of this.scope.paths.entries()) {
      const nexus = nexusOf(machine, number, this.login(world, machine, number));
      const current = keyOf(epoch, machine);
      const command = { kind: 'register', path, current, key: 0n, aptpl: true } as const;
      this.operate(world, { kind: 'command', nexus, command, half: false });
    }
    if (known) world[FLAGS] = (world[FLAGS] as number) | (1 << (9 + epoch));
  }

  /** A third hand clears the disk: whoever holds it, or is past its last look, is not protected. */
  clear(world: Int32Array): void {
    this.operate(world, { kind: 'clear' });
    for (let epoch = 1; epoch <= this.started(world); epoch += 1) {
      const { state } = this.catalogue.attempts.at(world[ATTEMPT + epoch - 1] as number);
      if (state.kind !== 'held' && state.kind !== 'flushing') continue;
      world[FLAGS] = (world[FLAGS] as number) | (1 << (9 + epoch));
    }
  }

  /** Whether the newest owner loses what it has read. */
  losePower(world: Int32Array): boolean {
    const cached = this.catalogue.targets
      .at(world[TARGET] as number)
      .inspect()
      .cache.get(0);
    this.operate(world, { kind: 'power' });
    return cached !== undefined && Number(cached) < this.guard(world);
  }

  lookAgain(world: Int32Array, machine: number, epoch: number): void {
    const { state } = this.catalogue.attempts.at(world[ATTEMPT + epoch - 1] as number);
    if (state.kind !== 'held') throw new RangeError('only an owner looks');
    const { key, type, paths } = state;
    world[LOOK + machine] = this.catalogue.beginLook({ key, type, paths, aptpl: true });
  }

  /** One command of the look; who finds that it was fenced unmounts. */
  lookOn(world: Int32Array, machine: number): void {
    const look = this.catalogue.looks.at(world[LOOK + machine] as number);
    if (look.command === null) throw new RangeError('nothing is asked');
    const { command } = look;
    const path = this.scope.paths.indexOf(command.path);
    const nexus = nexusOf(machine, path, this.login(world, machine, path));
    this.#overtake(world, nexus);
    const operation = this.catalogue.operation({ kind: 'command', nexus, command, half: false });
    const result = this.catalogue.perform(world[TARGET] as number, operation);
    world[TARGET] = this.catalogue.after(result);
    const after = this.catalogue.stepLook(
      world[LOOK + machine] as number,
      this.catalogue.answer(result),
    );
    const { state } = this.catalogue.looks.at(after);
    const over = state?.kind === 'over';
    world[LOOK + machine] = over ? 0 : after;
    const stays = !over || state.verdict.kind === 'mine' || state.verdict.kind === 'unreachable';
    if (!stays) world[MACHINE + machine] = (world[MACHINE + machine] as number) & ~15;
  }

  registerAgain(world: Int32Array, machine: number, number: number, epoch: number): void {
    const path = this.scope.paths[number] as PathId;
    const nexus = nexusOf(machine, number, this.login(world, machine, number));
    const key = keyOf(epoch, machine);
    const command = { kind: 'register', path, current: 0n, key, aptpl: true } as const;
    this.operate(world, { kind: 'command', nexus, command, half: false });
  }

  operate(world: Int32Array, operation: Operation): void {
    const number = this.catalogue.operation(operation);
    world[TARGET] = this.catalogue.after(this.catalogue.perform(world[TARGET] as number, number));
  }

  /** Writes in flight: nexus * 8 + epoch. */
  tasksOf(target: number): readonly number[] {
    const known = this.#tasks[target];
    if (known !== undefined) return known;
    const { tasks } = this.catalogue.targets.at(target).inspect();
    const found = tasks.map(({ nexus, data }) => numberOf(nexus) * 8 + Number(data));
    this.#tasks[target] = found;
    return found;
  }

  /** Does the newest attacker, alone from here on and without faults, fail to get there? */
  stuck(world: Int32Array): boolean {
    const epoch = this.started(world);
    if (this.phase(world, epoch) === HELD) return false;
    const machine = this.scope.machines[epoch - 1] as number;
    const logins = (world[MACHINE + machine] as number) >> 4;
    const fenced = ((world[FLAGS] as number) >> (3 + epoch)) & 1;
    const aborting = world[ABORTING + epoch - 1] === 0 ? 0 : 1;
    const attempt =
      (world[ATTEMPT + epoch - 1] as number) * 64 + logins * 4 + fenced * 2 + aborting;
    const known = this.#alone.get(world[TARGET] as number, attempt);
    if (known >= 0) return known === 1;
    const stuck = this.#alonePlayed(world.slice(), epoch);
    this.#alone.set(world[TARGET] as number, attempt, stuck ? 1 : 0);
    return stuck;
  }

  #alonePlayed(world: Int32Array, epoch: number): boolean {
    world[LATE] = 0;
    const foreign = this.catalogue.targets.at(world[TARGET] as number).inspect().registrations;
    let attempts = this.phase(world, epoch) === NONE ? 0 : 1;
    for (let i = 0; i < MOST_COMMANDS; i += 1) {
      const { state } = this.catalogue.attempts.at(world[ATTEMPT + epoch - 1] as number);
      if (state.kind === 'held') return false;
      const stranger = state.kind === 'failed' && state.code === 'FOREIGN_RESERVATION';
      // Nobody but an operator may take it from a stranger that is still there.
      if (stranger && foreign.has(nexusName(STRANGER))) return false;
      const ended = state.kind === 'failed' || state.kind === 'dead' || state.kind === 'none';
      if (ended) {
        // Superseded although it is the newest: that is no misfortune.
        const unlucky = state.kind !== 'failed' || UNLUCKY.includes(state.code);
        if (!unlucky || attempts > 1) return true;
        attempts += 1;
        this.secondAttempts += 1;
        world[ATTEMPT + epoch - 1] = this.begin(world, epoch);
      } else {
        const rest = world[ABORTING + epoch - 1] !== 0;
        const harm = rest ? this.finishAborts(world, epoch) : this.carryOut(world, epoch);
        if (harm !== null) return true;
      }
    }
    return true;
  }

  #attemptsOn(world: Int32Array, machine: number): readonly number[] {
    const epochs: number[] = [];
    for (const [index, where] of this.scope.machines.entries()) {
      if (where === machine && this.phase(world, index + 1) === RUNNING) epochs.push(index + 1);
    }
    return epochs;
  }

  #nexusOf(world: Int32Array, epoch: number): number {
    const { command } = this.catalogue.attempts.at(world[ATTEMPT + epoch - 1] as number);
    const machine = this.scope.machines[epoch - 1] as number;
    const path = this.scope.paths.indexOf(command?.path ?? 'a');
    return nexusOf(machine, path, this.login(world, machine, path));
  }

  /** A path carries one command at a time: what is late on it is done by now, or never. */
  #overtake(world: Int32Array, nexus: number): void {
    if (world[LATE] === 0 || this.scope.overtaking === true) return;
    if (this.rules.includes('one-command')) return;
    const list = this.catalogue.lists.at(world[LATE] as number);
    const left = list.filter((late) => {
      const operation = this.catalogue.operations.at(late);
      return 'nexus' in operation && operation.nexus !== nexus;
    });
    if (left.length < list.length) world[LATE] = this.catalogue.list(left);
  }

  #leaveBehind(world: Int32Array, epoch: number): void {
    if (world[ABORTING + epoch - 1] !== 0) {
      world[ABORTING + epoch - 1] = 0;
      return;
    }
    const nexus = this.#nexusOf(world, epoch);
    const attempt = world[ATTEMPT + epoch - 1] as number;
    const command = this.catalogue.attempts.at(attempt).command;
    // What only reads changes nothing when it comes late, but for an attention that it eats.
    if (command?.kind.startsWith('read') && this.scope.attentions !== true) return;
    const list = this.catalogue.lists.at(world[LATE] as number);
    world[LATE] = this.catalogue.list([...list, this.catalogue.sent(attempt, nexus, false)]);
  }

  #answered(world: Int32Array, epoch: number, reply: number, nexus: number): Harm | null {
    const before = world[ATTEMPT + epoch - 1] as number;
    world[ATTEMPT + epoch - 1] = this.catalogue.step(before, reply, nexus);
    if (this.phase(world, epoch) !== HELD) return null;
    const machine = this.scope.machines[epoch - 1] as number;
    if (this.mount(world, machine) === 0) {
      world[MACHINE + machine] = (world[MACHINE + machine] as number) | epoch;
    }
    world[FLAGS] = (world[FLAGS] as number) | (1 << (epoch - 1));
    return this.#mayWrite(world, epoch) ? null : 'no-right';
  }

  /** Unless somebody newer has come, or the disk was cleared behind its back. */
  #mayWrite(world: Int32Array, epoch: number): boolean {
    const flags = world[FLAGS] as number;
    if (((flags >> 18) & 7) > epoch || flags & (1 << (9 + epoch))) return true;
    const { state, verified } = this.catalogue.attempts.at(world[ATTEMPT + epoch - 1] as number);
    if (state.kind !== 'held') return false;
    const machine = this.scope.machines[epoch - 1] as number;
    const disk = this.catalogue.targets.at(world[TARGET] as number).inspect();
    return state.paths.every((path) => {
      const number = this.scope.paths.indexOf(path);
      const now = nexusOf(machine, number, this.login(world, machine, number));
      const nexus = nexusName(verified[path] ?? now);
      if (disk.reservation === null) return false;
      const shares =
        (disk.reservation.type === 5 || disk.reservation.type === 6) &&
        disk.registrations.has(nexus);
      return disk.reservation.holder === nexus || shares;
    });
  }

  /** Keeps the newest epoch that changed a registration, and watches over a stranger's. */
  #changed(world: Int32Array, before: number, number: number, result: number): Harm | null {
    const operation = this.catalogue.operations.at(number);
    if (operation.kind !== 'command' || !('key' in operation.command)) return null;
    if (this.catalogue.reply(result).kind !== 'good') return null;
    const epoch = Number(operation.command.key & 7n);
    const flags = world[FLAGS] as number;
    if (((flags >> 18) & 7) < epoch) world[FLAGS] = (flags & ~(7 << 18)) | (epoch << 18);
    if (world[SPENT] === 0 || this.scope.budget.stranger === undefined) return null;
    const stranger = nexusName(STRANGER);
    const was = this.catalogue.targets.at(before).inspect().registrations.has(stranger);
    const now = this.catalogue.targets.at(this.catalogue.after(result)).inspect();
    return was && !now.registrations.has(stranger) ? 'stolen' : null;
  }
}

const UNLUCKY: readonly string[] = [
  'FOREIGN_RESERVATION',
  'TAKEOVER_ROUNDS_EXHAUSTED',
  'TAKEOVER_TIMED_OUT',
  'DISK_PATHS_LOST',
];

const NUMBERS: ReadonlyMap<string, number> = new Map(
  Array.from({ length: ALL_NEXUSES }, (_, number) => [nexusName(number), number]),
);

function numberOf(nexus: string): number {
  const number = NUMBERS.get(nexus);
  if (number === undefined) throw new RangeError(`no nexus is called ${nexus}`);
  return number;
}
