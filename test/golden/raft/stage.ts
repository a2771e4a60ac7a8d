/**
 * The stage of a Raft story: sets the scene, performs the commands of script.ts on a `World`, and
 * answers with what came of each.
 *
 * Lines before the first one that does something set the scene (`cluster`, `learner`, `spare`, `log
 * of`, `set`); the machines start with the first other line. Unknown lines are refused, never passed
 * over; after each line the invariants must hold.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import { membersOf } from '../../../src/raft/configuration.ts';
import type { Configuration, Entry, Restored } from '../../../src/raft/types.ts';
import { type Stage, StoryFailure } from '../story.ts';
import { conditionOf } from './conditions.ts';
import { EMPTY_DISK, type Sabotage } from './machine.ts';
import { rowOf } from './notation.ts';
import { commandOf } from './script.ts';
import { DEFAULT_LIMITS, type Limits, World } from './world.ts';

/** Whoever waits longer in a story waits for something that does not come. */
const UNTIL_MS = 10_000;
const SEED = 20_140_619;

export type RaftStageOptions = {
  /** For the controls of the runner. */
  readonly sabotage?: Sabotage;
  /** Of the election timeouts; what a story expects must not hang on it. */
  readonly seed?: number;
};

export class RaftStage implements Stage {
  readonly #options: Required<RaftStageOptions>;
  #world: World | null = null;
  #configuration: Configuration = { voters: [], outgoing: [], learners: [] };
  #spares: readonly NodeId[] = [];
  #disks = new Map<NodeId, Restored>();
  #limits: Limits = DEFAULT_LIMITS;

  constructor(options: RaftStageOptions = {}) {
    this.#options = { sabotage: 'none', seed: SEED, ...options };
  }

  perform(line: string): readonly string[] {
    const command = commandOf(line);
    if (command === null) throw new StoryFailure(`this line means nothing: ${line}`);
    const sentences = command(this);
    const happened = this.#world?.happenings.take() ?? [];
    const violation = this.#world?.checks.violation ?? null;
    if (violation !== null) throw new StoryFailure(`an invariant is broken. ${violation}`);
    return line.startsWith('until ') ? [...happened, ...sentences] : [...sentences, ...happened];
  }

  /** The scene is set and everyone runs, from here on at the latest. */
  get world(): World {
    if (this.#world !== null) return this.#world;
    if (this.#configuration.voters.length === 0) throw new StoryFailure('no cluster is named yet');
    const world = new World({
      configuration: this.#configuration,
      spares: this.#spares,
      disks: this.#disks,
      limits: this.#limits,
      ...this.#options,
    });
    this.#world = world;
    for (const id of world.machines.keys()) world.start(id);
    return world;
  }

  setVoters(voters: readonly NodeId[]): undefined {
    this.#beforeTheStart();
    this.#configuration = { ...this.#configuration, voters };
  }

  setLearners(learners: readonly NodeId[]): undefined {
    this.#beforeTheStart();
    this.#configuration = { ...this.#configuration, learners };
  }

  /** They run, and belong to no configuration. */
  setSpares(nodes: readonly NodeId[]): undefined {
    this.#beforeTheStart();
    this.#spares = nodes;
  }

  setLimit(limit: string, value: number): undefined {
    this.#beforeTheStart();
    if (!Object.hasOwn(this.#limits, limit)) throw new StoryFailure(`there is no limit ${limit}`);
    this.#limits = { ...this.#limits, [limit]: value };
  }

  /** What a node's disk holds before it first starts: commands without content, by their terms. */
  setLog(node: NodeId, terms: readonly number[], term: number): undefined {
    this.#beforeTheStart();
    if (!membersOf(this.#configuration).includes(node)) {
      throw new StoryFailure(`there is no node ${node}`);
    }
    const entries = terms.map(
      (of, at): Entry => ({ kind: 'command', index: at + 1, term: of, data: new Uint8Array(0) }),
    );
    const hardState = { term, votedFor: null, commitIndex: 0 };
    this.#disks.set(node, { ...EMPTY_DISK, hardState, entries });
  }

  /** The usual beginning, told in one sentence: an election that nothing disturbs. */
  elect(node: NodeId): readonly string[] {
    const { world } = this;
    world.machine(node).electionTimerFires();
    const agreed = conditionOf('all agree');
    const elected = world.run(UNTIL_MS, () => agreed?.(world) === true);
    if (world.checks.violation !== null) return [];
    if (!elected || world.leader()?.machine.id !== node) {
      throw new StoryFailure(`${node} was not elected\n${this.show([]).join('\n')}`);
    }
    world.happenings.take();
    return [`${node} leads term ${world.status(node).term}, everyone follows`];
  }

  wait(ms: number): readonly string[] {
    const { world } = this;
    world.run(ms, () => false);
    return world.happenings.isEmpty ? ['(nothing happens)'] : [];
  }

  until(text: string): readonly string[] {
    const { world } = this;
    const condition = conditionOf(text);
    if (condition === null) throw new StoryFailure(`this condition means nothing: ${text}`);
    const began = world.timeline.now;
    if (world.run(UNTIL_MS, () => condition(world))) {
      return [`(${durationText(world.timeline.now - began)})`];
    }
    if (world.checks.violation !== null) return [];
    throw new StoryFailure(`after ${UNTIL_MS} ms still not: ${text}\n${this.show([]).join('\n')}`);
  }

  expect(text: string): readonly string[] {
    const { world } = this;
    const condition = conditionOf(text);
    if (condition === null) throw new StoryFailure(`this condition means nothing: ${text}`);
    if (condition(world)) return [];
    throw new StoryFailure(`not so: ${text}\n${this.show([]).join('\n')}`);
  }

  show(nodes: readonly NodeId[]): readonly string[] {
    const { world } = this;
    const shown = nodes.length > 0 ? nodes : [...world.machines.keys()];
    const width = Math.max(...shown.map(({ length }) => length));
    return shown.map((id) => rowOf(world.machine(id), width));
  }

  link(ways: {
    readonly cut: boolean;
    readonly from: NodeId;
    readonly bothWays: boolean;
    readonly to: readonly NodeId[];
  }): undefined {
    const { machines, wire } = this.world;
    const from = this.world.machine(ways.from).id;
    const everyoneElse = [...machines.keys()].filter((id) => id !== from);
    const set = (one: NodeId, other: NodeId): void =>
      ways.cut ? wire.cut(one, other) : wire.mend(one, other);
    for (const name of ways.to.join() === 'everyone' ? everyoneElse : ways.to) {
      const to = this.world.machine(name).id;
      set(from, to);
      if (ways.bothWays) set(to, from);
    }
  }

  release(order: 'as sent' | 'last first'): readonly string[] {
    const { wire } = this.world;
    if (wire.heldCount === 0) throw new StoryFailure('nothing is held back');
    wire.release(order);
    return [];
  }

  someone(name: string): NodeId | null {
    return name === 'anyone' ? null : this.world.machine(name).id;
  }

  #beforeTheStart(): void {
    if (this.#world !== null) throw new StoryFailure('the machines run already');
  }
}

/** In words that a millisecond more or less does not change. */
function durationText(ms: number): string {
  if (ms < 20) return 'at once';
  const bounds = [100, 300, 600, 1_000, 2_000, 5_000];
  return `within ${bounds.find((bound) => ms < bound) ?? UNTIL_MS} ms`;
}
