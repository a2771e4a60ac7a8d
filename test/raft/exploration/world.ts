/**
 * A world: three nodes, what the past promises, how much of the budget is spent, and the messages on
 * their way, as one list of numbers:
 *
 *   node a, node b, node c, past, spent, message, message, … (ascending)
 *
 * `Worlds` answers all worlds that follow one. What is left out, and why nothing is lost by it:
 *   - Loss. The network has no order and no bound, so a message that is lost is a message that is
 *     never delivered; the world without it has no history that the world with it has not.
 *   - Deliveries, and other events, that change nothing and cause nothing: nothing happened.
 *   - Replies that can never have an effect again (catalogue.ts, `deadFrom`) are taken off.
 */
import { BUDGETED, FREE, type Scope } from './bounds.ts';
import { actionNumber, type Catalogue, KINDS, type Kind, type Step } from './catalogue.ts';
import type { Histories } from './history.ts';
import type { Violation } from './node.ts';

export const PAST = 3;
export const SPENT = 4;
export const HEADER = 5;

/** Far more than any scope puts on its way. */
const MAX_MESSAGES = 1000;

/** One step of a world, packed: what happened, at which node, what was lost, whether it stayed. */
export function packed({ action, slot, lost, stays }: Via): number {
  if (action >= 1 << 20) throw new Error('more different messages than any scope should cause');
  return (action << 11) | (lost << 3) | (slot << 1) | (stays ? 1 : 0);
}

export function unpacked(via: number): Via {
  return {
    action: via >>> 11,
    lost: (via >> 3) & 0xff,
    slot: (via >> 1) & 3,
    stays: (via & 1) === 1,
  };
}

export type Via = {
  readonly action: number;
  readonly slot: number;
  /** Which of the ways to lose what the network has no room for; 0 where it has. */
  readonly lost: number;
  readonly stays: boolean;
};

/** The next world stands in `worlds.next` up to `length` until the next one is made. */
export type Visit = (length: number, via: number, violations: readonly Violation[]) => void;

const TIMEOUT = KINDS.indexOf('timeout');
const ALL_WELL: readonly Violation[] = [];

export class Worlds {
  readonly next = new Int32Array(HEADER + MAX_MESSAGES);
  readonly #catalogue: Catalogue;
  readonly #histories: Histories;
  readonly #scope: Scope;
  /** By kind: where its count stands in `spent`, and the most that it may be; shift -1 is free. */
  readonly #shifts: readonly number[];
  readonly #limits: readonly number[];
  readonly #duplicates: { readonly shift: number; readonly limit: number };
  #violations: readonly Violation[] = ALL_WELL;
  readonly #draft = new Int32Array(HEADER + MAX_MESSAGES);
  #size = 0;

  constructor(catalogue: Catalogue, histories: Histories, scope: Scope) {
    this.#catalogue = catalogue;
    this.#histories = histories;
    this.#scope = scope;
    const shiftOf = (name: Kind | 'duplicate'): number =>
      (BUDGETED as readonly string[]).indexOf(name) * 2;
    this.#shifts = KINDS.map((kind) => (FREE.includes(kind) ? -1 : shiftOf(kind)));
    this.#limits = KINDS.map((kind) => (kind in scope.budget ? limitOf(scope, kind) : 0));
    this.#duplicates = { shift: shiftOf('duplicate'), limit: scope.budget.duplicate };
  }

  /** Visits every world that follows the one in `world` from `at` on. */
  follow(world: Int32Array, at: number, length: number, visit: Visit): void {
    this.#deliveries(world, at, length, visit);
    for (let slot = 0; slot < PAST; slot += 1) this.#deeds(world, at, length, slot, visit);
  }

