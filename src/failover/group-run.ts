/**
 * One ownership of one group on one node: from "committed: you own it in epoch e" to "serving", and
 * from any reason to stop to "everything is down".
 *
 * The intuition: a run belongs to one epoch and is never reused. It starts the resources as their
 * graph allows, everything at once that may go at once. What touches the disk waits for nothing but
 * the graph, since the reservation guards the disk; what clients can see (`address`, `application`)
 * also waits for a valid lease and for the rest of the predecessor's lease (DESIGN §7). Stopping has
 * three forms: orderly (reverse of the graph), suspended (soft expiry: addresses silent, application
 * frozen, undone by a renewal) and killed (addresses first, then application, then mounts).
 *
 * The fear: an answer that comes late. So each slot waits for the answer to one question at a time,
 * and an answer that it does not wait for changes nothing.
 *
 * It does not act: it answers with effects, each for (group, epoch), and is told how they ended. It
 * does not decide where the group goes next; it only says what happened here.
 */
import type { Epoch, GroupId, Millis } from '../lib/ids.ts';
import type { PhaseStamp } from '../lib/phases.ts';
import { type Report, reportOf, stampsOf } from './run-report.ts';
import {
  isGivenUp,
  isOver,
  isVisible,
  MAX_KILLS,
  needsPreparation,
  type Slot,
  Slots,
} from './run-slots.ts';
import type {
  ActionEnd,
  ActionVerb,
  RunEffect,
  RunEvent,
  RunOptions,
  RunPhase,
  RunResource,
  RunResourceState,
} from './run-types.ts';

/** What a slot is while it waits for the answer to a verb. */
const WAITING_FOR: Readonly<Record<ActionVerb, RunResourceState>> = {
  prepare: 'preparing',
  start: 'starting',
  stop: 'stopping',
  kill: 'killing',
  suspend: 'suspending',
  resume: 'resuming',
};

function failureOf(verb: ActionVerb): 'STOP_FAILED' | 'START_FAILED' {
  return verb === 'stop' || verb === 'kill' ? 'STOP_FAILED' : 'START_FAILED';
}

export class GroupRun {
  readonly group: GroupId;
  readonly epoch: Epoch;
  readonly #options: RunOptions;
  readonly #slots: Slots;
  #phase: RunPhase = 'starting';
  #leaseValid = false;
  #suspended = false;
  /** The rest of the predecessor's lease is over, or what it allowed is known to be down. */
  #mayBeSeen = false;
  /** Why the run ends; decides what is proposed when all is down. */
  #ending: { readonly code: string; readonly detail: string } | null = null;
  #clean = true;
  /** By resource: what is started anew is stamped anew, the rest stays as it was. */
  readonly #stamps = new Map<string, readonly PhaseStamp[]>();
  #restartedMs: Millis[] = [];
  #effects: RunEffect[] = [];

  constructor(options: RunOptions) {
    this.group = options.group;
    this.epoch = options.epoch;
    this.#options = options;
    this.#slots = new Slots(options.group, options.resources, options.classOf);
  }

  get phase(): RunPhase {
    return this.#phase;
  }

  get suspended(): boolean {
    return this.#suspended;
  }

  /** Nothing that clients can see is up: whoever waits for that need not wait any longer. */
  get silent(): boolean {
    return this.#slots.silent;
  }

