/**
 * What the kernel of one machine holds beside its daemon: mounts, applications in control groups,
 * addresses, and the packet filter whose entries run out by themselves. It is what clients and disks
 * meet; daemons and guardians come and go above it.
 */
import type { Epoch, Millis } from '../../src/lib/ids.ts';
import type { FreezableClock } from './freezable-clock.ts';
import type { HostClock } from './host-clock.ts';
import type { Ledger } from './ledger.ts';
import type { Mount } from './mount.ts';

export type KernelOptions = {
  readonly host: string;
  readonly clock: HostClock;
  /** Stands still with the machine and ends with its power. */
  readonly frozen: FreezableClock;
};

export class Kernel {
  readonly clock: FreezableClock;
  readonly #options: KernelOptions;
  /** By group, the newest one. */
  readonly mounts = new Map<string, Mount>();
  /** By group: taken off the tree, and not gone before the last page is written. */
  readonly #lingering = new Map<string, readonly Mount[]>();
  /** By group/resource. */
  readonly applications = new Map<string, Ledger>();
  /** Those that are up, by the epoch that made them. */
  readonly addresses = new Map<string, Epoch>();
  readonly #openUntilMs = new Map<string, Millis>();

  constructor(options: KernelOptions) {
    this.#options = options;
    this.clock = options.frozen;
  }

  later(delayMs: Millis, action: () => void): void {
    this.#options.clock.schedule(delayMs, () => this.clock.run(action));
  }

  /** `untilMs` on the machine's clock; 0: blocked. */
  open(address: string, untilMs: Millis): void {
    this.#openUntilMs.set(address, untilMs);
  }

  /** Clients get an answer from here: it is up, let through, and somebody is awake to give it. */
  answers(address: string): boolean {
    if (this.clock.frozen || !this.addresses.has(address)) return false;
    return this.#options.clock.now() < (this.#openUntilMs.get(address) ?? 0);
  }

  mount(group: string, mount: Mount): void {
    const before = this.mounts.get(group);
    this.#lingering.set(group, before === undefined ? [] : [...this.unwritten(group), before]);
    this.mounts.set(group, mount);
  }

  /** Mounts that still keep the disk busy, whether or not anybody sees them. */
  unwritten(group: string): readonly Mount[] {
    const newest = this.mounts.get(group);
    const all = [...(this.#lingering.get(group) ?? []), ...(newest === undefined ? [] : [newest])];
    return all.filter(({ isGone }) => !isGone);
  }

  /** Something of the group can be seen here: a node that holds something takes nothing. */
  holds(group: string): boolean {
    if (this.mounts.get(group)?.isInTree === true) return true;
    for (const [key, application] of this.applications) {
      if (key.startsWith(`${group}/`) && application.isAlive) return true;
    }
    return false;
  }

  kill(application: string): void {
    this.applications.get(application)?.kill();
  }

  /** Taken off the tree; it is gone when its last command has come back. */
  detach(group: string): Promise<void> {
    const mount = this.mounts.get(group);
    if (mount === undefined || mount.isGone) return Promise.resolve();
    return new Promise((resolve) => mount.detach(resolve));
  }
}
