/**
 * The driver: the one place where events of every kind meet the pure parts, and where their effects
 * are handed to the world. It decides nothing itself; which part decides what stands in the layers
 * below (raft: order, membership: who lives, failover: who owns, group-run: what starts).
 *
 * Every step is synchronous. What takes time is begun here and comes back as an event.
 */
import type { Applied } from '../cluster/apply.ts';
import type { Command, CommandEnvelope } from '../cluster/command.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { NodeConfig } from '../config/types.ts';
import type { ControlMessage } from '../failover/control.ts';
import type { Millis } from '../lib/ids.ts';
import type { MeshEvent } from '../mesh/mesh.ts';
import { RaftCore } from '../raft/core.ts';
import { admissionsIn } from './admission.ts';
import { Detection } from './detection.ts';
import type { DriverOptions } from './driver-options.ts';
import { Exchange } from './exchange.ts';
import { FitnessCheck } from './fitness.ts';
import { LastWords } from './last-words.ts';
import { Leader } from './leader.ts';
import { LocalGroups } from './local-groups.ts';
import { Members } from './members.ts';
import type { NodeEvent } from './node-event.ts';
import { type Leadership, RaftLoop } from './raft-loop.ts';
import { bootstrapConfiguration, raftOptions } from './raft-options.ts';
import { Reactor } from './reactor.ts';
import { Replica } from './replica.ts';
import type { World } from './world.ts';

const DRAIN_ROUNDS = 3;

export class Driver {
  readonly config: NodeConfig;
  readonly replica: Replica;
  readonly raft: RaftLoop;
  readonly groups: LocalGroups;
  readonly leader: Leader;
  readonly detection: Detection;
  readonly members: Members;
  readonly #options: DriverOptions;
  readonly #world: World;
  readonly #reactor: Reactor;
  readonly #exchange: Exchange;
  readonly #fitnessCheck: FitnessCheck;
  readonly #lastWords: LastWords;
  /** The core is there and can be asked. */
  #ready = false;
  /** A snapshot of the leader took the place of what we had. */
  #stateReplaced = false;

