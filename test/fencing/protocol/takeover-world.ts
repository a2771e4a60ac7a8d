/**
 * A small world in which several nodes take one disk from each other: seeded fate decides who moves
 * next, which command is delayed, who dies and what is still in flight.
 *
 * A command goes through three moments: it is sent, the target executes it, its answer arrives.
 * Between them anything may happen. A node may give a command up (timeout) or die while it is under
 * way; the target executes it all the same, later. Writes are accepted at one moment and land at
 * another.
 *
 * Checked on the way: after a takeover returned, no write of an older epoch lands (P2), and who was
 * told that it holds the disk can write through each path unless somebody newer has come.
 */
import {
  DEFAULT_TARGET,
  type TargetOptions,
} from '../../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import { execute } from '../../../src/fencing/devices/emulated/verbs.ts';
import type { PathId, PrCommand, ReservationType } from '../../../src/fencing/fence-device.ts';
import { packKey } from '../../../src/fencing/protocol/key.ts';
import { begin, step } from '../../../src/fencing/protocol/takeover.ts';
import type {
  TakeoverGoal,
  TakeoverRule,
  TakeoverState,
} from '../../../src/fencing/protocol/takeover-state.ts';
import type { Epoch } from '../../../src/lib/ids.ts';
import { type Random, seededRandom } from '../../../src/lib/random.ts';

export const TAG = 0x4846;

export type Fate = {
  readonly seed: number;
  readonly attackers: number;
  readonly type: ReservationType;
  readonly omit: readonly TakeoverRule[];
  /** Chances in 1000 for each event. */
  readonly crash: number;
  readonly giveUp: number;
  readonly loseAttention: number;
  readonly loginAgain: number;
  readonly targetPowerLoss: number;
  readonly target?: Partial<TargetOptions>;
};

export const QUIET: Omit<Fate, 'seed'> = {
  attackers: 2,
  type: 1,
  omit: [],
  crash: 0,
  giveUp: 0,
  loseAttention: 0,
  loginAgain: 0,
  targetPowerLoss: 0,
};

type Node = {
  readonly epoch: Epoch;
  readonly paths: readonly PathId[];
  state: TakeoverState | null;
  /** Sent, not yet answered. */
  waiting: Sent | null;
  alive: boolean;
  /** How often each path has logged in: its nexus has another name then. */
  readonly logins: Map<PathId, number>;
  /**
   * Nexus through which each path was last verified: a login after that is the defence's business.
   */
  readonly verified: Map<PathId, string>;
};

type Sent = {
  readonly node: Node;
  readonly nexus: string;
  readonly command: PrCommand;
  reply: ReturnType<typeof execute> | null;
  givenUp: boolean;
};

export type Story = {
  readonly violations: readonly string[];
  readonly ends: readonly string[];
  readonly log: readonly string[];
  readonly heldEpochs: readonly Epoch[];
};

const MAX_EVENTS = 4000;

export function play(fate: Fate): Story {
  return new World(fate).play();
}

class World {
  readonly #fate: Fate;
  readonly #random: Random;
  readonly #target: EmulatedTarget;
  readonly #nodes: Node[] = [];
  #network: Sent[] = [];
  readonly #violations: string[] = [];
  readonly #log: string[] = [];
  readonly #heldEpochs: Epoch[] = [];
  /** Newest epoch that has changed a registration or reservation. */
  #newestSeen: Epoch = 0;

  constructor(fate: Fate) {
    this.#fate = fate;
    this.#random = seededRandom(fate.seed);
    this.#target = new EmulatedTarget({ ...DEFAULT_TARGET, identity: 'naa.1', ...fate.target });
  }

