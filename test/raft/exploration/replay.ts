/**
 * Walks a history again with cores that nobody looked up: the same actions, one after the other, on
 * one and the same three cores, whose clocks and counters run on. What they do is compared with what
 * the catalogue said. This is what makes a finding a fact, and it is how the fingerprint is tested: a
 * fingerprint that leaves out something that matters sends the catalogue another way than the cores.
 */
import { type Catalogue, keyOf } from './catalogue.ts';
import type { Explorer } from './explorer.ts';
import { fingerprint } from './fingerprint.ts';
import type { Moved, Node } from './node.ts';
import { moved } from './run.ts';
import { PAST, unpacked } from './world.ts';

export class Replay {
  readonly #explorer: Explorer;
  readonly #catalogue: Catalogue;
  readonly #nodes: Node[];
  #world: Int32Array;

  constructor(explorer: Explorer) {
    this.#explorer = explorer;
    this.#catalogue = explorer.catalogue;
    this.#world = explorer.beginning.world;
    this.#nodes = [0, 1, 2].map((slot) => this.#catalogue.node(this.#world[slot] as number));
  }

  get world(): Int32Array {
    return this.#world;
  }

  node(slot: number): Node {
    return this.#nodes[slot] as Node;
  }

  /** The steps that are possible now. */
  choices(): readonly number[] {
    const vias: number[] = [];
    this.#explorer.worlds.follow(this.#world, 0, this.#world.length, (_, via) => vias.push(via));
    return vias;
  }

  /** Takes a step; answers what the core did. Throws where that is not what was looked up. */
  take(via: number): Moved {
    const { action, slot } = unpacked(via);
    const known = this.#catalogue.step(this.#world[slot] as number, action);
    const node = this.node(slot);
    const before = keyOf(node);
    const done = moved(this.#catalogue.setting, node, this.#catalogue.actionOf(action));
    same(before, keyOf(node), 'the original after its fork took a step');
    same(keyOf(this.#catalogue.node(known.node)), keyOf(done.node), 'the node after the step');
    const sent = known.sent.map((message) => this.#catalogue.text(message));
    same(sent.join('\n'), done.sent.map((one) => fingerprint(one, 0)).join('\n'), 'what was sent');
    const notes = JSON.stringify(this.#catalogue.notes(known.notes));
    same(notes, JSON.stringify(done.notes), 'what was noted');
    this.#nodes[slot] = done.node;
    const { worlds } = this.#explorer;
    const length = worlds.take(this.#world, this.#world.length, via);
    this.#world = worlds.next.slice(0, length);
    return done;
  }

  /** By slot, in the order of the walk. */
  numbers(): readonly number[] {
    return [...this.#world.subarray(0, PAST)];
  }
}

function same(expected: string, found: string, what: string): void {
  if (expected !== found) throw new Error(`${what} differs:\n${expected}\n${found}`);
}
