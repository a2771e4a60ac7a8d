/**
 * One group that this node owns in one epoch: the run (what starts and stops), the lease (until
 * when it may be seen), and the guardian's instructions (what is undone when this process cannot).
 *
 * Order matters here: what the guardian must undo is told *before* it is done, a lease counts only
 * when the guardian has acknowledged its end, and a suspension that succeeded buys the time between
 * soft and hard expiry (DESIGN §7).
 */
import type { GroupDefinition, ResourceDefinition } from '../cluster/definition.ts';
import { policyOf } from '../cluster/policy.ts';
import type { Times } from '../config/types.ts';
import { GroupRun } from '../failover/group-run.ts';
import type { RunClass, RunEffect, RunEvent } from '../failover/run-types.ts';
import { killTimeoutMs } from '../failover/stop-budget.ts';
import type { ToGuardian } from '../guardian/messages.ts';
import { known } from '../lib/assert.ts';
import type { Millis } from '../lib/ids.ts';
import { type LeaseEffect, type LeaseEvent, OwnerLease } from '../membership/owner-lease.ts';
import type { ActionContext, ResourceAgent } from '../resources/agent.ts';
import type { Teardown } from '../system/teardown.ts';

export type OwnedGroupOptions = {
  readonly definition: GroupDefinition;
  readonly context: Omit<ActionContext, 'signal'>;
  readonly incarnation: number;
  readonly times: Times;
  readonly visibleFromMs: Millis;
  readonly secret: string;
  readonly agents: ReadonlyMap<string, ResourceAgent>;
  readonly classOf: (resource: ResourceDefinition) => RunClass;
  readonly publishTo: readonly string[];
  readonly guardian: { send(message: ToGuardian): void };
  readonly nextGuardianRequest: () => number;
  readonly requestLease: (requestId: number) => void;
  readonly effect: (group: OwnedGroup, effect: Exclude<RunEffect, { kind: 'lease' }>) => void;
  /** Test only. */
  readonly sabotage: {
    readonly lease: boolean;
    readonly guardian: boolean;
    readonly epoch: boolean;
  };
};

type Armed = { readonly serveUntilMs: Millis; readonly downByMs: Millis };

/** Addresses first, then applications, then mounts: what clients see goes first. */
const TEARDOWN_ORDER: readonly RunClass[] = ['address', 'application', 'mount', 'disk'];
/** Before the first lease nothing is visible: only the end of this process calls for a teardown. */
const UNLEASED_MS = 86_400_000;

export class OwnedGroup {
  readonly run: GroupRun;
  readonly #options: OwnedGroupOptions;
  readonly #lease: OwnerLease;
  /** Guardian's request id → the lease's request id; null for a change of the list only. */
  readonly #arming = new Map<number, number | null>();
  #armed: Armed | null = null;
  #leaseDeadlineMs: Millis = Infinity;
  #ended = false;
  /** The guardian was told, in this suspension, that it may wait until the hard expiry. */
  #extended = false;

  constructor(options: OwnedGroupOptions, now: Millis) {
    const { definition, context, times } = options;
    this.#options = options;
    this.run = new GroupRun({
      group: context.group,
      epoch: context.epoch,
      node: context.node,
      incarnation: options.incarnation,
      resources: definition.resources,
      classOf: options.classOf,
      visibleFromMs: options.visibleFromMs,
      restarts: policyOf(definition).restarts,
      killTimeoutMs: killTimeoutMs(times.teardownMs),
    });
    this.#lease = new OwnerLease(context.group, context.epoch, times, now);
  }

  get definition(): GroupDefinition {
    return this.#options.definition;
  }

  get context(): Omit<ActionContext, 'signal'> {
    return this.#options.context;
  }

