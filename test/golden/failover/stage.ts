/**
 * The stage of a story about the planner. Lines before the first `situation` set the scene; each
 * situation begins with that scene anew, `and then` goes on with what the one before has left.
 *
 * The world stands still while it is described: it starts with the first line that plans, asks, lets
 * time pass or breaks something. Unknown lines are refused, never passed over.
 */
import type { Command } from '../../../src/cluster/command.ts';
import { groupOf } from '../../../src/cluster/queries.ts';
import { canSetRole } from '../../../src/failover/change-role.ts';
import { canMove, type PlannerOutput } from '../../../src/failover/planner.ts';
import type { GroupId, Millis, NodeId } from '../../../src/lib/ids.ts';
import { type Stage, StoryFailure } from '../story.ts';
import { conditionOf } from './conditions.ts';
import type { Sabotage } from './sabotage.ts';
import { commandOf } from './script.ts';
import {
  candidatesInWords,
  electorateInWords,
  groupInWords,
  ms,
  nodeInWords,
  planInWords,
  waitInWords,
} from './words.ts';
import { World } from './world.ts';

/** Whoever waits longer in a story waits for something that does not come. */
const UNTIL_MS = 120_000;
const STEP_MS = 10;

/** Each situation, and each moment with a title of its own. */
export function titlesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => /^(situation|and then) /.test(line));
}

export class FailoverStage implements Stage {
  readonly #sabotage: Sabotage;
  readonly #scene: string[] = [];
  #began = false;
  #world: World;
  #refusal: string | null = null;

  constructor(options: { readonly sabotage?: Sabotage } = {}) {
    this.#sabotage = options.sabotage ?? 'none';
    this.#world = new World(this.#sabotage);
  }

  get world(): World {
    return this.#world;
  }

  /** The world, started. */
  get running(): World {
    this.#world.start();
    return this.#world;
  }

