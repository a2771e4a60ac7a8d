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
 * It does not act: it answers with effects, each for (group, epoch), and is told how they ended. It
 * does not decide where the group goes next; it only says what happened here.
 */
import type { Command } from '../cluster/command.ts';
import type { ResourceDefinition } from '../cluster/definition.ts';
import { assert } from '../lib/assert.ts';
import type { Epoch, GroupId, Millis, NodeId } from '../lib/ids.ts';
import type { Phase, PhaseStamp } from '../lib/phases.ts';

export type ActionVerb = 'prepare' | 'start' | 'stop' | 'kill' | 'suspend' | 'resume';

/** The class decides what an action waits for and in which order a lost lease takes things down. */
export type RunClass = 'disk' | 'mount' | 'address' | 'application';

export type RunResourceState =
  | 'stopped'
  | 'preparing'
  | 'prepared'
  | 'starting'
  | 'started'
  | 'suspended'
  | 'stopping'
  | 'killing'
  | 'failed';

export type RunPhase = 'starting' | 'serving' | 'stopping' | 'killing' | 'down';

export type ActionEnd = {
  readonly ok: boolean;
  readonly code: string | null;
  readonly detail: string;
  readonly startedMs: Millis;
  readonly endedMs: Millis;
  /** Application only: when its process ran, before it answered. */
  readonly spawnedMs: Millis | null;
};

export type RunEvent =
  | { readonly kind: 'begin' }
  | {
      readonly kind: 'action-done';
      readonly resource: string;
      readonly verb: ActionVerb;
      readonly end: ActionEnd;
    }
  /** A monitor or watch found the resource not running or broken. */
  | {
      readonly kind: 'broken';
      readonly resource: string;
      readonly code: string;
      readonly detail: string;
    }
  | { readonly kind: 'lease'; readonly state: 'serve' | 'suspend' | 'resume' | 'lost' }
  /** A committed `release`, or the daemon is asked to stop. */
  | { readonly kind: 'stop' }
  /** A newer epoch of the group is known: not ours any more, whoever has it. */
  | { readonly kind: 'superseded' }
  | { readonly kind: 'deadline' };

export type RunEffect =
  | {
      readonly kind: 'act';
      readonly resource: string;
      readonly verb: ActionVerb;
      readonly timeoutMs: Millis;
    }
  | { readonly kind: 'watch'; readonly resource: string }
  | { readonly kind: 'unwatch'; readonly resource: string }
  | { readonly kind: 'propose'; readonly command: Command }
  | { readonly kind: 'lease'; readonly verb: 'begin' | 'end' }
  /** A thing that must not stay up cannot be brought down: reset the machine. */
  | { readonly kind: 'self-fence'; readonly cause: string }
  | { readonly kind: 'state'; readonly phase: RunPhase; readonly detail: string };

export type RunOptions = {
  readonly group: GroupId;
  readonly epoch: Epoch;
  readonly node: NodeId;
  readonly incarnation: number;
  readonly resources: readonly ResourceDefinition[];
  readonly classOf: (resource: ResourceDefinition) => RunClass;
  /** Nothing visible outside before this time on the local clock. */
  readonly visibleFromMs: Millis;
  /** How often an application that dies is started again here before the group is given away. */
  readonly restarts: { readonly count: number; readonly windowMs: Millis };
  readonly killTimeoutMs: Millis;
};

type Slot = {
  readonly definition: ResourceDefinition;
  readonly class: RunClass;
  state: RunResourceState;
  /** Already prepared, or in need of no preparation. */
  prepared: boolean;
  failures: number;
};

/** On loss of the lease: what clients see first, then what works for them, then the mounts. */
const LOSS_RANK: Readonly<Record<RunClass, number>> = {
  address: 0,
  application: 1,
  mount: 2,
  disk: 3,
};
const MAX_KILLS = 3;

export class GroupRun {
  readonly group: GroupId;
  readonly epoch: Epoch;
  readonly #options: RunOptions;
  readonly #slots: readonly Slot[];
  #phase: RunPhase = 'starting';
  #leaseValid = false;
  #suspended = false;
  /** The rest of the predecessor's lease is over. */
  #mayBeSeen = false;
  /** Why the run ends; decides what is proposed when all is down. */
  #ending: { readonly code: string; readonly detail: string } | null = null;
  #clean = true;
  #stamps: PhaseStamp[] = [];
  #restartedMs: Millis[] = [];
  #effects: RunEffect[] = [];