  get nextDeadlineMs(): Millis {
    return Math.min(this.run.nextDeadlineMs, this.#ended ? Infinity : this.#leaseDeadlineMs);
  }

  remainingMs(now: Millis): Millis | null {
    return this.#ended ? null : this.#lease.remainingMs(now);
  }

  resource(name: string): ResourceDefinition {
    return known(
      this.definition.resources.find((candidate) => candidate.name === name),
      `resource ${name}`,
    );
  }

  /** By name, which resources are under maintenance now; nothing happens where nothing has changed. */
  pause(resources: readonly string[], now: Millis): void {
    const before = this.run.resources().flatMap(({ name, paused }) => (paused ? [name] : []));
    if (before.toSorted().join() === resources.toSorted().join()) return;
    this.step({ kind: 'paused', resources }, now);
  }

  step(event: RunEvent, now: Millis): void {
    if (this.#options.sabotage.epoch && tellsOfNewerEpoch(event)) return;
    for (const effect of this.run.step(event, now)) this.#perform(effect, now);
    this.#extend();
    // What started, early or not, has something to undo that was not known before (a pid, a device).
    const made =
      event.kind === 'action-done' && (event.verb === 'start' || event.verb === 'prepare');
    if (made) this.rearm();
  }

  lease(event: LeaseEvent, now: Millis): void {
    if (this.#ended) return;
    const { effects, nextDeadlineMs } = this.#lease.step(event, now);
    this.#leaseDeadlineMs = nextDeadlineMs;
    for (const effect of effects) this.#leaseEffect(effect, now);
  }

  due(now: Millis): void {
    if (!this.#ended && now >= this.#leaseDeadlineMs) this.lease({ kind: 'deadline' }, now);
    if (now >= this.run.nextDeadlineMs) this.step({ kind: 'deadline' }, now);
  }

  /** The guardian acknowledged; true when the request was one of ours. */
  acknowledged(requestId: number, now: Millis): boolean {
    const leaseRequest = this.#arming.get(requestId);
    if (leaseRequest === undefined) return false;
    this.#arming.delete(requestId);
    if (leaseRequest !== null) this.lease({ kind: 'armed', requestId: leaseRequest }, now);
    return true;
  }

  /** What is to be undone has changed, or there is a new guardian. */
  rearm(): void {
    if (this.#armed !== null && !this.#ended) this.#arm(this.#armed, null);
  }

  #leaseEffect(effect: LeaseEffect, now: Millis): void {
    const { sabotage } = this.#options;
    switch (effect.kind) {
      case 'request':
        this.#options.requestLease(effect.requestId);
        break;
      case 'arm':
        this.#arm(effect, effect.requestId);
        if (sabotage.guardian) this.lease({ kind: 'armed', requestId: effect.requestId }, now);
        break;
      case 'serve':
        this.step({ kind: 'lease', state: 'serve' }, now);
        break;
      case 'resume':
        this.step({ kind: 'lease', state: 'resume' }, now);
        break;
      case 'suspend':
        if (sabotage.lease) break;
        this.#extended = false;
        this.step({ kind: 'lease', state: 'suspend' }, now);
        break;
      case 'lost':
        if (!sabotage.lease) this.step({ kind: 'lease', state: 'lost' }, now);
        break;
    }
  }

  /** Everything visible is silent and still: the guardian may wait until the hard expiry. */
  #extend(): void {
    const { times } = this.#options;
    if (!this.run.suspended || !this.run.silent || this.#extended || this.#armed === null) return;
    this.#extended = true;
    const { serveUntilMs } = this.#armed;
    const downByMs = serveUntilMs + times.teardownMs + times.quorumLossGraceMs + times.teardownMs;
    this.#arm({ serveUntilMs, downByMs }, null);
  }

  #arm(until: Armed, leaseRequest: number | null): void {
    const { sabotage, context, secret, publishTo, guardian, nextGuardianRequest } = this.#options;
    this.#armed = { serveUntilMs: until.serveUntilMs, downByMs: until.downByMs };
    if (sabotage.guardian) return;
    const requestId = nextGuardianRequest();
    this.#arming.set(requestId, leaseRequest);
    const forever = sabotage.lease ? 3_600_000 : 0;
    const teardown = this.#teardown();
    guardian.send({
      kind: 'arm',
      requestId,
      group: context.group,
      epoch: context.epoch,
      serveUntilMs: until.serveUntilMs + forever,
      downByMs: until.downByMs + forever,
      addresses: addressesIn(teardown),
      teardown,
      secret,
      publishTo,
    });
  }

  #teardown(): readonly Teardown[] {
    const { agents, classOf, context } = this.#options;
    const signal = new AbortController().signal;
    return TEARDOWN_ORDER.flatMap((wanted) =>
      this.definition.resources
        .filter((resource) => classOf(resource) === wanted)
        .flatMap(
          (resource) => agents.get(resource.type)?.teardown(resource, { ...context, signal }) ?? [],
        ),
    );
  }

  #perform(effect: RunEffect, now: Millis): void {
    if (effect.kind === 'lease') {
      if (effect.verb === 'end') this.#end(now);
      else {
        // Mounts need no lease, but somebody must undo them should this process die before there is one.
        this.#arm({ serveUntilMs: now, downByMs: now + UNLEASED_MS }, null);
        this.lease({ kind: 'begin' }, now);
      }
      return;
    }
    this.#options.effect(this, effect);
  }

  #end(now: Millis): void {
    this.lease({ kind: 'end' }, now);
    this.#ended = true;
    const { group, epoch } = this.#options.context;
    const requestId = this.#options.nextGuardianRequest();
    this.#options.guardian.send({ kind: 'disarm', requestId, group, epoch });
  }
}

function addressesIn(teardown: readonly Teardown[]): readonly string[] {
  return teardown.flatMap((item) => (item.kind === 'block-address' ? [item.address] : []));
}

/** The log says so, or the newer key on the disk. */
function tellsOfNewerEpoch(event: RunEvent): boolean {
  return event.kind === 'superseded' || (event.kind === 'broken' && event.code === 'DISK_FENCED');
}