  constructor(options: DriverOptions) {
    const { config, world, incarnation, restored } = options;
    const now = world.clock.now();
    this.#options = options;
    this.config = config;
    this.#world = world;
    this.replica = new Replica({
      applied: (...what) => this.#applied(...what),
      ...(options.compactEvery === undefined ? {} : { compactEvery: options.compactEvery }),
    });
    const snapshot = restored.snapshot;
    if (snapshot !== null) this.replica.restore(snapshot.meta, snapshot.state);
    this.members = this.#membersPart();
    const rank = (): number => this.members.rank();
    const first = bootstrapConfiguration(config);
    const core = RaftCore.restore(raftOptions(config, rank), restored, first, now, world.random);
    this.raft = this.#raftLoop(core, now);
    this.#ready = true;
    this.#exchange = new Exchange({
      ...config.times,
      self: config.node,
      incarnation,
      leader: () => this.raft.leader,
      appliedIndex: () => this.replica.appliedIndex,
      step: (event) => this.#step(event),
      gather: (event) => this.raft.gather(event),
      takeGathered: () => this.raft.takeGathered(world.clock.now()),
      send: (message) => this.#sendControl(message),
      now: () => world.clock.now(),
      refuses: (command, forwarded) => this.leader.refuses(command, forwarded),
    });
    this.groups = this.#localGroups();
    this.leader = this.#leaderPart();
    this.detection = this.#detectionPart();
    this.#lastWords = new LastWords({
      clusterId: config.clusterId,
      state: () => this.replica.state,
      submit: (command, settled) =>
        this.submit(command, world.clock.now() + config.times.leaseMs * 4, settled),
    });
    this.#fitnessCheck = new FitnessCheck({
      config,
      world,
      state: () => this.replica.state,
      runsHere: (group) => this.groups.owned(group) !== undefined,
      busy: (group) => this.groups.busy(group),
      report: (fitness) => this.post({ kind: 'fitness', fitness }),
    });
    this.#reactor = new Reactor({
      clock: world.clock,
      handle: (event, at) => this.#handle(event, at),
      settle: (at) => this.#settle(at),
      due: (at) => this.#due(at),
      nextDeadlineMs: () => this.#nextDeadlineMs(),
      lateMs: Math.max(20, config.times.heartbeatMs / 2),
      drainRounds: DRAIN_ROUNDS,
      crash: options.crash,
    });
  }

  start(): void {
    this.#world.mesh.events((event) => this.post({ kind: 'mesh', event }));
    this.#world.guardian.onExit(() => this.post({ kind: 'guardian-exit' }));
    this.members.refresh();
    this.#reactor.start();
    this.#exchange.reads.begin(Infinity, () => this.groups.confirmed(this.#world.clock.now()));
    this.#fitnessCheck.run().catch(this.#options.crash);
  }

  stop(): void {
    this.#fitnessCheck.stop();
    this.groups.stop();
    this.#reactor.stop();
  }

  post(event: NodeEvent): void {
    this.#reactor.post(event);
  }

  /** Runs inside the loop, so that it sees and changes one consistent state. */
  request(name: string, run: () => void): void {
    this.post({ kind: 'request', name, run });
  }

  submit(command: Command, deadlineMs: Millis, settled?: (outcome: Applied | null) => void): void {
    this.#exchange.proposals.submit(command, deadlineMs, settled);
  }

  read(deadlineMs: Millis, settled: (current: boolean) => void): void {
    this.#exchange.reads.begin(deadlineMs, settled);
  }

  /** Nothing that this node has to tell the cluster is still on its way. */
  get quiet(): boolean {
    return this.#exchange.proposals.idle;
  }

  #membersPart(): Members {
    return new Members({
      config: this.config,
      state: () => this.replica.state,
      raft: () => (this.#ready ? this.raft.core.membership() : null),
      logged: admissionsIn(this.#options.restored.entries),
      changed: ({ members, guests, configuration }) => {
        this.#world.mesh.admit(members, guests);
        if (configuration !== null) this.#options.news({ kind: 'configuration', configuration });
        const peers = this.members.peers();
        this.detection.step({ kind: 'peers', peers }, this.#world.clock.now());
      },
    });
  }

  #raftLoop(core: RaftCore, now: Millis): RaftLoop {
    const { log, random, mesh } = this.#world;
    return new RaftLoop(core, {
      log,
      random,
      now,
      checkQuorumMs: this.config.times.checkQuorumMs,
      hooks: {
        send: (message) => mesh.sendRaft(message),
        post: (event) => this.post(event),
        restore: (meta, state) => {
          this.replica.restore(meta, state);
          this.#stateReplaced = true;
        },
        apply: (entries) => {
          this.replica.apply(entries);
          const snapshot = this.replica.snapshot((index) => this.raft.core.snapshotMeta(index));
          if (snapshot !== null) this.raft.compact(snapshot.meta, snapshot.state);
        },
        read: (readId, index) => {
          if (!this.#exchange.reads.confirmed(readId, index)) this.leader.desk.confirmed(readId);
        },
        readRejected: (readId) => {
          if (!this.#exchange.reads.rejected(readId)) this.leader.desk.rejected(readId);
        },
        rejected: (proposalId, code) => this.#exchange.proposals.rejectedByCore(proposalId, code),
        leadership: (change, at) => this.#leadership(change, at),
      },
    });
  }

  #localGroups(): LocalGroups {
    const { config, incarnation } = { config: this.config, incarnation: this.#options.incarnation };
    return new LocalGroups({
      config,
      world: this.#world,
      incarnation,
      state: () => this.replica.state,
      post: (event) => this.post(event),
      propose: (command, settled) => this.submit(command, Infinity, settled),
      requestLease: (group, epoch, requestId) => {
        const to = this.raft.leader;
        if (to === null) return;
        const from = config.node;
        this.#sendControl({ kind: 'lease-request', from, to, group, epoch, requestId });
      },
      changed: (group, epoch, state, detail) => {
        if (state === 'down') this.#fitnessCheck.again();
        this.#options.news({ kind: 'local', group, epoch, state, detail });
      },
    });
  }

  #leaderPart(): Leader {
    return new Leader({
      config: this.config,
      incarnation: this.#options.incarnation,
      state: () => this.replica.state,
      raft: () => this.raft,
      appliedTerm: () => this.replica.appliedTerm,
      view: (now) => this.detection.viewWithSelf(now),
      send: (message) => this.#sendControl(message),
      submit: (...what) => this.#exchange.proposals.submitBound(...what),
      world: this.#world,
    });
  }

  #detectionPart(): Detection {
    return new Detection({
      config: this.config,
      world: this.#world,
      incarnation: this.#options.incarnation,
      peers: () => this.members.peers(),
      post: (event) => this.post(event),
      mayOffer: () => this.groups.ready && !this.groups.leaving && !this.members.removed,
      groups: () => this.groups.groups(),
      linkChanged: (node, over, state) => this.#options.news({ kind: 'link', node, over, state }),
      nodeChanged: ({ node, state, proof }) => {
        this.#world.logger.info(`node ${node} is ${state}`, { proof });
        if (proof && node === this.raft.leader) this.#step({ kind: 'forget-leader' });
        this.leader.wake();
      },
      paused: (byMs) => {
        this.#world.logger.warn('this machine was paused', { byMs: Math.round(byMs) });
        this.groups.voidLeases('paused', this.#world.clock.now());
      },
    });
  }

  /** To ourselves a message does not travel: it comes back as an event. */
  #sendControl(message: ControlMessage): void {
    if (message.to === this.config.node)
      this.post({ kind: 'mesh', event: { kind: 'control', message } });
    else this.#world.mesh.sendControl(message);
  }

  #step(event: Parameters<RaftLoop['step']>[0]): void {
    this.raft.step(event, this.#world.clock.now());
  }

  #handle(event: NodeEvent, now: Millis): void {
    this.#world.record(event);
    switch (event.kind) {
      case 'mesh':
        this.#mesh(event.event, now);
        break;
      case 'durable':
        this.raft.durable(event.mark, now);
        break;
      case 'compacted':
        this.raft.step({ kind: 'compacted', meta: event.meta, state: event.state }, now);
        break;
      case 'log-failed':
        this.#world.logger.error('the log cannot be written', { detail: event.detail });
        this.raft.step({ kind: 'disk-stalled', sinceMs: now }, now);
        this.#options.crash(new Error(event.detail));
        break;
      case 'probe-done':
        this.detection.step({ ...event, kind: 'probe' }, now);
        break;
      case 'fitness':
        this.detection.verified(event.fitness);
        break;
      case 'evidence':
        this.#lastWords.heard(event.evidence);
        break;
      case 'request':
        event.run();
        break;
      case 'woke-late':
        this.#wokeLate(event.byMs, now);
        break;
      default:
        this.groups.handle(event, now);
    }
  }

  #mesh(event: MeshEvent, now: Millis): void {
    switch (event.kind) {
      case 'raft':
        this.raft.gather({ kind: 'message', message: event.message });
        break;
      case 'control':
        this.#control(event.message, now);
        break;
      case 'heartbeat':
      case 'link':
        this.detection.step(event, now);
        break;
      case 'refusal':
        this.#world.logger.warn('refused', { code: event.code, detail: event.detail });
        if (event.code === 'REMOVED') this.members.toldRemoved();
        break;
    }
  }

  #control(message: ControlMessage, now: Millis): void {
    switch (message.kind) {
      case 'lease-request': {
        const readId = this.leader.desk.request(message, now, () => this.#exchange.reads.nextId());
        if (readId !== null) this.raft.step({ kind: 'read', readId }, now);
        break;
      }
      case 'lease-grant':
      case 'lease-refused':
        this.groups.lease(message, now);
        break;
      default:
        this.#exchange.take(message, now);
    }
  }

  #wokeLate(byMs: Millis, now: Millis): void {
    this.groups.due(now);
    this.detection.wokeLate(byMs, now);
    if (byMs > this.config.times.leaseRenewMs) this.groups.voidLeases('woke late', now);
  }

  #leadership(change: Leadership, now: Millis): void {
    this.leader.leadership(change, now);
    this.#exchange.leaderChanged();
    this.#options.news({ kind: 'leadership', leader: change.leader, term: change.term });
  }

  #applied(envelope: CommandEnvelope, outcome: Applied, before: ClusterState): void {
    const after = this.replica.state;
    const now = this.#world.clock.now();
    if (after !== before) this.leader.applied(envelope, before, after, now);
    this.#exchange.applied(envelope, outcome);
    if (!outcome.ok && envelope.origin === this.config.node) {
      const { kind } = envelope.command;
      const { code, detail } = outcome;
      this.#world.logger.info('a command was refused', { kind, code, detail });
    }
    if (after === before) return;
    this.#fitnessCheck.applied(before, after);
    this.groups.reconcile(now);
    this.#options.news({ kind: 'applied', before, after });
  }

  /** At the end of every turn: what was collected leaves, and what became possible is done. */
  #settle(now: Millis): void {
    this.raft.takeGathered(now);
    this.#exchange.settleLeader();
    if (this.#stateReplaced) {
      this.#stateReplaced = false;
      this.#exchange.proposals.restored();
      this.groups.reconcile(now);
    }
    if (this.members.refresh()) this.leader.wake();
    if (this.members.removed) this.groups.stopAll(now);
    this.leader.plan(now);
    this.#exchange.flush(now);
  }

  #due(now: Millis): void {
    this.groups.due(now);
    this.detection.due(now);
    this.raft.due(now);
    this.leader.due(now);
  }

  #nextDeadlineMs(): Millis {
    return Math.min(
      this.raft.nextDeadlineMs,
      this.groups.nextDeadlineMs,
      this.detection.nextDeadlineMs,
      this.leader.nextDeadlineMs,
      this.#exchange.nextDeadlineMs,
    );
  }
}
