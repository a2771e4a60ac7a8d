/**
 * A SCSI target with one logical unit, as a model: registrations, one reservation, unit attentions,
 * tasks in flight, a volatile write cache, blocks.
 *
 * The intuition: it is the same disk that the protocol is proven against and that the demo writes
 * to. A write is checked against the reservation when it is *accepted* and lands when it is
 * *completed*; in between it is a task that only an abort, a reset or a power loss removes. That
 * gap is what fencing is about, so the model has it and a stub would not.
 *
 * It has no IO, no time and no chance of its own: `server.ts` gives it sockets, tests give it fate.
 * It does not model ALL_TG_PT, SPEC_I_PT, REGISTER AND MOVE, READ FULL STATUS and element scopes.
 * Types 1 and 5 are exact and compared with a real target by the contract suite; 3, 6, 7 and 8
 * follow the tables of the standard.
 *
 * Reference: SPC-4 §5.13 (persistent reservations), SAM-5 §5.8.7 (unit attentions), SBC-3 §4.17.
 */
import type { ReservationKey, ReservationType } from '../../fence-device.ts';
import type {
  Capabilities,
  ReservationReport,
  ReserveOut,
  Status,
  TargetImage,
  TargetOptions,
  Task,
  UnitAttention,
} from './commands.ts';
import {
  type Access,
  allRegistrantsHold,
  conflicts,
  holderKey,
  holds,
  type Nexus,
  type Reservation,
  registrantsShare,
} from './reservations.ts';

export class EmulatedTarget {
  readonly options: TargetOptions;
  #registrations = new Map<Nexus, ReservationKey>();
  #reservation: Reservation | null = null;
  #generation = 0;
  #aptplActive = false;
  /** Every nexus that ever logged in, with what it has not been told yet, oldest first. */
  readonly #attentions = new Map<Nexus, UnitAttention[]>();
  #tasks: Task[] = [];
  #nextTask = 1;
  readonly #cache = new Map<number, string>();
  readonly #medium = new Map<number, string>();

  constructor(options: TargetOptions, image?: TargetImage) {
    this.options = options;
    if (image === undefined) return;
    this.#aptplActive = image.aptplActive;
    this.#registrations = new Map(image.registrations.map(([n, key]) => [n, BigInt(key)]));
    this.#reservation = image.reservation;
    for (const [block, data] of image.blocks) this.#medium.set(block, data);
  }