  play(): Story {
    this.#firstOwner();
    const moves = [
      () => this.#start(),
      () => this.#carryOut(),
      () => this.#carryOut(),
      () => this.#deliver(),
      () => this.#deliver(),
      () => this.#write(),
      () => this.#land(),
      () => this.#misfortune(),
    ];
    for (let i = 0; i < MAX_EVENTS; i += 1) {
      moves[this.#random.below(moves.length)]?.();
      if (this.#quiet() && this.#random.below(8) === 0) break;
    }
    this.#finish();
    return {
      violations: this.#violations,
      ends: this.#nodes.map((node) => `${node.epoch}:${endOf(node)}`),
      log: this.#log,
      heldEpochs: this.#heldEpochs,
    };
  }

  /** Epoch 1 holds the disk, has writes under way, and freezes. */
  #firstOwner(): void {
    const owner = this.#node(1);
    this.#begin(owner);
    while (owner.waiting !== null) {
      this.#perform(owner.waiting);
      this.#answer(owner);
    }
    for (let i = 0; i < 2; i += 1) this.#submit(owner);
  }

  #node(epoch: Epoch): Node {
    const paths = this.#fate.type === 1 ? ['a'] : ['a', 'b'];
    const logins = new Map(paths.map((path) => [path, 0]));
    const node: Node = {
      epoch,
      paths,
      state: null,
      waiting: null,
      alive: true,
      logins,
      verified: new Map(),
    };
    this.#nodes.push(node);
    return node;
  }

  #begin(node: Node): void {
    // The idle proof: what this machine did under an older epoch has ended (its tasks may live on).
    for (const former of this.#nodes) {
      if (former !== node && machineOf(former) === machineOf(node)) former.alive = false;
    }
    const earlier = this.#nodes.filter((other) => other.epoch < node.epoch);
    const goal: TakeoverGoal = {
      key: keyOf(node.epoch),
      type: this.#fate.type,
      paths: node.paths,
      predecessorFenced: earlier.every((other) => this.#heldEpochs.includes(other.epoch)),
      lastEpoch: 1 + this.#fate.attackers,
      aptpl: this.#target.options.aptpl,
      acceptLateWrites: false,
      omit: node.epoch === 1 ? [] : this.#fate.omit,
    };
    const first = begin(goal);
    node.state = first.state;
    this.#send(node, first.commands);
  }

