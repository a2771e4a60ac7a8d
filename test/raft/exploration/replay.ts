/**
 * Walks a history again with cores that nobody looked up: the same actions, one after the other, on
 * one and the same three cores, whose clocks and counters run on. What they do is compared with what
 * the catalogue said. This is what makes a finding a fact, and it is how the fingerprint is tested: a
 * fingerprint that leaves out something that matters sends the catalogue another way than the cores.
 */
import { actionNumber, type Catalogue, KINDS, type Kind } from './catalogue.ts';
import type { Explorer } from './explorer.ts';
import { fingerprint } from './fingerprint.ts';
import type { Moved, Node } from './node.ts';
import { moved } from './run.ts';
import { changesNothing, HEADER, PAST, packed, unpacked } from './world.ts';

/** What may happen although nobody asks for it, and is therefore tried also where it is quiet. */
const UNASKED: ReadonlySet<Kind | undefined> = new Set([
  'silence',
  'heartbeat',
  'disk-stalled',
  'crash',
]);

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

  /** The steps that are possible now, also those that are said to change nothing. */
  choices(): readonly number[] {
    const vias: number[] = [];
    this.#explorer.worlds.follow(this.#world, 0, this.#world.length, (_, via) => vias.push(via));
    for (const action of new Set(this.#world.subarray(HEADER))) {
      const slot = this.#catalogue.slotOf(action);
      if (this.#isQuiet(slot, action)) vias.push(packed({ action, slot, lost: 0, stays: true }));
    }
    for (let slot = 0; slot < PAST; slot += 1) {
      for (const kind of this.#catalogue.sketch(this.#world[slot] as number).possible) {
        const action = actionNumber(kind);
        if (!UNASKED.has(KINDS[kind]) || !this.#isQuiet(slot, action)) continue;
        vias.push(packed({ action, slot, lost: 0, stays: false }));
      }
    }
    return vias;
  }

  #isQuiet(slot: number, action: number): boolean {
    const node = this.#world[slot] as number;
    return changesNothing(this.#catalogue.step(node, action), node);
  }

  /** Takes a step; answers what the core did. Throws where that is not what was looked up. */
  take(via: number): Moved {
    const { action, slot } = unpacked(via);
    const known = this.#catalogue.step(this.#world[slot] as number, action);
    const node = this.node(slot);
    const { key } = this.#catalogue;
    const before = key(node);
    const done = moved(this.#catalogue.setting, node, this.#catalogue.actionOf(action));
    same(before, key(node), 'the original after its fork took a step');
    same(key(this.#catalogue.node(known.node)), key(done.node), 'the node after the step');
    const sent = known.sent.map((message) => this.#catalogue.text(message));
    same(sent.join('\n'), done.sent.map((one) => fingerprint(one, 0)).join('\n'), 'what was sent');
    const notes = JSON.stringify(this.#catalogue.notes(known.notes));
    same(notes, JSON.stringify(done.notes), 'what was noted');
    this.#nodes[slot] = done.node;
    if (this.#isQuiet(slot, action)) return done;
    const { worlds } = this.#explorer;
    const length = worlds.take(this.#world, this.#world.length, via);
    this.#world = worlds.next.slice(0, length);
    return done;
  }
}

function same(expected: string, found: string, what: string): void {
  if (expected !== found) throw new Error(`${what} differs:\n${expected}\n${found}`);
}
