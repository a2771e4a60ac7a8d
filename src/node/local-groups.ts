/**
 * The owner's side: compares what is committed with what runs here and brings the two together.
 *
 * A group runs here only because of an `assign` that was committed during this life of the daemon.
 * What an earlier life was given is not taken up again: nobody can know what that life left behind,
 * so it is given back (`takeover-failed`, OWNER_RESTARTED) and comes again under a new epoch.
 *
 * It does not choose owners and does not judge whether the cluster is right to take a group away.
 */
import type { Applied } from '../cluster/apply.ts';
import { wasClean } from '../cluster/apply-evidence.ts';
import type { Command } from '../cluster/command.ts';
import { resolveParameters } from '../cluster/parameters.ts';
import { inMaintenance } from '../cluster/queries.ts';
import type { ClusterState, GroupState } from '../cluster/state.ts';
import type { NodeConfig } from '../config/types.ts';
import type { ControlMessage } from '../failover/control.ts';
import type { RunEffect } from '../failover/run-types.ts';
import { known } from '../lib/assert.ts';
import type { Epoch, GroupId, Millis, NodeId } from '../lib/ids.ts';
import { sha256Hex } from '../lib/sha256.ts';
import type { LocalGroup } from '../membership/heartbeat.ts';
import { type Outcome, RESOURCE_CLASSES } from '../resources/agent.ts';
import { Executor } from './executor.ts';
import type { NodeEvent } from './node-event.ts';
import { OwnedGroup } from './owned-group.ts';
import { Watcher } from './watcher.ts';
import type { World } from './world.ts';

export type LocalGroupsOptions = {
  readonly config: NodeConfig;
  readonly world: World;
  readonly incarnation: number;
  readonly state: () => ClusterState;
  readonly post: (event: NodeEvent) => void;
  readonly propose: (command: Command, settled?: (outcome: Applied | null) => void) => void;
  readonly requestLease: (group: GroupId, epoch: Epoch, requestId: number) => void;
  readonly changed: (group: GroupId, epoch: Epoch, state: string, detail: string) => void;
};

export class LocalGroups {
  readonly #options: LocalGroupsOptions;
  readonly #owned = new Map<GroupId, OwnedGroup>();
  readonly #executor: Executor;
  readonly #watcher: Watcher;
  /** Epochs up to here belong to an earlier life; null until a quorum has told how far that goes. */
  #earlierLife: Epoch | null = null;
  /** The newest epoch that ran here, for each group: an epoch runs once. */
  readonly #ran = new Map<GroupId, Epoch>();
  #guardianRequest = 0;
  #leaving = false;