  #send(node: Node, commands: readonly PrCommand[]): void {
    const [command] = commands;
    node.waiting = null;
    if (command === undefined) {
      if (node.state?.kind === 'held') this.#heldBy(node);
      return;
    }
    const nexus = nexusOf(node, command.path);
    node.waiting = { node, nexus, command, reply: null, givenUp: false };
    this.#network.push(node.waiting);
  }

  #start(): void {
    const next = this.#nodes.length + 1;
    if (next > 1 + this.#fate.attackers || this.#random.below(4) !== 0) return;
    this.#begin(this.#node(next));
  }

  /** The target takes any command that is under way: commands overtake each other. */
  #carryOut(): void {
    const sent = this.#pick(this.#network);
    if (sent !== null) this.#perform(sent);
  }

  #perform(sent: Sent): void {
    this.#network = this.#network.filter((other) => other !== sent);
    const { node, command } = sent;
    // Whoever sent it is gone: the removal of a key may be done and the aborts cut short.
    const cutShort =
      command.kind === 'preempt-and-abort' &&
      (!node.alive || sent.givenUp) &&
      this.#random.below(2) === 0;
    const done = cutShort ? ({ ...command, kind: 'preempt' } as const) : command;
    sent.reply = execute(this.#target, sent.nexus, done);
    const changed = sent.reply.kind === 'good' && 'key' in command;
    if (changed) this.#newestSeen = Math.max(this.#newestSeen, node.epoch);
    this.#note(`${node.epoch} ${sent.nexus} ${done.kind} → ${sent.reply.kind}`);
  }

  #deliver(): void {
    const ready = this.#nodes.filter((node) => node.alive && node.waiting?.reply);
    const node = this.#pick(ready);
    if (node !== null) this.#answer(node);
  }

  #answer(node: Node): void {
    const { state, waiting } = node;
    if (state === null || waiting?.reply === null || waiting?.reply === undefined) return;
    const { command, nexus, reply } = waiting;
    if (reply.kind === 'good' && command.kind === 'register' && command.current === command.key) {
      node.verified.set(command.path, nexus);
    }
    const next = step(state, { kind: 'reply', reply });
    node.state = next.state;
    this.#send(node, next.commands);
  }

  #heldBy(node: Node): void {
    this.#heldEpochs.push(node.epoch);
    this.#note(`${node.epoch} HOLDS`);
    const held = node.state;
    if (held?.kind !== 'held' || this.#newestSeen > node.epoch) return;
    for (const path of held.paths) {
      if (!this.#mayWrite(node.verified.get(path) ?? nexusOf(node, path))) {
        this.#violations.push(`${node.epoch} was told that it holds, yet ${path} cannot write`);
      }
    }
  }

  #mayWrite(nexus: string): boolean {
    const { registrations, reservation } = this.#target.inspect();
    if (reservation === null) return false;
    return reservation.holder === nexus || (reservation.type === 5 && registrations.has(nexus));
  }

  /** Who was told that it holds the disk writes on, also after it lost it: it may be frozen. */
  #write(): void {
    const writer = this.#pick(this.#nodes.filter((node) => node.state?.kind === 'held'));
    if (writer?.alive) this.#submit(writer);
  }

  #submit(writer: Node): void {
    const path = this.#pick(writer.paths) ?? 'a';
    this.#target.submitWrite(nexusOf(writer, path), this.#random.below(4), `${writer.epoch}`);
  }

  #land(): void {
    const task = this.#pick(this.#target.inspect().tasks);
    if (task === null) return;
    const newest = Math.max(0, ...this.#heldEpochs);
    if (this.#target.completeWrite(task.id) && Number(task.data) < newest) {
      this.#violations.push(`a write of ${task.data} landed although ${newest} held the disk`);
      this.#note(`LATE WRITE of ${task.data}`);
    }
  }

  #misfortune(): void {
    const { crash, giveUp, loseAttention, loginAgain, targetPowerLoss } = this.#fate;
    const attacker = this.#pick(this.#nodes.filter((node) => node.epoch > 1 && node.alive));
    if (attacker === null) return;
    if (this.#chance(crash)) {
      attacker.alive = false;
      this.#note(`${attacker.epoch} dies`);
    } else if (this.#chance(giveUp) && attacker.waiting !== null && attacker.state !== null) {
      const { command } = attacker.waiting;
      attacker.waiting.givenUp = true;
      const reply = { kind: 'timeout', path: command.path } as const;
      const next = step(attacker.state, { kind: 'reply', reply });
      attacker.state = next.state;
      this.#note(`${attacker.epoch} gives ${command.kind} up`);
      this.#send(attacker, next.commands);
    } else if (this.#chance(loseAttention)) {
      this.#target.testUnitReady(nexusOf(attacker, 'a'));
    } else if (this.#chance(loginAgain) && attacker.state?.kind !== 'held') {
      const path = this.#pick(attacker.paths) ?? 'a';
      attacker.logins.set(path, (attacker.logins.get(path) ?? 0) + 1);
      this.#note(`${attacker.epoch} logs in again on ${path}`);
    } else if (this.#chance(targetPowerLoss)) {
      this.#target.powerLoss();
      this.#note('the target loses power');
    }
  }

  /** Everything under way arrives, in any order; then nothing is left to land. */
  #finish(): void {
    for (let i = 0; i < MAX_EVENTS && !this.#quiet(); i += 1) {
      this.#carryOut();
      this.#deliver();
      this.#write();
      this.#land();
    }
    while (this.#target.inspect().tasks.length > 0) this.#land();
  }

  #quiet(): boolean {
    const all = this.#nodes.length === 1 + this.#fate.attackers;
    return all && this.#network.length === 0 && this.#nodes.every((n) => !n.alive || !n.waiting);
  }

  #chance(inThousand: number): boolean {
    return this.#random.below(1000) < inThousand;
  }

  #pick<T>(items: readonly T[]): T | null {
    return items[this.#random.below(Math.max(1, items.length))] ?? null;
  }

  #note(line: string): void {
    this.#log.push(line);
  }
}

function keyOf(epoch: Epoch): bigint {
  return packKey({ tag: TAG, node: machineOf({ epoch }), epoch });
}

/** Three machines take turns, so that the fourth epoch meets its own machine's first key. */
function machineOf({ epoch }: { readonly epoch: Epoch }): number {
  return 1 + ((epoch - 1) % 3);
}

function nexusOf(node: Node, path: PathId): string {
  const login = node.logins.get(path) ?? 0;
  return `n${machineOf(node)}:${path}${login === 0 ? '' : `#${login}`}`;
}

function endOf(node: Node): string {
  if (!node.alive) return 'dead';
  if (node.state?.kind === 'failed') return node.state.code;
  return node.state?.kind ?? 'never';
}
