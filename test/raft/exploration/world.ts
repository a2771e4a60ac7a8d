/**
 * A world: three nodes, what the past promises, how much of the budget is spent, and the messages on
 * their way, as one list of numbers:
 *
 *   node a, node b, node c, past, spent, message, message, … (ascending)
 *
 * `Worlds` answers all worlds that follow one. What is left out, and why nothing is lost by it:
 *   - Loss. The network has no order and no bound, so a message that is lost is a message that is
 *     never delivered; the world without it has no history that the world with it has not.
 *   - Deliveries that change nothing and cause nothing: they are losses.
 *   - Replies that can never have an effect again (catalogue.ts, `deadFrom`) are taken off.
 */
import { BUDGETED, FREE, type Scope } from './bounds.ts';
import { actionNumber, type Catalogue, KINDS, type Step } from './catalogue.ts';
import type { Histories } from './history.ts';
import type { Violation } from './node.ts';

export const PAST = 3;
export const SPENT = 4;
export const HEADER = 5;

/** Far more than any scope puts on its way. */
const MAX_MESSAGES = 1000;

/** One step of a world, packed: what happened, at which node, and whether the message stayed. */
export function packed(action: number, slot: number, stays: boolean): number {
  return (action << 3) | (slot << 1) | (stays ? 1 : 0);
}

export function unpacked(via: number): { action: number; slot: number; stays: boolean } {
  return { action: via >> 3, slot: (via >> 1) & 3, stays: (via & 1) === 1 };
}

/** The next world stands in `worlds.next` up to `length` until the next one is made. */
export type Visit = (length: number, via: number, violations: readonly Violation[]) => void;

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

  constructor(catalogue: Catalogue, histories: Histories, scope: Scope) {
    this.#catalogue = catalogue;
    this.#histories = histories;
    this.#scope = scope;
    const shiftOf = (name: string): number => BUDGETED.findIndex((one) => one === name) * 2;
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
      const quiet = step.node === before && step.sent.length === 0;
      if (quiet && step.notes < 0 && step.violations.length === 0) continue;
      if (this.#scope.forEver) {
        const size = this.#build(world, at, length, slot, step, spent, -1);
        visit(size, packed(action, slot, true), this.#violations);
        continue;
      }
      const size = this.#build(world, at, length, slot, step, spent, i);
      visit(size, packed(action, slot, false), this.#violations);
      if (!again) continue;
      const more = this.#build(world, at, length, slot, step, spent + (1 << shift), -1);
      visit(more, packed(action, slot, true), this.#violations);
    }
  }

  #deeds(world: Int32Array, at: number, length: number, slot: number, visit: Visit): void {
    const before = world[at + slot] as number;
    const spent = world[at + SPENT] as number;
    for (const kind of this.#catalogue.sketch(before).possible) {
      const shift = this.#shifts[kind] as number;
      const used = shift < 0 ? 0 : (spent >> shift) & 3;
      if (shift >= 0 && used >= (this.#limits[kind] as number)) continue;
      const cost = shift < 0 ? 0 : 1 << shift;
      const name = KINDS[kind];
      const numbered = name === 'propose' || name === 'change' || name === 'read';
      const from = numbered ? used : 0;
      const to = numbered ? used : name === 'transfer' ? PAST - 1 : 0;
      for (let which = from; which <= to; which += 1) {
        if (name === 'transfer' && which === slot) continue;
        const action = actionNumber(kind, which);
        const step = this.#catalogue.step(before, action);
        const size = this.#build(world, at, length, slot, step, spent + cost, -1, name === 'read');
        visit(size, packed(action, slot, false), this.#violations);
      }
    }
  }

  #build(
    world: Int32Array,
    at: number,
    length: number,
    slot: number,
    step: Step,
    spent: number,
    without: number,
    asks = false,
  ): number {
    const { next } = this;
    const catalogue = this.#catalogue;
    const aged = catalogue.sketch(step.node).diskTerm;
    const grown = aged !== catalogue.sketch(world[at + slot] as number).diskTerm;
    let size = HEADER;
    for (let i = HEADER; i < length; i += 1) {
      const message = world[at + i] as number;
      if (i === without) continue;
      if (grown && catalogue.slotOf(message) === slot && catalogue.deadFrom(message) <= aged) {
        this.#checkDead(step.node, message);
        continue;
      }
      next[size] = message;
      size += 1;
    }
    for (let i = 0; i < PAST; i += 1) next[i] = world[at + i] as number;
    next[slot] = step.node;
    next[SPENT] = spent;
    for (const message of step.sent) size = this.#sent(message, size);
    next[PAST] = this.#pastAfter(world[at + PAST] as number, slot, step, asks);
    return size;
  }

  #pastAfter(past: number, slot: number, step: Step, asks: boolean): number {
    this.#violations = step.violations;
    const asked = asks ? this.#histories.asked(past) : past;
    if (step.notes < 0) return asked;
    const sketches = [0, 1, 2].map((one) => this.#catalogue.sketch(this.next[one] as number));
    const disks = {
      terms: sketches.map(({ diskTerm }) => diskTerm),
      chains: sketches.map(({ disk }) => disk),
    };
    const notes = this.#catalogue.notes(step.notes);
    const after = this.#histories.after(asked, slot, notes, disks);
    if (after.violations.length > 0) {
      this.#violations = [...step.violations, ...after.violations];
    }
    return after.past;
  }

  /** Puts a message in its place among those on their way, unless it is one that nobody misses. */
  #sent(message: number, size: number): number {
    const slot = this.#catalogue.slotOf(message);
    if (slot < 0) return size;
    const { next } = this;
    const to = next[slot] as number;
    if (this.#catalogue.deadFrom(message) <= this.#catalogue.sketch(to).diskTerm) {
      this.#checkDead(to, message);
      return size;
    }
    if (size >= next.length) throw new Error('more messages than any scope should cause');
    let i = size;
    while (i > HEADER && (next[i - 1] as number) > message) i -= 1;
    if (this.#scope.forEver && i > HEADER && next[i - 1] === message) return size;
    next.copyWithin(i + 1, i, size);
    next[i] = message;
    return size + 1;
  }

  #checkDead(node: number, message: number): void {
    const step = this.#catalogue.step(node, message);
    if (step.node === node && step.sent.length === 0 && step.notes < 0) return;
    const { kind, term } = this.#catalogue.message(message);
    throw new Error(`a ${kind} of term ${term} was thought to be dead, and is not`);
  }
}

function limitOf(scope: Scope, kind: (typeof KINDS)[number]): number {
  return kind in scope.budget ? scope.budget[kind as keyof Scope['budget']] : 0;
}

