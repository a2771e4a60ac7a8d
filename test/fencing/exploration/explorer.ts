/**
 * Breadth first over all worlds of a scope: what is found first has a shortest history. Remembers of
 * each world 64 bits and the step that led to it; whole worlds are kept for two depths only.
 */

import { FingerprintSet, Rows } from '../../exploration/tables.ts';
import { FLAGS, type Harm, WIDTH } from './layout.ts';
import type { Protocol } from './protocol.ts';
import type { Rule } from './rules.ts';
import type { Scope } from './scope.ts';
import { Worlds } from './world.ts';

export type Finding = {
  readonly harm: Harm;
  /** Steps from the first world on; the last of them does the harm. */
  readonly path: readonly number[];
};

export type Outcome = {
  readonly states: number;
  readonly steps: number;
  readonly depth: number;
  /** Every world within the bounds was visited. */
  readonly complete: boolean;
  readonly finding: Finding | null;
  /** Different steps of the real code. */
  readonly codeSteps: number;
  /** States from which the newest attacker needed a second attempt. */
  readonly secondAttempts: number;
  /** Epochs whose takeover returned in some world: a scope without them would prove nothing. */
  readonly held: readonly number[];
};

export type Limits = {
  readonly maxStates: number;
  readonly progress?: (states: number, depth: number, waiting: number) => void;
  /** Other harm is passed over. */
  readonly only?: Harm | undefined;
};

const PROGRESS_STATES = 100_000;

export class Explorer {
  readonly worlds: Worlds;
  readonly #limits: Limits;
  readonly #seen = new FingerprintSet();
  /** Of each world: the number of the one before it, and the step. */
  readonly #ways = new Rows(2);
  #frontier = new Rows(WIDTH);
  #after = new Rows(WIDTH);
  #steps = 0;
  #depth = 0;
  #finding: Finding | null = null;
  #held = 0;

  constructor(scope: Scope, protocol: Protocol, rule: Rule | null, limits: Limits) {
    this.worlds = new Worlds(scope, protocol, rule);
    this.#limits = limits;
  }

  run(): Outcome {
    this.#arrive(this.worlds.first(), -1, -1, null);
    const room = () => this.#seen.size < this.#limits.maxStates;
    while (this.#finding === null && this.#after.count > 0 && room()) this.#deepen(room);
    return {
      states: this.#seen.size,
      steps: this.#steps,
      depth: this.#depth,
      complete: this.#finding === null && this.#after.count === 0,
      finding: this.#finding,
      codeSteps: this.worlds.catalogue.steps,
      secondAttempts: this.worlds.secondAttempts,
      held: [1, 2, 3, 4].filter((epoch) => (this.#held & (1 << (epoch - 1))) !== 0),
    };
  }

  #deepen(room: () => boolean): void {
    [this.#frontier, this.#after] = [this.#after, this.#frontier];
    this.#after.clear();
    this.#depth += 1;
    const { next } = this.worlds;
    const first = this.#seen.size - this.#frontier.count;
    for (let number = 0; number < this.#frontier.count; number += 1) {
      if (this.#finding !== null) return;
      if (!room()) {
        // Cut off: what waits is not lost from the count of what waits.
        this.#after.push(this.#frontier.at(number));
        return;
      }
      this.worlds.follow(this.#frontier.at(number), (action, harm) => {
        this.#steps += 1;
        this.#arrive(next, first + number, action, harm);
      });
    }
  }

  #arrive(world: Int32Array, parent: number, action: number, harm: Harm | null): void {
    if (this.#finding !== null) return;
    if (harm !== null) this.#found(harm, parent, action);
    if (!this.#seen.add(world)) return;
    this.#ways.push([parent, action]);
    this.#held |= world[FLAGS] as number;
    if (this.worlds.stuck(world)) this.#found('stuck', parent, action);
    this.#after.push(world);
    const { size } = this.#seen;
    if (size % PROGRESS_STATES === 0) {
      this.#limits.progress?.(size, this.#depth, this.#after.count);
    }
  }

  #found(harm: Harm, parent: number, action: number): void {
    const { only = harm } = this.#limits;
    if (this.#finding !== null || harm !== only) return;
    const path = action < 0 ? [] : [action];
    let at = parent;
    while (at > 0) {
      const [before, step] = this.#ways.at(at);
      path.unshift(step as number);
      at = before as number;
    }
    this.#finding = { harm, path };
  }
}