  /** One given step, for replays. Answers the length of the world that follows. */
  take(world: Int32Array, length: number, via: number): number {
    let found = -1;
    this.follow(world, 0, length, (next, by) => {
      if (by === via && found < 0) {
        found = next;
        this.#kept = this.next.slice(0, next);
      }
    });
    if (found < 0) throw new Error('the step does not repeat');
    this.next.set(this.#kept);
    return found;
  }
  #kept = new Int32Array(0);

  #deliveries(world: Int32Array, at: number, length: number, visit: Visit): void {
    const { shift, limit } = this.#duplicates;
    const spent = world[at + SPENT] as number;
    const again = ((spent >> shift) & 3) < limit;
    for (let i = HEADER; i < length; i += 1) {
      const action = world[at + i] as number;
      if (i > HEADER && world[at + i - 1] === action) continue;
      const slot = this.#catalogue.slotOf(action);
      const before = world[at + slot] as number;
      const step = this.#catalogue.step(before, action);
      if (changesNothing(step, before)) continue;
      const via = { action, slot, lost: 0, stays: true };
      if (!this.#scope.forEver) {
        if (this.#scope.gathers) this.#pairs(world, at, length, i, slot, visit);
        this.#build(world, at, length, i);
        this.#lead(slot, step, spent, { ...via, stays: false }, visit);
        if (!again) continue;
      }
      this.#build(world, at, length, -1);
      const cost = this.#scope.forEver ? 0 : 1 << shift;
      this.#lead(slot, step, spent + cost, via, visit);
    }
  }

  /** The message at `first` and, after it, each other one for the same node, in one step. */
  #pairs(
    world: Int32Array,
    at: number,
    length: number,
    first: number,
    slot: number,
    visit: Visit,
  ): void {
    const spent = world[at + SPENT] as number;
    for (let i = HEADER; i < length; i += 1) {
      const second = world[at + i] as number;
      if (i === first || this.#catalogue.slotOf(second) !== slot) continue;
      const action = this.#catalogue.pair(world[at + first] as number, second);
      const step = this.#catalogue.step(world[at + slot] as number, action);
      this.#build(world, at, length, first, i);
      this.#lead(slot, step, spent, { action, slot, lost: 0, stays: false }, visit);
    }
  }

  #deeds(world: Int32Array, at: number, length: number, slot: number, visit: Visit): void {
    const before = world[at + slot] as number;
    const spent = world[at + SPENT] as number;
    for (const kind of this.#catalogue.sketch(before).possible) {
      const shift = this.#shifts[kind] as number;
      const used = shift < 0 ? 0 : (spent >> shift) & 3;
      if (shift >= 0 && used >= (this.#limits[kind] as number)) continue;
      if (kind === TIMEOUT && slot > 0 && used === 0 && this.#scope.alike) continue;
      const cost = shift < 0 ? 0 : 1 << shift;
      const name = KINDS[kind];
      const numbered = name === 'propose' || name === 'change' || name === 'read';
      const from = numbered ? used : 0;
      const to = numbered ? used : name === 'transfer' ? PAST - 1 : 0;
      for (let which = from; which <= to; which += 1) {
        if (name === 'transfer' && which === slot) continue;
        const action = actionNumber(kind, which);
        const step = this.#catalogue.step(before, action);
        if (changesNothing(step, before)) continue;
        this.#build(world, at, length, -1);
        const via = { action, slot, lost: 0, stays: false };
        this.#lead(slot, step, spent + cost, via, visit, name === 'read');
      }
    }
  }

  /** The draft becomes the world as it is, without the messages at these places. */
  #build(world: Int32Array, at: number, length: number, without: number, too = -1): void {
    const draft = this.#draft;
    let size = 0;
    for (let i = 0; i < length; i += 1) {
      if (i === without || i === too) continue;
      draft[size] = world[at + i] as number;
      size += 1;
    }
    this.#size = size;
  }

  /** The draft becomes the world after the step, and is visited in all the ways that it may be. */
  #lead(slot: number, step: Step, spent: number, via: Via, visit: Visit, asks = false): void {
    const draft = this.#draft;
    const catalogue = this.#catalogue;
    const aged = catalogue.sketch(step.node).diskTerm;
    if (aged !== catalogue.sketch(draft[slot] as number).diskTerm) this.#bury(slot, step, aged);
    draft[slot] = step.node;
    draft[SPENT] = spent;
    for (const message of step.sent) this.#sent(message);
    draft[PAST] = this.#pastAfter(draft[PAST] as number, slot, step, asks);
    const { inFlight } = this.#scope;
    if (this.#size <= HEADER + inFlight) {
      this.next.set(draft.subarray(0, this.#size));
      visit(this.#size, packed(via), this.#violations);
    } else this.#lose(inFlight, via, visit);
  }

  /** The network keeps `room` of the messages in the draft: every choice is another world. */
  #lose(room: number, via: Via, visit: Visit): void {
    const { next } = this;
    const size = HEADER + room;
    next.set(this.#draft.subarray(0, HEADER));
    const kept = Array.from({ length: room }, (_, i) => i);
    const many = this.#size - HEADER;
    for (let lost = 1; ; lost += 1) {
      if (lost > 255) throw new Error('too many ways to lose messages');
      for (let i = 0; i < room; i += 1) {
        next[HEADER + i] = this.#draft[HEADER + (kept[i] as number)] as number;
      }
      visit(size, packed({ ...via, lost }), this.#violations);
      let last = room - 1;
      while (last >= 0 && kept[last] === many - room + last) last -= 1;
      if (last < 0) return;
      const from = (kept[last] as number) + 1;
      for (let i = last; i < room; i += 1) kept[i] = from + i - last;
    }
  }

  /** Takes off what can have no effect on the node at `slot` any more. */
  #bury(slot: number, step: Step, aged: number): void {
    const draft = this.#draft;
    let size = HEADER;
    for (let i = HEADER; i < this.#size; i += 1) {
      const message = draft[i] as number;
      const dead = this.#catalogue.slotOf(message) === slot;
      if (dead && this.#catalogue.deadFrom(message) <= aged) {
        this.#checkDead(step.node, message);
        continue;
      }
      draft[size] = message;
      size += 1;
    }
    this.#size = size;
  }

  #pastAfter(past: number, slot: number, step: Step, asks: boolean): number {
    this.#violations = step.violations;
    const asked = asks ? this.#histories.asked(past) : past;
    if (step.notes < 0) return asked;
    const sketches = [0, 1, 2].map((one) => this.#catalogue.sketch(this.#draft[one] as number));
    const disks = {
      terms: sketches.map(({ diskTerm }) => diskTerm),
      chains: sketches.map(({ disk }) => disk),
    };
    const notes = this.#catalogue.notes(step.notes);
    const after = this.#histories.after(asked, slot, step.notes, notes, disks);
    if (after.violations.length > 0) {
      this.#violations = [...step.violations, ...after.violations];
    }
    return after.past;
  }

  /** Puts a message in its place among those on their way, unless it is one that nobody misses. */
  #sent(message: number): void {
    const slot = this.#catalogue.slotOf(message);
    if (slot < 0) return;
    const draft = this.#draft;
    const to = draft[slot] as number;
    if (this.#catalogue.deadFrom(message) <= this.#catalogue.sketch(to).diskTerm) {
      this.#checkDead(to, message);
      return;
    }
    if (this.#size >= draft.length) throw new Error('more messages than any scope should cause');
    let i = this.#size;
    while (i > HEADER && (draft[i - 1] as number) > message) i -= 1;
    if (this.#scope.forEver && i > HEADER && draft[i - 1] === message) return;
    draft.copyWithin(i + 1, i, this.#size);
    draft[i] = message;
    this.#size += 1;
  }

  #checkDead(node: number, message: number): void {
    const step = this.#catalogue.step(node, message);
    if (changesNothing(step, node)) return;
    const { kind, term } = this.#catalogue.message(message);
    throw new Error(`a ${kind} of term ${term} was thought to be dead, and is not`);
  }
}

export function changesNothing({ node, sent, notes, violations }: Step, before: number): boolean {
  return node === before && sent.length === 0 && notes < 0 && violations.length === 0;
}

function limitOf(scope: Scope, kind: (typeof KINDS)[number]): number {
  return kind in scope.budget ? scope.budget[kind as keyof Scope['budget']] : 0;
}
