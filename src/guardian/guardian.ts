/**
 * Keeps the promise of the lease when the daemon cannot. The daemon tells it, before each thing it
 * does for a group, how that is undone and by when; the guardian acknowledges. When a deadline passes,
 * or the pipe closes because the daemon died, it undoes everything, and then publishes the group's
 * secret: the proof on which the cluster starts the group elsewhere without waiting for the lease.
 *
 * The fear behind every line: to acknowledge what will not be done, or to publish what is not true.
 * So the packet filter is renewed *before* the acknowledgement, an epoch that was torn down is never
 * armed again, and the secret goes out only when every address and process is known to be down.
 *
 * It does not decide how long a lease is, never extends one by itself, and unmounts last: a mount that
 * hangs meets the disk's fence, so the proof does not wait for it.
 *
 * Reference: DESIGN §7 (lease, guardian).
 */
import { type Clock, WITHDRAWN } from '../lib/clock.ts';
import type { Epoch, GroupId, Millis } from '../lib/ids.ts';
import type { PacketFilter } from '../system/packet-filter.ts';
import type { Teardown } from '../system/teardown.ts';
import type { LeftOverGroup } from './left-over.ts';
import type { FromGuardian, GuardianEvidence, ToGuardian } from './messages.ts';

type Arm = Extract<ToGuardian, { kind: 'arm' }>;

export type GuardianOptions = {
  readonly clusterId: string;
  readonly clock: Clock;
  readonly filter: Pick<PacketFilter, 'open' | 'block'>;
  /** Rejects when the step failed; bounded by the implementation. */
  readonly undo: (item: Teardown) => Promise<void>;
  readonly publish: (evidence: GuardianEvidence, to: readonly string[]) => Promise<void>;
  readonly tell: (message: FromGuardian) => void;
  readonly log: (line: string) => void;
  /** Told before anything of a new list may be done: what would be left if this process died. */
  readonly remember?: (groups: readonly LeftOverGroup[]) => void;
};

/** Something that resists (a process in the kernel) may give way later; until then no proof. */
const ATTEMPTS = 50;
const RETRY_AFTER_MS: Millis = 200;

/**
 * Only these count for the proof. A fenced disk needs no unmount for the cluster to be safe. A device
 * without its address and with nobody left who would use it says nothing; and to remove it makes the
 * kernel wait for all processors, which took 200 ms on a busy machine.
 */
const isEssential = ({ kind }: Teardown) => kind !== 'unmount-lazily' && kind !== 'delete-link';
/** Silence first, of every address: all the rest can wait for a few milliseconds more. */
const rankOf = ({ kind }: Teardown) => (kind === 'block-address' ? 0 : 1);

export class Guardian {
  readonly #options: GuardianOptions;
  readonly #armed = new Map<GroupId, Arm>();
  /** The newest epoch of each group that was torn down or disarmed: never armed again. */
  readonly #ended = new Map<GroupId, Epoch>();
  readonly #tearing = new Map<GroupId, Promise<void>>();
  /** By group and epoch: what had to be down by when, and is not known to be. */
  readonly #overdue = new Map<string, Overdue>();
  /** Armed, or not yet undone. */
  readonly #standing = new Map<GroupId, LeftOverGroup>();
  #abort = new AbortController();

  constructor(options: GuardianOptions) {
    this.#options = options;
  }

