/**
 * Breadth first over all worlds: the first violation that is met has a shortest history. Remembers of
 * each world a 64-bit fingerprint (two different worlds out of n share one with probability
 * n²/2⁶⁵: for ten million, 3 in a million; then one world would be passed over, never a false alarm),
 * and which step from which world led to it. Whole worlds are kept for two depths only.
 */

import { FingerprintSet, Rows } from '../../exploration/tables.ts';
import type { Scope } from './bounds.ts';
import { Catalogue } from './catalogue.ts';
import { Chains } from './chain.ts';
import { Histories } from './history.ts';
import type { Node, Setting, Violation } from './node.ts';
import { type Beginning, began } from './prelude.ts';
import type { Sabotage } from './sabotage.ts';
import { PAST, Worlds } from './world.ts';

export type Limits = {
  readonly maxStates: number;
  /** Violations of these are passed over, so that a control shows the harm behind them. */
  readonly blindTo?: readonly string[];
  readonly progress?: (now: Progress) => void;
  readonly everyStates?: number;
  readonly keyOf?: (node: Node) => string;
};

export type Progress = {
  readonly states: number;
  readonly depth: number;
  readonly waiting: number;
};

export type Finding = {
  readonly violation: Violation;
  /** The steps from the first world to the one that breaks; the last of them breaks it. */
  readonly path: readonly number[];
};

export type Outcome = {
  readonly states: number;
  /** Steps of worlds that were looked at, leading to new worlds or to known ones. */
  readonly steps: number;
  /** Length of the longest of all shortest histories. */
  readonly depth: number;
  /** Every world within the bounds was visited. */
  readonly complete: boolean;
  readonly finding: Finding | null;
  /** States of single nodes, and steps that the real core took. */
  readonly nodes: number;
  readonly coreSteps: number;
};

export class Explorer {
  readonly catalogue: Catalogue;
  readonly worlds: Worlds;
  readonly beginning: Beginning;
  readonly #limits: Limits;
  readonly #setting: Setting;
  readonly #seen = new FingerprintSet();
  /** Of each world: the number of the one before it, and the step. */
  readonly #ways = new Rows(2);
  #frontier = new Level();
  #after = new Level();
  #nextProgress = 0;
  #steps = 0;
  #depth = 0;
  #finding: Finding | null = null;

  constructor(scope: Scope, sabotage: Sabotage, limits: Limits) {
    const slots = ['a', 'b', 'c'];
    const chains = new Chains(scope.bootstrap);
    this.#limits = limits;
    this.#setting = {
      chains,
      bootstrap: scope.bootstrap,
      limits: {
        maxInflightAppends: 4,
        maxAppendBytes: scope.maxAppendBytes,
        maxUncommittedBytes: 10_000,
        snapshotChunkBytes: 1,
      },
      targets: scope.targets,
      instantDisk: scope.instantDisk,
      sabotage,
    };
    this.catalogue = new Catalogue(this.#setting, slots, limits.keyOf);
    const histories = new Histories(chains, slots);
    this.worlds = new Worlds(this.catalogue, histories, scope);
    this.beginning = began(scope, this.catalogue, histories);
  }

  run(): Outcome {
    const { world, violations } = this.beginning;
    this.worlds.next.set(world);
    this.#visit(world.length, -1, -1, violations);
    while (this.#finding === null && this.#after.count > 0 && this.#room()) this.#deepen();
    return {
      states: this.#seen.size,
      steps: this.#steps,
      depth: this.#depth,
      complete: this.#finding === null && this.#after.count === 0,
      finding: this.#finding,
      nodes: this.catalogue.nodes,
      coreSteps: this.catalogue.steps,
    };
  }

  #room(): boolean {
    return this.#seen.size < this.#limits.maxStates;
  }

