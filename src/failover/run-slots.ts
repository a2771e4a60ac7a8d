/**
 * The resources of one run and the rules that hold between them: who needs whom, what clients can
 * see, and in which order a lost lease takes things down. It decides nothing about phases.
 */
import type { ResourceDefinition } from '../cluster/definition.ts';
import { assert } from '../lib/assert.ts';
import type { RunClass, RunResourceState } from './run-types.ts';

export type Slot = {
  readonly definition: ResourceDefinition;
  readonly class: RunClass;
  state: RunResourceState;
  /** Already prepared, or in need of no preparation. */
  prepared: boolean;
  /** Something was done to it once: even when it counts as stopped, something half-made may be left. */
  touched: boolean;
  /** Kills that failed. */
  failures: number;
  /** How the last action on it failed; null: it did not. */
  code: string | null;
  paused: boolean;
  /**
   * Disks and mounts only: before an application starts anew they are asked whether what it would
   * read is on a disk that is ours. `due` until everything that is being ended has ended, then `asked`
   * until the answer is there.
   */
  proof: 'given' | 'due' | 'asked';
};

/** A kill is repeated this often before the thing counts as beyond our reach. */
export const MAX_KILLS = 3;

/** On loss of the lease: what clients see first, then what works for them, then the mounts. */
const LOSS_RANK: Readonly<Record<RunClass, number>> = {
  address: 0,
  application: 1,
  mount: 2,
  disk: 3,
};
/** Addresses and applications go at the same moment: neither helps the other to come down. */
const LAST_VISIBLE_RANK = LOSS_RANK.application;

export class Slots {
  readonly all: readonly Slot[];
  readonly #group: string;

  constructor(
    group: string,
    resources: readonly ResourceDefinition[],
    classOf: (resource: ResourceDefinition) => RunClass,
  ) {
    this.#group = group;
    this.all = resources.map((definition) => {
      const kind = classOf(definition);
      const prepared = !needsPreparation(kind);
      const blank = { touched: false, failures: 0, code: null, paused: false } as const;
      return { definition, class: kind, prepared, state: 'stopped', proof: 'given', ...blank };
    });
  }

  named(name: string): Slot {
    const slot = this.all.find((candidate) => candidate.definition.name === name);
    assert(slot !== undefined, `group ${this.#group} has no resource ${name}`);
    return slot;
  }

  every(state: RunResourceState): boolean {
    return this.all.every((slot) => slot.state === state);
  }

  needsAre(slot: Slot, holds: (need: Slot) => boolean): boolean {
    return slot.definition.needs.every((name) => holds(this.named(name)));
  }

  /**
   * Every disk of the group is ours, so that what is on one cannot get ahead of the others: a takeover
   * that got some disks of a group mounts none (DESIGN §8). A disk that needs this slot, such as an
   * image on its mount, is not waited for.
   */
  disksAreOurs(slot: Slot): boolean {
    const missing = this.all.filter((one) => one.class === 'disk' && one.state !== 'started');
    if (missing.length === 0) return true;
    const above = this.withDependents(slot);
    return missing.every((disk) => above.includes(disk));
  }

  get storage(): readonly Slot[] {
    return this.all.filter(({ class: kind }) => kind === 'disk' || kind === 'mount');
  }

  /** The slot and everything that cannot work without it, directly or through others. */
  withDependents(slot: Slot): readonly Slot[] {
    const found = new Set([slot]);
    for (const one of found) {
      for (const other of this.all) {
        if (other.definition.needs.includes(one.definition.name)) found.add(other);
      }
    }
    return [...found];
  }

  /** Everything that needs this slot is down. */
  unneeded(slot: Slot): boolean {
    return this.all
      .filter((other) => other.definition.needs.includes(slot.definition.name))
      .every((other) => other.state === 'stopped');
  }

  lossOrder(): Slot[] {
    return [...this.all].sort((a, b) => LOSS_RANK[a.class] - LOSS_RANK[b.class]);
  }

  /** In a kill: a later rank waits until the earlier ones are down, or beyond our reach. */
  mayBeKilled(slot: Slot): boolean {
    const rank = LOSS_RANK[slot.class];
    if (rank <= LAST_VISIBLE_RANK) return true;
    return this.all.every((other) => LOSS_RANK[other.class] >= rank || isOver(other));
  }

  /** Nothing that clients can see is up, coming up, or not yet silent. */
  get silent(): boolean {
    const silent: readonly RunResourceState[] = ['stopped', 'preparing', 'prepared', 'suspended'];
    return this.all.every((slot) => !isVisible(slot) || silent.includes(slot.state));
  }
}

export function isVisible(slot: Slot): boolean {
  return slot.class === 'address' || slot.class === 'application';
}

export function needsPreparation(kind: RunClass): boolean {
  return kind === 'address' || kind === 'application';
}

export function isGivenUp(slot: Slot): boolean {
  return slot.state === 'failed' && slot.failures >= MAX_KILLS;
}

export function isOver(slot: Slot): boolean {
  return slot.state === 'stopped' || isGivenUp(slot);
}