  /** Watches the deadlines until `signal` aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    const end = (): void => this.#abort.abort(WITHDRAWN);
    signal.addEventListener('abort', end, { once: true });
    while (!signal.aborted) {
      this.#tearDownOverdue();
      const nextMs = Math.min(...[...this.#armed.values()].map((arm) => arm.downByMs), Infinity);
      const delayMs = Math.max(0, Math.min(nextMs - this.#options.clock.now(), 60_000));
      this.#abort = new AbortController();
      // A new deadline or the end of the watch ends the wait early; that is no failure.
      await this.#options.clock.after(delayMs, this.#abort.signal).catch(() => {});
    }
  }

  /**
   * unarmed | armed -> armed | ended. Messages must be handed over one at a time: the next one after
   * this resolved.
   */
  async receive(message: ToGuardian): Promise<void> {
    // After a gap the past comes first: what is overdue goes down before anything is renewed.
    this.#tearDownOverdue();
    if (message.kind === 'disarm') return this.#disarm(message);
    const { requestId } = message;
    const refuse = (reason: string) => {
      this.#options.log(`arm of ${message.group} epoch ${message.epoch} refused: ${reason}`);
      this.#options.tell({ kind: 'refused', requestId, reason });
    };
    const stale = this.#whyStale(message);
    if (stale !== null) return refuse(stale);
    // From here on the list is known: whatever fails below, it is undone when its time comes.
    const before = this.#armed.get(message.group);
    this.#armed.set(message.group, before === undefined ? message : cautious(before, message));
    this.#abort.abort(WITHDRAWN);
    this.#stand(message);
    try {
      await this.#options.filter.open(message.addresses, message.serveUntilMs);
    } catch (error) {
      return refuse(`packet filter: ${String(error)}`);
    }
    if (this.#armed.get(message.group)?.epoch !== message.epoch)
      return refuse('torn down meanwhile');
    this.#armed.set(message.group, message);
    this.#abort.abort(WITHDRAWN);
    this.#options.tell({ kind: 'armed', requestId });
  }

  /** The daemon is gone: everything goes down, all groups at once. Resolves when all is done. */
  async tearDownAll(): Promise<void> {
    for (const arm of [...this.#armed.values()]) this.#tearDown(arm);
    await Promise.all(this.#tearing.values());
  }

  /**
   * In words: what serves although it must not, `graceMs` after its time; null when nothing does.
   * What is left of a mount does not count: the disk is fenced.
   */
  trouble(graceMs: Millis): string | null {
    const now = this.#options.clock.now();
    const late = [...this.#overdue.values(), ...this.#armed.values()].find(
      ({ downByMs }) => downByMs + graceMs < now,
    );
    if (late === undefined) return null;
    const left = 'left' in late ? late.left : [];
    const what = left.length === 0 ? 'it is not down yet' : left.join(', ');
    return `group ${late.group} epoch ${late.epoch} had to be down: ${what}`;
  }

  #whyStale({ group, epoch, downByMs }: Arm): string | null {
    const current = this.#armed.get(group);
    if (epoch <= (this.#ended.get(group) ?? 0)) return 'this epoch has ended here';
    if (current !== undefined && epoch < current.epoch) return `armed for epoch ${current.epoch}`;
    if (this.#tearing.has(group)) return 'an older epoch is still being torn down';
    return downByMs <= this.#options.clock.now() ? 'its deadline has passed' : null;
  }

  #disarm({ requestId, group, epoch }: Extract<ToGuardian, { kind: 'disarm' }>): void {
    if (this.#armed.get(group)?.epoch === epoch) {
      this.#armed.delete(group);
      this.#end(group, epoch);
      this.#fall(group);
    }
    this.#options.tell({ kind: 'disarmed', requestId });
  }

  #tearDownOverdue(): void {
    const now = this.#options.clock.now();
    for (const arm of [...this.#armed.values()]) if (arm.downByMs <= now) this.#tearDown(arm);
  }

  #tearDown(arm: Arm): void {
    this.#armed.delete(arm.group);
    this.#end(arm.group, arm.epoch);
    const { group, epoch, downByMs } = arm;
    this.#overdue.set(`${group}/${epoch}`, { group, epoch, downByMs, left: [] });
    const done = this.#undoAll(arm)
      .catch((error: unknown) => this.#options.log(`tear-down of ${arm.group}: ${String(error)}`))
      .finally(() => this.#tearing.delete(arm.group));
    this.#tearing.set(arm.group, done);
  }

  #end(group: GroupId, epoch: Epoch): void {
    this.#ended.set(group, Math.max(epoch, this.#ended.get(group) ?? 0));
  }

  /** Renewals come all the time and change nothing here. */
  #stand({ group, epoch, teardown }: Arm): void {
    const next = { group, epoch, teardown };
    if (JSON.stringify(this.#standing.get(group)) === JSON.stringify(next)) return;
    this.#standing.set(group, next);
    this.#options.remember?.([...this.#standing.values()]);
  }

  #fall(group: GroupId): void {
    this.#standing.delete(group);
    this.#options.remember?.([...this.#standing.values()]);
  }

  async #undoAll(arm: Arm): Promise<void> {
    const { group, epoch } = arm;
    this.#options.log(`tearing down ${group} epoch ${epoch}`);
    const essential = arm.teardown.filter(isEssential).toSorted((a, b) => rankOf(a) - rankOf(b));
    const failures = await this.#undoUntilDone(essential);
    const name = `${group}/${epoch}`;
    if (failures.length === 0) this.#overdue.delete(name);
    else this.#overdue.set(name, { ...arm, left: failures.map(({ item }) => item.kind) });
    const published = failures.length === 0 ? this.#publish(arm) : Promise.resolve();
    const rest = await this.#undoOnce(arm.teardown.filter((item) => !isEssential(item)));
    const all = [...failures, ...rest].map(({ item, reason }) => `${item.kind}: ${reason}`);
    for (const failure of all) this.#options.log(`${group}: ${failure}`);
    if (all.length === 0) this.#fall(group);
    this.#options.tell({ kind: 'torn-down', group, epoch, failures: all });
    await published;
  }

  async #undoUntilDone(items: readonly Teardown[]): Promise<readonly Failure[]> {
    let failures = await this.#undoOnce(items);
    for (let attempt = 1; attempt < ATTEMPTS && failures.length > 0; attempt += 1) {
      await this.#options.clock.after(RETRY_AFTER_MS, new AbortController().signal);
      failures = await this.#undoOnce(failures.map(({ item }) => item));
    }
    return failures;
  }

  /** In the written order, every step even when an earlier one failed. */
  async #undoOnce(items: readonly Teardown[]): Promise<readonly Failure[]> {
    const failures: Failure[] = [];
    for (const item of items) {
      await this.#options.undo(item).catch((error: unknown) => {
        failures.push({ item, reason: String(error) });
      });
    }
    return failures;
  }

  async #publish({ group, epoch, secret, publishTo }: Arm): Promise<void> {
    const { clusterId } = this.#options;
    await this.#options.publish({ kind: 'torn-down', clusterId, group, epoch, secret }, publishTo);
  }
}

type Overdue = Pick<Arm, 'group' | 'epoch' | 'downByMs'> & { readonly left: readonly string[] };
type Failure = { readonly item: Teardown; readonly reason: string };

/** Until the new message holds: its list, since that is the newer truth, and the earlier deadline. */
function cautious(before: Arm, next: Arm): Arm {
  return { ...next, downByMs: Math.min(before.downByMs, next.downByMs) };
}