  /** All worlds that are one step further away. */
  #deepen(): void {
    [this.#frontier, this.#after] = [this.#after, this.#frontier];
    this.#after.clear();
    const first = this.#seen.size - this.#frontier.count;
    const { everyStates = 100_000, progress } = this.#limits;
    this.#frontier.visit((world, at, length, number) => {
      if (this.#finding !== null || !this.#room()) return false;
      this.worlds.follow(world, at, length, (size, via, violations) => {
        if (this.#finding !== null) return;
        this.#steps += 1;
        this.#visit(size, first + number, via, violations);
      });
      if (this.#seen.size >= this.#nextProgress) {
        this.#nextProgress = this.#seen.size + everyStates;
        progress?.({ states: this.#seen.size, depth: this.#depth, waiting: this.#after.count });
      }
      return true;
    });
    if (this.#after.count > 0) this.#depth += 1;
  }

  #visit(length: number, parent: number, via: number, violations: readonly Violation[]): void {
    this.#judge(violations, parent, via);
    const { next } = this.worlds;
    if (!this.#seen.add(next, length)) return;
    this.#ways.push([parent, via]);
    this.#judge(this.#broken(next), parent, via);
    this.#after.push(next, length);
  }

  /** What the logs and the roles of the present say, without the past. */
  #broken(world: Int32Array): readonly Violation[] {
    const violations: Violation[] = [];
    const { chains } = this.#setting;
    for (let one = 0; one < PAST; one += 1) {
      const a = this.catalogue.sketch(world[one] as number);
      const own = chains.clash(a.memory, a.disk);
      if (own > 0) violations.push(clash(a.memory, a.disk, own, chains));
      for (let other = one + 1; other < PAST; other += 1) {
        const b = this.catalogue.sketch(world[other] as number);
        if (a.leads > 0 && a.leads === b.leads) {
          const story = `two nodes lead term ${a.leads} at once`;
          violations.push({ invariant: 'ElectionSafety', story });
        }
        for (const [x, y] of [
          [a.memory, b.memory],
          [a.memory, b.disk],
          [a.disk, b.memory],
          [a.disk, b.disk],
        ] as const) {
          const index = chains.clash(x, y);
          if (index > 0) violations.push(clash(x, y, index, chains));
        }
      }
    }
    return violations;
  }

  #judge(violations: readonly Violation[], parent: number, via: number): void {
    if (violations.length === 0 || this.#finding !== null) return;
    const blind = this.#limits.blindTo ?? [];
    const violation = violations.find(({ invariant }) => !blind.includes(invariant));
    if (violation === undefined) return;
    const path = via < 0 ? [] : [via];
    let at = parent;
    while (at > 0) {
      const [before, step] = this.#ways.at(at);
      path.unshift(step as number);
      at = before as number;
    }
    this.#finding = { violation, path };
  }
}

function clash(one: number, other: number, index: number, chains: Chains): Violation {
  const [a, b] = [chains.describe(one), chains.describe(other)];
  return { invariant: 'LogMatching', story: `${a} and ${b} differ at or before index ${index}` };
}

/** The worlds of one depth, one behind the other: each is led by its length. */
class Level {
  static readonly #PIECE = 1 << 20;
  readonly #pieces: Int32Array[] = [];
  readonly #fill: number[] = [];
  #piece = 0;
  count = 0;

  clear(): void {
    this.#piece = 0;
    this.count = 0;
    this.#fill.length = 0;
  }

  push(world: Int32Array, length: number): void {
    let at = this.#fill[this.#piece] ?? 0;
    if (at + length + 1 > Level.#PIECE) {
      this.#piece += 1;
      at = 0;
    }
    this.#pieces[this.#piece] ??= new Int32Array(Level.#PIECE);
    const piece = this.#pieces[this.#piece] as Int32Array;
    piece[at] = length;
    for (let i = 0; i < length; i += 1) piece[at + 1 + i] = world[i] as number;
    this.#fill[this.#piece] = at + length + 1;
    this.count += 1;
  }

  /** Until `each` answers false. */
  visit(each: (world: Int32Array, at: number, length: number, number: number) => boolean): void {
    let number = 0;
    for (const [index, fill] of this.#fill.entries()) {
      const piece = this.#pieces[index] as Int32Array;
      for (let at = 0; at < fill; at += (piece[at] as number) + 1) {
        if (!each(piece, at + 1, piece[at] as number, number)) return;
        number += 1;
      }
    }
  }
}