  constructor(options: LocalGroupsOptions) {
    this.#options = options;
    const { clock, agents, isLoaded } = options.world;
    this.#executor = new Executor({
      clock,
      agents,
      newestEpoch: (group) => options.state().groups[group]?.epoch ?? 0,
      acceptOldEpochs: options.config.sabotage.includes('epoch'),
      done: ({ group, epoch, definition, verb }, end) =>
        options.post({ kind: 'action-done', group, epoch, resource: definition.name, verb, end }),
    });
    this.#watcher = new Watcher({
      clock,
      agents,
      broken: ({ group, definition, context }, code, detail) => {
        const { epoch } = context;
        options.post({ kind: 'broken', group, epoch, resource: definition.name, code, detail });
      },
      degraded: ({ group, definition, context }, outcome) => {
        const word = outcome === null ? 'well' : 'degraded';
        const why = outcome === null ? '' : `: ${outcome.code ?? outcome.status} ${outcome.detail}`;
        options.changed(group, context.epoch, word, `${definition.name}${why}`);
      },
      ...(isLoaded === undefined ? {} : { isLoaded }),
    });
  }

  get ready(): boolean {
    return this.#earlierLife !== null;
  }

  /** The daemon ends: nothing is to be given to this node any more. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** Something of an earlier epoch is still being made here, although nobody wants it. */
  busy(group: GroupId): boolean {
    return this.#executor.busy(group);
  }

  /** What is not as it should be with a resource that runs here. */
  degraded(group: GroupId, resource: string): Outcome | null {
    return this.#watcher.degraded(group, resource);
  }

  get idle(): boolean {
    return this.#owned.size === 0;
  }

  owned(group: GroupId): OwnedGroup | undefined {
    return this.#owned.get(group);
  }

  groups(): readonly LocalGroup[] {
    return [...this.#owned.values()].map(({ run }) => ({
      group: run.group,
      epoch: run.epoch,
      state: localState(run.phase, run.suspended),
    }));
  }

  get nextDeadlineMs(): Millis {
    let next: Millis = Infinity;
    for (const owned of this.#owned.values()) next = Math.min(next, owned.nextDeadlineMs);
    return next;
  }

  due(now: Millis): void {
    for (const owned of [...this.#owned.values()]) owned.due(now);
    this.#drop();
  }

  /** A quorum has confirmed what is committed: everything up to here was given to an earlier life. */
  confirmed(now: Millis): void {
    if (this.#earlierLife !== null) return;
    const state = this.#options.state();
    this.#earlierLife = state.lastEpoch;
    for (const group of Object.values(state.groups)) {
      if (group.owner !== this.#options.config.node || group.epoch === 0) continue;
      this.#options.propose({
        kind: 'takeover-failed',
        group: group.definition.group,
        expectedEpoch: group.epoch,
        node: this.#options.config.node,
        code: 'OWNER_RESTARTED',
        detail: 'the daemon was started anew',
      });
    }
    this.reconcile(now);
  }

  reconcile(now: Millis): void {
    const { groups } = this.#options.state();
    for (const owned of [...this.#owned.values()]) {
      const group = groups[owned.run.group];
      if (this.#stillOurs(owned, group)) {
        if (group !== undefined) owned.pause(pausedIn(this.#options.state(), group), now);
        if (group?.phase === 'releasing') owned.step({ kind: 'stop' }, now);
        else if (predecessorsDown(owned, group)) owned.step({ kind: 'predecessors-down' }, now);
      } else owned.step({ kind: 'superseded' }, now);
    }
    this.#drop();
    if (this.#earlierLife === null || this.#leaving) return;
    for (const group of Object.values(groups)) this.#begin(group, this.#earlierLife, now);
  }

  /** The daemon is asked to end: everything is stopped in order, and `stopped` is proposed. */
  leave(now: Millis): void {
    this.#leaving = true;
    for (const owned of [...this.#owned.values()]) owned.step({ kind: 'stop' }, now);
    this.#drop();
  }

  /** This node is no member any more: nothing of it may be seen, whatever it believes to own. */
  stopAll(now: Millis): void {
    if (this.#owned.size === 0) return;
    for (const owned of [...this.#owned.values()]) owned.step({ kind: 'superseded' }, now);
    this.#drop();
  }

  lease(message: ControlMessage, now: Millis): void {
    if (message.kind !== 'lease-grant' && message.kind !== 'lease-refused') return;
    const owned = this.#of(message.group, message.epoch);
    const { requestId } = message;
    if (message.kind === 'lease-grant') owned?.lease({ kind: 'granted', requestId }, now);
    else if (message.code !== 'NOT_LEADER') {
      owned?.lease({ kind: 'refused', requestId, newestEpoch: message.newestEpoch }, now);
    }
  }

  /** We were paused, or all our connections went at once: no lease counts before it is read anew. */
  voidLeases(cause: string, now: Millis): void {
    for (const owned of this.#owned.values()) owned.lease({ kind: 'void', cause }, now);
  }

  handle(event: NodeEvent, now: Millis): void {
    switch (event.kind) {
      case 'action-done': {
        const { resource, verb, end } = event;
        this.#of(event.group, event.epoch)?.step({ kind: 'action-done', resource, verb, end }, now);
        break;
      }
      case 'broken': {
        const { resource, code, detail } = event;
        this.#of(event.group, event.epoch)?.step({ kind: 'broken', resource, code, detail }, now);
        break;
      }
      case 'guardian-exit':
        for (const owned of this.#owned.values()) owned.rearm();
        break;
      case 'guardian':
        if (event.message.kind === 'armed') {
          const { requestId } = event.message;
          for (const owned of this.#owned.values()) if (owned.acknowledged(requestId, now)) break;
        } else if (event.message.kind === 'torn-down') {
          const owned = this.#of(event.message.group, event.message.epoch);
          owned?.step({ kind: 'lease', state: 'lost' }, now);
        }
        break;
      default:
        break;
    }
    this.#drop();
  }

  stop(): void {
    this.#watcher.stop();
  }

  #stillOurs(owned: OwnedGroup, group: GroupState | undefined): boolean {
    return group?.owner === this.#options.config.node && group.epoch === owned.run.epoch;
  }

  #begin(group: GroupState, earlierLife: Epoch, now: Millis): void {
    const { config, world } = this.#options;
    const name = group.definition.group;
    if (group.owner !== config.node || group.epoch <= earlierLife) return;
    if (group.phase !== 'taking-over' || this.#owned.has(name)) return;
    if (group.epoch <= (this.#ran.get(name) ?? 0)) return;
    this.#ran.set(name, group.epoch);
    const secret = world.secret();
    const owned = new OwnedGroup(this.#optionsFor(group, secret, now), now);
    this.#owned.set(name, owned);
    const secretHash = sha256Hex(new TextEncoder().encode(secret));
    const guard = { group: name, expectedEpoch: group.epoch, node: config.node };
    this.#options.propose({ kind: 'pledge', ...guard, secretHash });
    owned.pause(pausedIn(this.#options.state(), group), now);
    owned.step({ kind: 'begin' }, now);
  }

  #optionsFor(
    group: GroupState,
    secret: string,
    now: Millis,
  ): ConstructorParameters<typeof OwnedGroup>[0] {
    const { config, world, incarnation, state, requestLease } = this.#options;
    const name = group.definition.group;
    const definition = {
      ...group.definition,
      resources: group.definition.resources.map((r) => resolveParameters(r, config.node)),
    };
    const context = {
      group: name,
      node: config.node,
      nodeNumber: numberOf(state(), config.node),
      clusterId: config.clusterId,
      epoch: group.epoch,
      reason: group.reason,
      previousOwner: group.previousOwner,
      clean: leftClean(state(), group),
      resources: definition.resources,
      predecessorFenced: predecessorFenced(state(), group),
      predecessor: assignedBefore(state(), group)?.epoch,
      lastEpoch: state().lastEpoch,
    };
    return {
      definition,
      context,
      incarnation,
      times: config.times,
      visibleFromMs: now + group.leaseRemainderMs,
      secret,
      agents: world.agents,
      classOf: (resource) => RESOURCE_CLASSES[resource.type] ?? 'application',
      publishTo: Object.values(state().members).flatMap(({ member }) =>
        Object.values(member.addresses),
      ),
      guardian: world.guardian,
      nextGuardianRequest: () => ++this.#guardianRequest,
      requestLease: (requestId) => requestLease(name, group.epoch, requestId),
      effect: (owned, effect) => this.#effect(owned, effect),
      sabotage: {
        // Behind the epoch stands the lease, and would hide that the epoch is missing.
        lease: config.sabotage.includes('lease') || config.sabotage.includes('epoch'),
        guardian: config.sabotage.includes('guardian'),
        epoch: config.sabotage.includes('epoch'),
      },
    };
  }

  #effect(owned: OwnedGroup, effect: Exclude<RunEffect, { kind: 'lease' }>): void {
    const { group, epoch } = owned.run;
    switch (effect.kind) {
      case 'act': {
        const { verb, timeoutMs } = effect;
        const definition = owned.resource(effect.resource);
        const context = owned.context;
        this.#executor.perform({ group, epoch, definition, verb, timeoutMs, context });
        break;
      }
      case 'watch': {
        const definition = owned.resource(effect.resource);
        this.#watcher.watch({ group, definition, context: owned.context });
        break;
      }
      case 'unwatch':
        this.#watcher.unwatch(group, effect.resource);
        break;
      case 'propose':
        this.#options.propose(effect.command);
        break;
      case 'self-fence':
        this.#options.world.selfFence(effect.cause);
        break;
      case 'state':
        this.#options.changed(group, epoch, effect.phase, effect.detail);
        break;
    }
  }

  /** A run that is down has said so; the next epoch may begin. */
  #drop(): void {
    for (const [name, owned] of this.#owned) {
      if (owned.run.phase !== 'down') continue;
      this.#owned.delete(name);
      const run = (): void => this.reconcile(this.#options.world.clock.now());
      this.#options.post({ kind: 'request', name: 'reconcile', run });
    }
  }

  #of(group: GroupId, epoch: Epoch): OwnedGroup | undefined {
    const owned = this.#owned.get(group);
    return owned?.run.epoch === epoch ? owned : undefined;
  }
}

/** By the same rule as the leader's own: nothing unfinished, nothing to wait for. */
function predecessorsDown({ run }: OwnedGroup, group: GroupState | undefined): boolean {
  if (group === undefined || run.phase !== 'starting') return false;
  return group.unfinished.every(({ epoch }) => epoch >= run.epoch);
}

/** Maintenance of the group, its owner or the cluster is maintenance of all its resources. */
function pausedIn(state: ClusterState, group: GroupState): readonly string[] {
  if (!inMaintenance(state, group)) return group.paused ?? [];
  return group.definition.resources.map(({ name }) => name);
}

function localState(phase: string, suspended: boolean): LocalGroup['state'] {
  if (phase === 'serving') return suspended ? 'frozen' : 'serving';
  if (phase === 'starting') return 'starting';
  return phase === 'down' ? 'stopped' : 'stopping';
}

function numberOf(state: ClusterState, node: NodeId): number {
  return known(state.members[node], `member ${node}`).member.number;
}

/** Whether the takeover of every disk by the epoch before this one was verified and committed. */
function predecessorFenced(state: ClusterState, group: GroupState): boolean {
  const before = assignedBefore(state, group);
  if (before === undefined) return false;
  const disks = group.definition.resources.filter((resource) => resource.type === 'disk');
  return disks.every((disk) => (group.fencedEpoch[disk.name] ?? 0) >= before.epoch);
}

/** Whether the owner before this one stopped everything in order; null where the history is too short. */
function leftClean(state: ClusterState, group: GroupState): boolean | null {
  const before = assignedBefore(state, group);
  // Nobody had it before: there is nothing half-written.
  if (before === undefined) return group.previousOwner === null ? true : null;
  const { group: name } = group.definition;
  const end = state.history.findLast(
    (entry) => entry.event === 'stopped' && entry.group === name && entry.epoch === before.epoch,
  );
  return end !== undefined && wasClean(end);
}

function assignedBefore(
  state: ClusterState,
  group: GroupState,
): ClusterState['history'][number] | undefined {
  const name = group.definition.group;
  return state.history.findLast(
    (entry) => entry.event === 'assigned' && entry.group === name && entry.epoch < group.epoch,
  );
}