  /** What would be there after a power loss now. */
  image(): TargetImage {
    const kept = this.#aptplActive;
    const registrations = kept ? [...this.#registrations] : [];
    return {
      aptplActive: kept,
      registrations: registrations.map(([nexus, key]) => [nexus, `0x${key.toString(16)}`]),
      reservation: kept ? this.#reservation : null,
      blocks: [...this.#medium],
    };
  }

  /** A nexus is known from its first command on; it is greeted with POWER ON. */
  login(nexus: Nexus): void {
    if (!this.#attentions.has(nexus)) this.#attentions.set(nexus, ['29/00']);
  }

  capabilities(): Capabilities {
    const { abort, reset, aptpl, types } = this.options;
    return { abort, reset, aptpl, aptplActive: this.#aptplActive, types };
  }

  readKeys(nexus: Nexus): Status | { generation: number; keys: readonly ReservationKey[] } {
    const attention = this.#attention(nexus);
    if (attention !== null) return attention;
    return { generation: this.#generation, keys: [...this.#registrations.values()] };
  }

  readReservation(nexus: Nexus): Status | ReservationReport {
    const attention = this.#attention(nexus);
    if (attention !== null) return attention;
    return {
      generation: this.#generation,
      holder: holderKey(this.#reservation, this.#registrations),
      type: this.#reservation?.type ?? null,
    };
  }

  testUnitReady(nexus: Nexus): Status {
    return this.#attention(nexus) ?? 'good';
  }

  reserveOut(nexus: Nexus, out: ReserveOut): Status {
    const attention = this.#attention(nexus);
    if (attention !== null) return attention;
    switch (out.action) {
      case 'register':
      case 'register-and-ignore':
        return this.#register(nexus, out);
      case 'reserve':
        return this.#reserve(nexus, out);
      case 'release':
        return this.#release(nexus, out);
      case 'clear':
        return this.#clear(nexus, out.key);
      case 'preempt':
        return this.#preempt(nexus, out, false);
      case 'preempt-and-abort':
        return this.options.abort ? this.#preempt(nexus, out, true) : illegal('24/00');
      default:
        return illegal('24/00');
    }
  }

  /** Accepts a write: the reservation is checked here, and never again for this task. */
  submitWrite(nexus: Nexus, block: number, data: string): Status | Task {
    const refused = this.#refused(nexus, 'write');
    if (refused !== null) return refused;
    const task = { id: this.#nextTask, nexus, block, data };
    this.#nextTask += 1;
    this.#tasks.push(task);
    return task;
  }

  /** Carries an accepted write out. False: it was aborted in between, and nothing is written. */
  completeWrite(id: number): boolean {
    const task = this.#tasks.find((candidate) => candidate.id === id);
    if (task === undefined) return false;
    this.#tasks = this.#tasks.filter((candidate) => candidate !== task);
    const store = this.options.writeCache ? this.#cache : this.#medium;
    store.set(task.block, task.data);
    return true;
  }

  read(nexus: Nexus, block: number): Status | { readonly data: string | null } {
    const refused = this.#refused(nexus, 'read');
    if (refused !== null) return refused;
    return { data: this.#cache.get(block) ?? this.#medium.get(block) ?? null };
  }

  /**
   * SYNCHRONIZE CACHE: what was completed is on the medium. Tasks in flight are not its business.
   */
  synchronizeCache(nexus: Nexus): Status {
    const refused = this.#refused(nexus, 'write');
    if (refused !== null) return refused;
    for (const [block, data] of this.#cache) this.#medium.set(block, data);
    this.#cache.clear();
    return 'good';
  }

  /** SAM-5 §7.7: every task ends; registrations and reservation stay. No reservation forbids it. */
  logicalUnitReset(nexus: Nexus): Status {
    this.login(nexus);
    if (!this.options.reset) return illegal('20/00');
    this.#tasks = [];
    for (const each of this.#attentions.keys()) this.#tell(each, '29/03');
    return 'good';
  }

  /** The I_T nexus is gone (the machine died): its tasks end, its registration stays. */
  nexusLoss(nexus: Nexus): void {
    this.#tasks = this.#tasks.filter((task) => task.nexus !== nexus);
  }

  /** The target itself loses power: only what APTPL keeps and what was flushed is left. */
  powerLoss(): void {
    this.#tasks = [];
    this.#cache.clear();
    this.#generation = 0;
    if (!this.#aptplActive) {
      this.#registrations.clear();
      this.#reservation = null;
    }
    for (const nexus of this.#attentions.keys()) this.#attentions.set(nexus, ['29/00']);
  }

  /** For checkers, which see what no initiator sees. */
  inspect(): {
    readonly registrations: ReadonlyMap<Nexus, ReservationKey>;
    readonly reservation: Reservation | null;
    readonly tasks: readonly Task[];
    readonly aptplActive: boolean;
    readonly attentions: ReadonlyMap<Nexus, readonly UnitAttention[]>;
    readonly cache: ReadonlyMap<number, string>;
    readonly medium: ReadonlyMap<number, string>;
  } {
    return {
      registrations: this.#registrations,
      reservation: this.#reservation,
      tasks: this.#tasks,
      aptplActive: this.#aptplActive,
      attentions: this.#attentions,
      cache: this.#cache,
      medium: this.#medium,
    };
  }

  /** The same target once more, for explorations: what happens to one does not touch the other. */
  fork(): EmulatedTarget {
    const twin = new EmulatedTarget(this.options);
    twin.#registrations = new Map(this.#registrations);
    twin.#reservation = this.#reservation;
    twin.#generation = this.#generation;
    twin.#aptplActive = this.#aptplActive;
    for (const [nexus, codes] of this.#attentions) twin.#attentions.set(nexus, [...codes]);
    twin.#tasks = [...this.#tasks];
    twin.#nextTask = this.#nextTask;
    for (const [block, data] of this.#cache) twin.#cache.set(block, data);
    for (const [block, data] of this.#medium) twin.#medium.set(block, data);
    return twin;
  }

  // SPC-4 §5.13.7 tables 67 and 68: REGISTER is a compare and swap on the nexus' own key.
  #register(
    nexus: Nexus,
    out: Extract<ReserveOut, { serviceKey: bigint; aptpl: boolean }>,
  ): Status {
    if (out.aptpl && !this.options.aptpl) return illegal('26/00');
    const current = this.#registrations.get(nexus);
    if (out.action === 'register' && out.key !== (current ?? 0n)) return 'reservation-conflict';
    if (current === undefined && out.serviceKey === 0n) return 'good';
    if (out.serviceKey === 0n) this.#unregister(nexus);
    else this.#registrations.set(nexus, out.serviceKey);
    this.#aptplActive = out.aptpl;
    this.#generation += 1;
    return 'good';
  }

  // SPC-4 §5.13.9
  #reserve(nexus: Nexus, out: { key: ReservationKey; type: ReservationType }): Status {
    if (!this.#registeredAs(nexus, out.key)) return 'reservation-conflict';
    if (!this.options.types.includes(out.type)) return illegal('24/00');
    if (this.#reservation === null) {
      const holder = allRegistrantsHold(out.type) ? null : nexus;
      this.#reservation = { type: out.type, holder };
      return 'good';
    }
    const same = this.#holds(nexus) && this.#reservation.type === out.type;
    return same ? 'good' : 'reservation-conflict';
  }

  // SPC-4 §5.13.11.2.2: releasing what one does not hold is no error.
  #release(nexus: Nexus, out: { key: ReservationKey; type: ReservationType }): Status {
    if (!this.#registeredAs(nexus, out.key)) return 'reservation-conflict';
    if (this.#reservation === null || !this.#holds(nexus)) return 'good';
    if (this.#reservation.type !== out.type) return illegal('26/04');
    this.#dropReservation(nexus);
    return 'good';
  }

  // SPC-4 §5.13.11.2.7
  #clear(nexus: Nexus, key: ReservationKey): Status {
    if (!this.#registeredAs(nexus, key)) return 'reservation-conflict';
    for (const other of this.#others(nexus)) this.#tell(other, '2a/03');
    this.#registrations.clear();
    this.#reservation = null;
    this.#generation += 1;
    return 'good';
  }

  // SPC-4 §5.13.11.2.4 – 5.13.11.2.6, table 72
  #preempt(
    nexus: Nexus,
    out: { key: ReservationKey; serviceKey: ReservationKey; type: ReservationType },
    abort: boolean,
  ): Status {
    if (!this.#registeredAs(nexus, out.key)) return 'reservation-conflict';
    const before = this.#reservation;
    const everybody = before !== null && allRegistrantsHold(before.type) && out.serviceKey === 0n;
    if (out.serviceKey === 0n && !everybody) return illegal('26/00');
    const victims = everybody ? [...this.#registrations.keys()] : this.#nexusesWith(out.serviceKey);
    if (victims.length === 0) return 'reservation-conflict';

    const holder = before?.holder ?? null;
    const takes = everybody || (holder !== null && victims.includes(holder));
    if (takes && !this.options.types.includes(out.type)) return illegal('24/00');
    // Who takes the reservation stays registered; who only removes registrations removes its own.
    for (const victim of victims.filter((other) => !takes || other !== nexus)) {
      this.#registrations.delete(victim);
      if (victim !== nexus) this.#tell(victim, '2a/05');
    }
    if (before !== null && takes) this.#takeReservation(nexus, before, out.type);
    else if (this.#registrations.size === 0) this.#reservation = null;
    if (abort) this.#tasks = this.#tasks.filter((task) => !victims.includes(task.nexus));
    this.#generation += 1;
    return 'good';
  }

  #takeReservation(nexus: Nexus, before: Reservation, type: ReservationType): void {
    this.#reservation = { type, holder: allRegistrantsHold(type) ? null : nexus };
    if (before.type === type) return;
    // Who stays registered under another type than it knew is told so.
    for (const other of this.#others(nexus)) this.#tell(other, '2a/04');
  }

  #unregister(nexus: Nexus): void {
    const held = this.#holds(nexus);
    this.#registrations.delete(nexus);
    if (this.#reservation === null || !held) return;
    const last = this.#registrations.size === 0;
    if (!allRegistrantsHold(this.#reservation.type) || last) this.#dropReservation(nexus);
  }

  #dropReservation(nexus: Nexus): void {
    const type = this.#reservation?.type;
    this.#reservation = null;
    if (type === undefined || !registrantsShare(type)) return;
    for (const other of this.#others(nexus)) this.#tell(other, '2a/04');
  }

  #refused(nexus: Nexus, access: Access): Status | null {
    const attention = this.#attention(nexus);
    if (attention !== null) return attention;
    const conflict = conflicts(this.#reservation, this.#registrations, nexus, access);
    return conflict ? 'reservation-conflict' : null;
  }

  /** Reported once, oldest first, before anything is executed. */
  #attention(nexus: Nexus): Status | null {
    this.login(nexus);
    const code = this.#attentions.get(nexus)?.shift();
    return code === undefined ? null : { check: 'unit-attention', code };
  }

  #tell(nexus: Nexus, code: UnitAttention): void {
    const queue = this.#attentions.get(nexus);
    // A nexus known only from the image has no queue yet: it will be greeted with POWER ON.
    if (queue !== undefined && !queue.includes(code)) queue.push(code);
  }

  #registeredAs(nexus: Nexus, key: ReservationKey): boolean {
    return key !== 0n && this.#registrations.get(nexus) === key;
  }

  #holds(nexus: Nexus): boolean {
    return holds(this.#reservation, this.#registrations, nexus);
  }

  #others(nexus: Nexus): readonly Nexus[] {
    return [...this.#registrations.keys()].filter((other) => other !== nexus);
  }

  #nexusesWith(key: ReservationKey): readonly Nexus[] {
    return [...this.#registrations].filter(([, held]) => held === key).map(([nexus]) => nexus);
  }
}

function illegal(code: '20/00' | '24/00' | '26/00' | '26/04'): Status {
  return { check: 'illegal-request', code };
}
