/**
 * What every node of a cluster in memory shows to clients and does to disks: the observer. It knows
 * nothing of the daemons' opinions; it sees addresses, processes, mounts and reservation keys, and
 * writes down each moment at which two nodes are where one may be.
 *
 * - An address is seen while its node runs, has it up, *and* its packet filter is open.
 * - An application is seen while its node runs and it is not frozen. After a machine was frozen, what
 *   it finds of itself when it wakes is forgiven for 50 ms (P4); its addresses are not.
 * - A disk takes a write only from the key that holds the reservation.
 */
import type { VirtualClock } from '../simulation/virtual-clock.ts';

type Mount = { readonly epoch: number };
type Holder = { readonly node: string; readonly epoch: number };

/** P4: so long may a frozen machine that runs again show what it had. */
const AFTER_THAW_MS = 50;

export class Stage {
  readonly violations: string[] = [];
  readonly #clock: VirtualClock;
  readonly #shown = new Map<string, Set<string>>();
  readonly #openUntil = new Map<string, number>();
  readonly #frozen = new Set<string>();
  readonly #thawedMs = new Map<string, number>();
  readonly #holders = new Map<string, Holder>();
  readonly #keys = new Map<string, Map<string, number>>();
  readonly #mounts = new Map<string, Map<string, Mount>>();
  readonly #lastWriter = new Map<string, number>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  show(what: string, node: string): void {
    const nodes = this.#shown.get(what) ?? new Set();
    this.#shown.set(what, nodes.add(node));
    this.#judge(what);
  }

  hide(what: string, node: string): void {
    this.#shown.get(what)?.delete(node);
  }

  /** The packet filter of one node lets the address through until then. */
  open(address: string, node: string, untilMs: number): void {
    this.#openUntil.set(`${address}@${node}`, untilMs);
    this.#judge(address);
  }

  /** Power loss: nothing is left, but the reservations of the disks. */
  clear(node: string): void {
    for (const nodes of this.#shown.values()) nodes.delete(node);
    for (const mounts of this.#mounts.values()) mounts.delete(node);
    for (const key of [...this.#openUntil.keys()]) {
      if (key.endsWith(`@${node}`)) this.#openUntil.delete(key);
    }
    this.#frozen.delete(node);
    this.#thawedMs.delete(node);
  }

  freeze(node: string): void {
    this.#frozen.add(node);
  }

  thaw(node: string): void {
    this.#frozen.delete(node);
    this.#thawedMs.set(node, this.#clock.now());
    for (const what of this.#shown.keys()) this.#judge(what);
  }

  /** Something that nobody could stop has come up late: it must go again within the same 50 ms. */
  excuse(node: string): void {
    this.#thawedMs.set(node, this.#clock.now());
  }

  /** Who can be seen with it now. */
  owners(what: string): readonly string[] {
    const now = this.#clock.now();
    return [...(this.#shown.get(what) ?? [])].filter((node) => {
      if (this.#frozen.has(node)) return false;
      return !isAddress(what) || now < (this.#openUntil.get(`${what}@${node}`) ?? 0);
    });
  }

  /** Something of the group is up here, seen or not: a node that holds something takes nothing. */
  holds(group: string, node: string): boolean {
    const mounted = this.#mounts.get(group)?.has(node) === true;
    return mounted || [...this.#shown].some(([what, on]) => inGroup(what, group) && on.has(node));
  }

  /** PREEMPT AND ABORT of everything older; a newer key is never taken away. */
  fence(group: string, node: string, epoch: number, sabotaged: boolean): boolean {
    const keys = this.#keys.get(group) ?? new Map<string, number>();
    this.#keys.set(group, keys);
    if (this.#mounts.get(group)?.has(node))
      this.#report(`${group}: ${node} registers over a mount`);
    const holder = this.#holders.get(group);
    if (holder !== undefined && holder.epoch > epoch) return false;
    if (!sabotaged) keys.clear();
    keys.set(node, epoch);
    this.#holders.set(group, { node, epoch });
    return true;
  }

  isHolder(group: string, node: string, epoch: number): boolean {
    return this.#keys.get(group)?.get(node) === epoch;
  }

  mount(group: string, node: string, epoch: number): void {
    const mounts = this.#mounts.get(group) ?? new Map<string, Mount>();
    this.#mounts.set(group, mounts.set(node, { epoch }));
    this.#judgeMounts(group);
  }

  unmount(group: string, node: string): void {
    this.#mounts.get(group)?.delete(node);
  }

  /** Every mounted node tries to write, as applications do; and what is forgiven only for a time. */
  tick(): void {
    for (const group of this.#mounts.keys()) this.#judgeMounts(group);
    for (const what of this.#shown.keys()) this.#judge(what);
  }

  #judgeMounts(group: string): void {
    const newest = this.#holders.get(group)?.epoch ?? 0;
    const writers = [...(this.#mounts.get(group) ?? [])].filter(
      ([node, { epoch }]) => !this.#frozen.has(node) && this.isHolder(group, node, epoch),
    );
    if (writers.length > 1) {
      this.#report(`${group}: writable on ${writers.map(([node]) => node).join(' and ')}`);
    }
    for (const [node, { epoch }] of writers) {
      const before = this.#lastWriter.get(group) ?? 0;
      if (epoch < newest || epoch < before) {
        this.#report(`${group}: a write of epoch ${epoch} on ${node} after ${newest} was fenced`);
      }
      this.#lastWriter.set(group, Math.max(before, epoch));
    }
  }

  #judge(what: string): void {
    const forgivenFrom = this.#clock.now() - AFTER_THAW_MS;
    const nodes = this.owners(what).filter(
      (node) => isAddress(what) || (this.#thawedMs.get(node) ?? -Infinity) <= forgivenFrom,
    );
    if (nodes.length > 1) this.#report(`${what} on ${nodes.join(' and ')}`);
  }

  #report(violation: string): void {
    if (this.violations.length < 20) {
      this.violations.push(`${this.#clock.now().toFixed(0)} ${violation}`);
    }
  }
}

function isAddress(what: string): boolean {
  return what.endsWith('/ip');
}

function inGroup(what: string, group: string): boolean {
  return what.startsWith(`${group}/`);
}