  resources(): readonly RunResource[] {
    return this.#slots.all.map(({ definition: { name, type }, state, code, paused }) => {
      return { name, type, state, code, paused };
    });
  }

  /** When `step({kind: 'deadline'})` is wanted; Infinity when only events can change anything. */
  get nextDeadlineMs(): Millis {
    return this.#phase === 'starting' && !this.#mayBeSeen ? this.#options.visibleFromMs : Infinity;
  }

  step(event: RunEvent, now: Millis): readonly RunEffect[] {
    this.#effects = [];
    this.#mayBeSeen ||= now >= this.#options.visibleFromMs;
    switch (event.kind) {
      case 'begin':
        this.#effects.push({ kind: 'lease', verb: 'begin' });
        break;
      case 'action-done':
        this.#actionDone(this.#slots.named(event.resource), event.verb, event.end);
        break;
      case 'broken':
        this.#broken(this.#slots.named(event.resource), event.code, event.detail, now);
        break;
      case 'lease':
        this.#lease(event.state);
        break;
      case 'stop':
        if (this.#runs) this.#enter('stopping', '');
        break;
      case 'paused':
        this.#pause(event.resources);
        break;
      case 'superseded':
        this.#kill('SUPERSEDED', 'a newer epoch of the group exists');
        break;
      case 'predecessors-down':
        this.#mayBeSeen = true;
        break;
      case 'deadline':
        break;
    }
    this.#advance(now);
    return this.#effects;
  }

  get #runs(): boolean {
    return this.#phase === 'starting' || this.#phase === 'serving';
  }

  #actionDone(slot: Slot, verb: ActionVerb, end: ActionEnd): void {
    if (slot.state !== WAITING_FOR[verb]) return; // a late answer to a question that is settled
    slot.code = end.ok ? null : (end.code ?? failureOf(verb));
    if (!end.ok) {
      this.#actionFailed(slot, verb, end);
      return;
    }
    switch (verb) {
      case 'prepare':
        slot.prepared = true;
        slot.state = 'prepared';
        break;
      case 'start':
        this.#started(slot, end);
        break;
      case 'suspend':
        slot.state = 'suspended';
        break;
      case 'resume':
        slot.state = 'started';
        this.#watch(slot);
        break;
      case 'stop':
      case 'kill':
        slot.state = 'stopped';
        break;
    }
  }

  #actionFailed(slot: Slot, verb: ActionVerb, end: ActionEnd): void {
    slot.state = 'failed';
    if (verb === 'kill') this.#killFailed(slot, end);
    const code = end.code ?? failureOf(verb);
    this.#kill(code, `${verb} of ${slot.definition.name}: ${end.detail}`);
  }

  #started(slot: Slot, end: ActionEnd): void {
    slot.state = 'started';
    this.#watch(slot);
    const again = slot.proof === 'asked';
    slot.proof = 'given';
    if (again) return;
    this.#stamps.set(slot.definition.name, stampsOf(this.#reporter(), slot.class, end));
    if (slot.class === 'disk') this.#report({ kind: 'fenced', disk: slot.definition.name });
    // The lease went while the start was under way: what became visible goes silent at once.
    if (this.#suspended && this.#runs && isVisible(slot)) this.#act(slot, 'suspend');
  }

  #killFailed(slot: Slot, end: ActionEnd): void {
    slot.failures += 1;
    const { name } = slot.definition;
    // A hung unmount of a fenced disk harms nobody; an address or an application does (DESIGN §7).
    const next =
      slot.failures < MAX_KILLS
        ? 'it is tried again'
        : isVisible(slot)
          ? 'the machine is reset'
          : 'it is left behind, and the next owner fences its disk';
    const times = `kill ${slot.failures} of ${MAX_KILLS} of ${name} failed`;
    this.#enter(this.#phase, `${times}, ${next}: ${end.detail}`);
    if (slot.failures < MAX_KILLS || !isVisible(slot)) return;
    this.#effects.push({
      kind: 'self-fence',
      cause: `${slot.definition.name} cannot be brought down: ${end.detail}`,
    });
  }

  #broken(slot: Slot, code: string, detail: string, now: Millis): void {
    // Whatever is being changed was not watched any more when this was said.
    if (slot.state !== 'started' || !this.#runs) return;
    // Whatever else is done about it under maintenance, a disk that another node has taken is lost.
    if (slot.paused && code !== 'DISK_FENCED') return;
    const { count, windowMs } = this.#options.restarts;
    this.#restartedMs = this.#restartedMs.filter((at) => now - at < windowMs);
    const affected = this.#slots.withDependents(slot);
    const local = slot.class === 'application' && affected.every(isVisible);
    if (!local || this.#restartedMs.length >= count || !this.#leaseValid) {
      this.#kill(code, `${slot.definition.name}: ${detail}`);
      return;
    }
    this.#restartedMs.push(now);
    for (const one of affected) this.#stamps.delete(one.definition.name);
    this.#enter('starting', `restart of ${slot.definition.name}: ${detail}`);
    // It may have ended because a write failed, or because the disk was taken away. What the page cache
    // then holds was never written, and whoever starts on it would serve it as durable (P3).
    for (const one of this.#slots.storage) if (one.state === 'started') one.proof = 'due';
    // It may only have stopped to answer: a `start` would find it running and change nothing.
    for (const one of affected) if (one.touched && !isOver(one)) this.#act(one, 'kill');
  }

  #lease(state: 'serve' | 'suspend' | 'resume' | 'lost'): void {
    if (state === 'lost') {
      this.#kill('LEASE_LOST', 'the lease ran out');
      return;
    }
    this.#leaseValid = state !== 'suspend';
    this.#suspended = state === 'suspend';
    if (!this.#runs) return;
    const order = this.#slots.lossOrder().filter(isVisible);
    if (this.#suspended) {
      for (const slot of order) {
        if (slot.state === 'started' || slot.state === 'resuming') this.#act(slot, 'suspend');
      }
    } else {
      for (const slot of order.reverse()) {
        if (slot.state === 'suspended' || slot.state === 'suspending') this.#act(slot, 'resume');
      }
    }
  }

  /** Starts or stops everything that the graph allows now. */
  #advance(now: Millis): void {
    if (this.#phase === 'starting') this.#startWhatMay(now);
    if (this.#phase === 'stopping') this.#stopWhatMay();
    if (this.#phase === 'killing') this.#killWhatMay();
    const ending = this.#phase === 'stopping' || this.#phase === 'killing';
    if (ending && this.#slots.all.every(isOver)) this.#down();
  }

  /**
   * `start` of what is up only asks: a disk whether it is still ours, then a mount whether every write
   * has reached it. Nothing that could still write may live by then.
   */
  #proveStorage(): void {
    if (this.#slots.all.some(({ state }) => state === 'killing')) return;
    for (const slot of this.#slots.storage) {
      if (slot.proof !== 'due') continue;
      if (!this.#slots.needsAre(slot, ({ proof }) => proof === 'given')) continue;
      slot.proof = 'asked';
      this.#act(slot, 'start');
    }
  }

  #startWhatMay(now: Millis): void {
    this.#proveStorage();
    const proven = this.#slots.storage.every(({ proof }) => proof === 'given');
    for (const slot of this.#slots.all) {
      if (slot.state === 'stopped' && !slot.prepared) {
        if (this.#slots.needsAre(slot, (need) => need.prepared)) this.#act(slot, 'prepare');
      }
      const idle = slot.prepared && (slot.state === 'prepared' || slot.state === 'stopped');
      if (!idle || !this.#slots.needsAre(slot, (need) => need.state === 'started')) continue;
      if (isVisible(slot) && !this.#mayShow()) continue;
      const usesDisks = slot.class === 'mount' || slot.class === 'application';
      if (usesDisks && !this.#slots.disksAreOurs(slot)) continue;
      if (slot.class === 'application' && !proven) continue;
      this.#act(slot, 'start');
    }
    if (this.#slots.every('started') && this.#mayShow()) this.#serving(now);
  }

  #serving(now: Millis): void {
    this.#enter('serving', '');
    this.#report({ kind: 'serving', stamps: [...this.#stamps.values()].flat() });
    const { windowMs } = this.#options.restarts;
    this.#restartedMs = this.#restartedMs.filter((at) => now - at < windowMs);
  }

  #mayShow(): boolean {
    return this.#leaseValid && !this.#suspended && this.#mayBeSeen;
  }

  #stopWhatMay(): void {
    const busy: readonly RunResourceState[] = ['stopped', 'stopping', 'starting', 'preparing'];
    for (const slot of this.#slots.all) {
      // A kill that was under way when the stop came is as good as a stop.
      if (busy.includes(slot.state) || slot.state === 'killing') continue;
      if (this.#slots.unneeded(slot)) this.#act(slot, 'stop');
    }
  }

  /** Addresses, then applications, then mounts; a later rank waits until the earlier one is down. */
  #killWhatMay(): void {
    for (const slot of this.#slots.lossOrder()) {
      if (slot.state === 'killing' || slot.state === 'stopped' || isGivenUp(slot)) continue;
      if (this.#slots.mayBeKilled(slot)) this.#act(slot, 'kill');
    }
  }

  #kill(code: string, detail: string): void {
    if (this.#phase === 'killing' || this.#phase === 'down') return;
    this.#ending = { code, detail };
    this.#clean = false;
    // `stopped` may hide something half-made; everything that was ever touched is killed.
    for (const slot of this.#slots.all) {
      if (slot.state === 'stopped' && slot.touched) slot.state = 'failed';
    }
    this.#enter('killing', `${code}: ${detail}`);
  }

  #down(): void {
    this.#enter('down', this.#ending?.code ?? '');
    this.#effects.push({ kind: 'lease', verb: 'end' });
    // `stopped` comes first: with it in the log the next owner need not wait for this lease.
    const visible = this.#slots.all.filter(isVisible);
    if (visible.every(({ state }) => state === 'stopped')) {
      this.#report({ kind: 'stopped', clean: this.#clean });
    }
    const failed = this.#ending;
    if (failed !== null && failed.code !== 'SUPERSEDED' && failed.code !== 'LEASE_LOST') {
      this.#report({ kind: 'takeover-failed', ...failed });
    }
  }

  #act(slot: Slot, verb: ActionVerb): void {
    const { name, startTimeoutMs, stopTimeoutMs } = slot.definition;
    // What is being changed is not watched: a frozen application does not answer, and that is no news.
    if (verb === 'stop' || verb === 'kill' || verb === 'suspend') {
      this.#effects.push({ kind: 'unwatch', resource: name });
    }
    if (verb === 'kill') slot.prepared = !needsPreparation(slot.class);
    slot.touched = true;
    slot.state = WAITING_FOR[verb];
    const timeoutMs =
      verb === 'prepare' || verb === 'start'
        ? startTimeoutMs
        : verb === 'stop'
          ? stopTimeoutMs
          : this.#options.killTimeoutMs;
    this.#effects.push({ kind: 'act', resource: name, verb, timeoutMs });
  }

  /** What comes back from maintenance is watched anew: what broke meanwhile is found then. */
  #pause(names: readonly string[]): void {
    for (const slot of this.#slots.all) {
      const paused = names.includes(slot.definition.name);
      if (paused === slot.paused) continue;
      slot.paused = paused;
      if (slot.state !== 'started') continue;
      if (!paused) this.#watch(slot);
      else if (slot.class !== 'disk') {
        this.#effects.push({ kind: 'unwatch', resource: slot.definition.name });
      }
    }
  }

  #watch(slot: Slot): void {
    if (slot.paused && slot.class !== 'disk') return;
    this.#effects.push({ kind: 'watch', resource: slot.definition.name });
  }

  #enter(phase: RunPhase, detail: string): void {
    this.#phase = phase;
    this.#effects.push({ kind: 'state', phase, detail });
  }

  #report(report: Report): void {
    this.#effects.push({ kind: 'propose', command: reportOf(this.#reporter(), report) });
  }

  #reporter() {
    const { node, incarnation } = this.#options;
    return { group: this.group, epoch: this.epoch, node, incarnation };
  }
}