  perform(line: string): readonly string[] {
    if (/^situation \S/.test(line)) return this.#situation();
    if (/^and then \S/.test(line)) {
      if (!this.#began) throw new StoryFailure('nothing was before');
      return [];
    }
    const command = commandOf(line);
    if (command === null) throw new StoryFailure(`this line means nothing: ${line}`);
    if (!this.#began) this.#scene.push(line);
    return command(this);
  }

  #situation(): readonly string[] {
    this.#began = true;
    this.#world = new World(this.#sabotage);
    this.#refusal = null;
    for (const line of this.#scene) commandOf(line)?.(this);
    return [];
  }

  /** Commits what describes the scene, or what nodes report: it must fit. */
  happen(...commands: readonly Command[]): undefined {
    for (const command of commands) {
      const refusal = this.#world.commit(command);
      if (refusal !== null) throw new StoryFailure(`refused, ${refusal}`);
    }
  }

  /** Commits what somebody asks for: it may be refused. */
  ask(command: Command): readonly string[] {
    this.#refusal = this.#world.commit(command);
    return this.#refusal === null ? [] : [`refused, ${this.#refusal}`];
  }

  move(group: GroupId, to: NodeId | null): readonly string[] {
    const may = canMove(this.running.moveQuestion(), group, to);
    if (!may.ok) return this.#refused(may.error);
    const expectedEpoch = this.#world.group(group).epoch;
    return this.ask({ kind: 'release', group, expectedEpoch, to, reason: 'move', by: 'op' });
  }

  setRole(node: NodeId, role: 'voter' | 'learner' | 'leaving', force: boolean): readonly string[] {
    const { nodes } = this.running.view();
    const alive = Object.values(nodes).filter(({ state }) => state === 'alive');
    const names = new Set(alive.map((one) => one.node));
    const may = canSetRole(this.#world.state, names, node, role);
    const kept = !may.ok && may.error.code === 'WOULD_LOSE_QUORUM' && force;
    if (!may.ok && !kept) return this.#refused(may.error);
    return this.ask({ kind: 'set-role', node, role, by: 'op' });
  }

  plan(): readonly string[] {
    const input = this.running.input();
    const sentences = planInWords(input, this.#world.plan());
    const members = this.#world.appliedOwnTerm
      ? electorateInWords(this.#world.electing.plan())
      : [];
    return [...sentences, ...members];
  }

  /** Proposes what is planned, and whatever Raft's configuration needs. */
  propose(): readonly string[] {
    this.#proposeAll();
    const keys = [...this.#world.inFlight.keys()];
    return [keys.length === 0 ? '(nothing is proposed)' : `(on the way: ${keys.join(', ')})`];
  }

  /** The same, and it is committed at once; answers what is committed now. */
  doIt(): readonly string[] {
    const members = this.#proposeAll();
    const { committed, refusals } = this.#world.settle(true);
    if (refusals.length > 0) throw new StoryFailure(`refused, ${refusals.join('; ')}`);
    const { state } = this.#world;
    const said = committed.map(({ key, command }) => {
      const group = 'group' in command ? groupOf(state, command.group) : null;
      return group === null ? `(committed: ${key})` : groupInWords(group);
    });
    const all = [...said, ...members.filter((line) => !line.endsWith('struck off'))];
    return all.length === 0 ? ['(nothing is proposed)'] : all;
  }

  /** What is on the way arrives. */
  arrive(): readonly string[] {
    const { refusals } = this.running.settle(true);
    this.#refusal = refusals[0] ?? null;
    return refusals.map((refusal) => `refused, ${refusal}`);
  }

  #proposeAll(): readonly string[] {
    const { electing, appliedOwnTerm } = this.running;
    this.#world.propose(this.#world.plan().proposals);
    if (!appliedOwnTerm) return [];
    const output = electing.plan();
    this.#world.propose(output.proposals);
    electing.perform(output.step);
    return electorateInWords({ ...output, waiting: [] });
  }

  wait(msToWait: Millis): undefined {
    this.running.network.advance(msToWait);
  }

  until(text: string): readonly string[] {
    const condition = conditionOf(text);
    if (condition === null) throw new StoryFailure(`this condition means nothing: ${text}`);
    const { now: began } = this.running;
    const said: string[] = [];
    for (;;) {
      const { now } = this.#world;
      const plan = this.#world.plan();
      if (condition(this.#world, plan)) return [...said, `(after ${ms(now - began)})`];
      for (const one of newWaits(plan, now, said)) said.push(one);
      if (now - began >= UNTIL_MS) {
        throw new StoryFailure(`after ${ms(UNTIL_MS)} still not: ${text}\n${this.#now()}`);
      }
      this.#world.network.advance(STEP_MS);
    }
  }

  expect(text: string): undefined {
    const refused = /^it was refused: ([A-Z_]+)$/.exec(text)?.[1];
    if (refused !== undefined) {
      if (this.#refusal?.startsWith(`${refused}:`) === true) return;
      throw new StoryFailure(`not so: ${text}\n${this.#refusal ?? 'it was accepted'}`);
    }
    const condition = conditionOf(text);
    if (condition === null) throw new StoryFailure(`this condition means nothing: ${text}`);
    if (condition(this.running, this.#world.plan())) return;
    throw new StoryFailure(`not so: ${text}\n${this.#now()}`);
  }

  show(): readonly string[] {
    const { nodes } = this.running.view();
    const groups = Object.values(this.#world.state.groups).map(groupInWords);
    const peers = Object.values(nodes).filter(({ node }) => node !== this.#world.leader);
    return [...groups, ...peers.map(nodeInWords)];
  }

  why(group: GroupId): readonly string[] {
    return [candidatesInWords(this.running.input(), group)];
  }

  #refused({
    code,
    detail,
  }: {
    readonly code: string;
    readonly detail: string;
  }): readonly string[] {
    this.#refusal = `${code}: ${detail}`;
    return [`no, ${this.#refusal}`];
  }

  #now(): string {
    return [...this.show(), ...this.plan()].join('\n');
  }
}

/** What is waited for now and was not before, by code. */
function newWaits(
  { waiting }: PlannerOutput,
  now: Millis,
  said: readonly string[],
): readonly string[] {
  return waiting
    .filter(({ group, code }) => {
      const last = said.findLast((line) => line.startsWith(`${group} waits`));
      return last?.includes(` ${code}: `) !== true;
    })
    .map((one) => waitInWords(one, now));
}
