/**
 * The first world of a scope: three nodes that start from their disks and, where the scope wants a
 * leader, an election of a in which everything is delivered and written in the order in which it
 * came. These steps are no part of what is explored and spend nothing.
 */
import type { Restored } from '../../../src/raft/types.ts';
import type { Disk, Scope } from './bounds.ts';
import { actionNumber, type Catalogue, KINDS, type Step } from './catalogue.ts';
import { type Chains, EMPTY } from './chain.ts';
import type { Histories } from './history.ts';
import { stateOf, type Violation } from './node.ts';
import { booted } from './run.ts';
import { HEADER, PAST } from './world.ts';

export type Beginning = {
  readonly world: Int32Array;
  readonly violations: readonly Violation[];
};

const TIMEOUT = actionNumber(KINDS.indexOf('timeout'));
const WRITE = actionNumber(KINDS.indexOf('write'));
const MAX_STEPS = 1000;

export function began(scope: Scope, catalogue: Catalogue, histories: Histories): Beginning {
  const start = new Prelude(catalogue, histories);
  const { chains } = catalogue.setting;
  for (const [slot, id] of catalogue.slots.entries()) {
    const disk = scope.disks[slot];
    if (disk === undefined) throw new Error(`no disk for ${id}`);
    start.takes(slot, catalogue.recorded(booted(catalogue.setting, id, contentOf(disk, chains))));
  }
  if (scope.led) {
    start.acts(0, TIMEOUT);
    start.settles();
  }
  return start.end();
}

/** What a node finds on its disk. The state of a state machine is the log that made it. */
function contentOf({ hardState, entries, saved }: Disk, chains: Chains): Restored {
  const last = entries[saved - 1];
  if (last === undefined) return { hardState, snapshot: null, entries };
  const chain = entries.slice(0, saved).reduce((at, entry) => chains.extended(at, entry), EMPTY);
  const configuration = chains.configurationOf(chain);
  const meta = { index: saved, term: last.term, configuration };
  return { hardState, snapshot: { meta, state: stateOf(chain) }, entries: entries.slice(saved) };
}

class Prelude {
  readonly #catalogue: Catalogue;
  readonly #histories: Histories;
  readonly #nodes: number[] = [];
  readonly #pending: (readonly [number, number])[] = [];
  readonly #violations: Violation[] = [];
  #messages: number[] = [];
  #past = 0;

  constructor(catalogue: Catalogue, histories: Histories) {
    this.#catalogue = catalogue;
    this.#histories = histories;
  }

  takes(slot: number, step: Step): void {
    this.#nodes[slot] = step.node;
    this.#messages.push(...step.sent);
    this.#violations.push(...step.violations);
    if (step.notes >= 0) this.#pending.push([slot, step.notes]);
    if (this.#nodes.length < PAST || this.#nodes.includes(-1)) return;
    const sketches = this.#nodes.map((node) => this.#catalogue.sketch(node));
    const disks = {
      terms: sketches.map(({ diskTerm }) => diskTerm),
      chains: sketches.map(({ disk }) => disk),
    };
    for (const [at, number] of this.#pending.splice(0)) {
      const notes = this.#catalogue.notes(number);
      const after = this.#histories.after(this.#past, at, number, notes, disks);
      this.#past = after.past;
      this.#violations.push(...after.violations);
    }
  }

  acts(slot: number, action: number): void {
    this.takes(slot, this.#catalogue.step(this.#nodes[slot] as number, action));
  }

  /** Until nothing is on its way and nothing is being written. */
  settles(): void {
    for (let steps = 0; steps < MAX_STEPS; steps += 1) {
      const writes = KINDS.indexOf('write');
      const slot = this.#nodes.findIndex((node) =>
        this.#catalogue.sketch(node).possible.includes(writes),
      );
      if (slot >= 0) {
        this.acts(slot, WRITE);
        continue;
      }
      const message = this.#messages.shift();
      if (message === undefined) return;
      this.acts(this.#catalogue.slotOf(message), message);
    }
    throw new Error('the election does not come to rest');
  }

  end(): Beginning {
    const world = new Int32Array(HEADER + this.#messages.length);
    world.set(this.#nodes);
    world[PAST] = this.#past;
    world.set(
      this.#messages.toSorted((a, b) => a - b),
      HEADER,
    );
    return { world, violations: this.#violations };
  }
}