  constructor(options: RunOptions) {
    this.group = options.group;
    this.epoch = options.epoch;
    this.#options = options;
    this.#slots = options.resources.map((definition) => {
      const kind = options.classOf(definition);
      const prepared = kind === 'disk' || kind === 'mount';
      return { definition, class: kind, state: 'stopped', prepared, failures: 0 };
    });
  }

  get phase(): RunPhase {
    return this.#phase;
  }

  get suspended(): boolean {
    return this.#suspended;
  }

  resources(): readonly { readonly name: string; readonly type: string; readonly state: string }[] {
    return this.#slots.map((slot) => ({
      name: slot.definition.name,
      type: slot.definition.type,
      state: slot.state,
    }));
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
        this.#actionDone(event.resource, event.verb, event.end, now);
        break;
      case 'broken':
        this.#broken(event.resource, event.code, event.detail, now);
        break;
      case 'lease':
        this.#lease(event.state);
        break;
      case 'stop':
        if (this.#phase === 'starting' || this.#phase === 'serving') this.#enter('stopping', '');
        break;
      case 'superseded':
        this.#kill('SUPERSEDED', 'a newer epoch of the group exists');
        break;
      case 'deadline':
        break;
    }
    this.#advance();
    return this.#effects;
  }

  #actionDone(resource: string, verb: ActionVerb, end: ActionEnd, now: Millis): void {
    const slot = this.#slot(resource);
    if (verb === 'kill') {
      this.#killDone(slot, end);
      return;
    }
    if (slot.state === 'killing' || slot.state === 'failed') return; // a late answer
    if (verb === 'stop') {
      slot.state = end.ok ? 'stopped' : 'failed';
      if (!end.ok) this.#kill(end.code ?? 'STOP_FAILED', end.detail);
      return;
    }
    if (!end.ok) {
      slot.state = verb === 'prepare' || verb === 'start' ? 'failed' : slot.state;
      this.#kill(end.code ?? 'START_FAILED', `${verb} of ${resource}: ${end.detail}`);
      return;
    }
    if (verb === 'prepare') {
      slot.prepared = true;
      slot.state = 'prepared';
    } else if (verb === 'start') {
      this.#started(slot, end, now);
    } else if (verb === 'suspend') slot.state = 'suspended';
    else slot.state = 'started';
  }

  #started(slot: Slot, end: ActionEnd, now: Millis): void {
    slot.state = 'started';
    this.#stamp(slot, end);
    this.#effects.push({ kind: 'watch', resource: slot.definition.name });
    if (slot.class === 'disk') this.#propose('fenced', { disk: slot.definition.name });
    // The lease went while the start was under way: what became visible goes silent at once.
    if (this.#suspended && visible(slot)) this.#act(slot, 'suspend');
    if (this.#phase !== 'starting') return;
    if (this.#slots.every((other) => other.state === 'started')) this.#serving(now);
  }

  #serving(now: Millis): void {
    this.#enter('serving', '');
    this.#propose('serving', { stamps: this.#stamps });
    this.#restartedMs = this.#restartedMs.filter(
      (at) => now - at < this.#options.restarts.windowMs,
    );
  }

  #killDone(slot: Slot, end: ActionEnd): void {
    if (end.ok) {
      slot.state = 'stopped';
      return;
    }
    slot.failures += 1;
    if (slot.failures < MAX_KILLS) {
      this.#act(slot, 'kill');
      return;
    }
    slot.state = 'failed';
    // A hung unmount of a fenced disk harms nobody; an address or an application does (DESIGN §7).
    if (visible(slot)) {
      this.#effects.push({
        kind: 'self-fence',
        cause: `${slot.definition.name} cannot be brought down: ${end.detail}`,
      });
    }
  }

  #broken(resource: string, code: string, detail: string, now: Millis): void {
    const slot = this.#slot(resource);
    if (slot.state !== 'started' || this.#suspended) return;
    if (this.#phase !== 'starting' && this.#phase !== 'serving') return;
    const { count, windowMs } = this.#options.restarts;
    this.#restartedMs = this.#restartedMs.filter((at) => now - at < windowMs);
    if (slot.class === 'application' && this.#restartedMs.length < count && this.#leaseValid) {
      this.#restartedMs.push(now);
      this.#stamps = [];
      this.#effects.push({ kind: 'unwatch', resource });
      this.#enter('starting', `restart of ${resource}: ${detail}`);
      this.#act(slot, 'start');
      return;
    }
    this.#kill(code, `${resource}: ${detail}`);
  }

  #lease(state: 'serve' | 'suspend' | 'resume' | 'lost'): void {
    if (state === 'lost') {
      this.#kill('LEASE_LOST', 'the lease ran out');
      return;
    }
    this.#leaseValid = state !== 'suspend';
    if (this.#phase !== 'starting' && this.#phase !== 'serving') return;
    if (state === 'suspend' && !this.#suspended) {
      this.#suspended = true;
      for (const slot of this.#lossOrder()) {
        if (visible(slot) && slot.state === 'started') this.#act(slot, 'suspend');
      }
    }
    if (state !== 'suspend' && this.#suspended) {
      this.#suspended = false;
      for (const slot of this.#lossOrder().reverse()) {
        if (visible(slot) && (slot.state === 'suspended' || slot.state === 'started')) {
          this.#act(slot, 'resume');
        }
      }
    }
  }

  /** Starts or stops everything that the graph allows now. */
  #advance(): void {
    if (this.#phase === 'starting') this.#startWhatMay();
    if (this.#phase === 'stopping') this.#stopWhatMay();
    if (this.#phase === 'killing') this.#killWhatMay();
    const ending = this.#phase === 'stopping' || this.#phase === 'killing';
    if (ending && this.#slots.every((slot) => slot.state === 'stopped' || this.#givenUp(slot))) {
      this.#down();
    }
  }

  #startWhatMay(): void {
    for (const slot of this.#slots) {
      if (!slot.prepared && slot.state === 'stopped' && this.#needs(slot, (n) => n.prepared)) {
        this.#act(slot, 'prepare');
      }
      const idle = slot.state === 'prepared' || (slot.prepared && slot.state === 'stopped');
      if (!idle || !this.#needs(slot, (need) => need.state === 'started')) continue;
      if (visible(slot) && !this.#mayShow()) continue;
      this.#act(slot, 'start');
    }
  }

  #mayShow(): boolean {
    return this.#leaseValid && !this.#suspended && this.#mayBeSeen;
  }

  #stopWhatMay(): void {
    for (const slot of this.#slots) {
      if (slot.state === 'stopped' || slot.state === 'stopping' || slot.state === 'starting') {
        continue;
      }
      if (slot.state === 'preparing') continue;
      const dependents = this.#slots.filter((other) =>
        other.definition.needs.includes(slot.definition.name),
      );
      if (dependents.every((other) => other.state === 'stopped')) this.#act(slot, 'stop');
    }
  }

  /** Addresses, then applications, then mounts; a later rank waits until the earlier one is down. */
  #killWhatMay(): void {
    for (const slot of this.#lossOrder()) {
      const rank = LOSS_RANK[slot.class];
      const earlier = this.#slots.filter((other) => LOSS_RANK[other.class] < rank);
      // Application and address go at the same moment: neither helps the other to come down.
      const ready =
        rank <= 1 || earlier.every((other) => other.state === 'stopped' || this.#givenUp(other));
      if (!ready || slot.state === 'killing' || slot.state === 'stopped') continue;
      if (this.#givenUp(slot)) continue;
      this.#act(slot, 'kill');
    }
  }

  #kill(code: string, detail: string): void {
    if (this.#phase === 'killing' || this.#phase === 'down') return;
    this.#ending = { code, detail };
    this.#clean = false;
    // `stopped` may hide something half-made; everything that was ever touched is killed.
    for (const slot of this.#slots) {
      if (slot.state === 'stopped' && !this.#touched.has(slot)) continue;
      if (slot.state === 'stopped') slot.state = 'failed';
    }
    this.#enter('killing', `${code}: ${detail}`);
  }

  #down(): void {
    this.#enter('down', this.#ending?.code ?? '');
    this.#effects.push({ kind: 'lease', verb: 'end' });
    // `stopped` comes first: with it in the log the next owner need not wait for this lease.
    const visibleDown = this.#slots.every((slot) => !visible(slot) || slot.state === 'stopped');
    if (visibleDown) this.#propose('stopped', {});
    const failed = this.#ending;
    const code = failed?.code;
    if (failed !== null && code !== 'SUPERSEDED' && code !== 'LEASE_LOST') {
      this.#propose('takeover-failed', { code: failed.code, detail: failed.detail });
    }
  }

  #propose(
    kind: 'fenced' | 'serving' | 'stopped' | 'takeover-failed',
    facts: {
      readonly disk?: string;
      readonly stamps?: readonly PhaseStamp[];
      readonly code?: string;
      readonly detail?: string;
    },
  ): void {
    const guard = { group: this.group, expectedEpoch: this.epoch, node: this.#options.node };
    const command: Command =
      kind === 'fenced'
        ? { kind, ...guard, disk: facts.disk ?? '' }
        : kind === 'serving'
          ? { kind, ...guard, stamps: facts.stamps ?? [] }
          : kind === 'stopped'
            ? { kind, ...guard, clean: this.#clean, proof: 'owner', secret: null }
            : { kind, ...guard, code: facts.code ?? '', detail: facts.detail ?? '' };
    this.#effects.push({ kind: 'propose', command });
  }

  readonly #touched = new Set<Slot>();

  #act(slot: Slot, verb: ActionVerb): void {
    const next: Readonly<Record<ActionVerb, RunResourceState>> = {
      prepare: 'preparing',
      start: 'starting',
      stop: 'stopping',
      kill: 'killing',
      suspend: slot.state,
      resume: slot.state,
    };
    if (verb === 'stop' || verb === 'kill') {
      this.#effects.push({ kind: 'unwatch', resource: slot.definition.name });
    }
    this.#touched.add(slot);
    slot.state = next[verb];
    const { startTimeoutMs, stopTimeoutMs } = slot.definition;
    const timeoutMs =
      verb === 'prepare' || verb === 'start'
        ? startTimeoutMs
        : verb === 'stop'
          ? stopTimeoutMs
          : this.#options.killTimeoutMs;
    this.#effects.push({ kind: 'act', resource: slot.definition.name, verb, timeoutMs });
  }

  #enter(phase: RunPhase, detail: string): void {
    this.#phase = phase;
    this.#effects.push({ kind: 'state', phase, detail });
  }

  #stamp(slot: Slot, end: ActionEnd): void {
    const { node, incarnation } = this.#options;
    const add = (phase: Phase, startedMs: Millis, endedMs: Millis): void => {
      this.#stamps.push({ phase, node, incarnation, startedMs, durationMs: endedMs - startedMs });
    };
    if (slot.class === 'disk') add('fence', end.startedMs, end.endedMs);
    else if (slot.class === 'mount') add('mount', end.startedMs, end.endedMs);
    else if (slot.class === 'address') add('address', end.startedMs, end.endedMs);
    else {
      const spawned = end.spawnedMs ?? end.endedMs;
      add('application', end.startedMs, spawned);
      add('serve', spawned, end.endedMs);
    }
  }

  #givenUp(slot: Slot): boolean {
    return slot.state === 'failed' && slot.failures >= MAX_KILLS;
  }

  #needs(slot: Slot, holds: (need: Slot) => boolean): boolean {
    return slot.definition.needs.every((name) => holds(this.#slot(name)));
  }

  #lossOrder(): Slot[] {
    return [...this.#slots].sort((a, b) => LOSS_RANK[a.class] - LOSS_RANK[b.class]);
  }

  #slot(name: string): Slot {
    const slot = this.#slots.find((candidate) => candidate.definition.name === name);
    assert(slot !== undefined, `group ${this.group} has no resource ${name}`);
    return slot;
  }
}

function visible(slot: Slot): boolean {
  return slot.class === 'address' || slot.class === 'application';
}
