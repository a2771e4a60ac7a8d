/**
 * What only the leader does: hands out leases, asks the planner what the cluster should do next, and
 * lets Raft's configuration follow the members that the operators want.
 * The planner is pure and is asked again after every step; this part keeps what it asks for from
 * being proposed twice, and closes a group's leases the moment its next owner is proposed.
 *
 * Leadership of Raft moves no group: a new leader only goes on planning from what is committed.
 */
import type { Applied } from '../cluster/apply.ts';
import type { Command, CommandEnvelope } from '../cluster/command.ts';
import { isTooNew, levelNeeded, levelOf } from '../cluster/level.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { NodeConfig } from '../config/types.ts';
import type { ControlMessage } from '../failover/control.ts';
import { endsLeases } from '../failover/decision.ts';
import { GroupAges } from '../failover/group-ages.ts';
import { LeaseLedger } from '../failover/lease-ledger.ts';
import { NodeAges } from '../failover/node-ages.ts';
import { canMove, type PlannerOutput, plan } from '../failover/planner.ts';
import { maxFitnessAgeMs } from '../failover/planner-input.ts';
import type { GroupId, Millis } from '../lib/ids.ts';
import type { PhaseStamp } from '../lib/phases.ts';
import type { View } from '../membership/view.ts';
import { ElectorateDesk } from './electorate-desk.ts';
import { expiredInvitations, lateAdmission } from './invitations.ts';
import { LeaseDesk } from './lease-desk.ts';
import type { Refusal } from './proposals.ts';
import type { Leadership, RaftLoop } from './raft-loop.ts';
import type { World } from './world.ts';

export type LeaderOptions = {
  readonly config: NodeConfig;
  readonly incarnation: number;
  readonly state: () => ClusterState;
  readonly raft: () => RaftLoop;
  readonly appliedTerm: () => number;
  /** With this node in it. */
  readonly view: (now: Millis) => View;
  readonly send: (message: ControlMessage) => void;
  /** Bound to this term: what is decided here is true only here (`proposals.ts`). */
  readonly submit: (
    command: Command,
    deadlineMs: Millis,
    settled: (outcome: Applied | null) => void,
  ) => void;
  readonly world: Pick<World, 'logger' | 'wallMs' | 'clock'>;
};

/** Clocks are read in steps, messages are stamped late: a little slack on top of the drift. */
const EPSILON_MS = 5;

export class Leader {
  readonly desk: LeaseDesk;
  readonly electorate: ElectorateDesk;
  readonly #options: LeaderOptions;
  readonly #ledger: LeaseLedger;
  #ages = new GroupAges();
  #nodeAges = new NodeAges();
  #refused: PlannerOutput['refused'] = [];
  readonly #inFlight = new Map<string, Millis>();
  #waiting: PlannerOutput['waiting'] = [];
  #leaderSinceMs: Millis | null = null;
  #electionBeganMs: Millis | null = null;
  #electionMs: Millis | null = null;
  #nextMs: Millis = Infinity;
  #wake = false;

  constructor(options: LeaderOptions) {
    const { config } = options;
    this.#options = options;
    this.#ledger = new LeaseLedger({
      leaseMs: config.times.leaseMs,
      clockDrift: config.times.clockDrift,
      epsilonMs: EPSILON_MS,
    });
    this.electorate = new ElectorateDesk({
      self: config.node,
      times: config.times,
      state: options.state,
      raft: () => options.raft().core.status(),
      step: (event, now) => options.raft().step(event, now),
      log: (event, facts) => options.world.logger.info(event, facts),
    });
    this.desk = new LeaseDesk({
      self: config.node,
      ledger: this.#ledger,
      leads: () => this.leads,
      state: options.state,
      send: options.send,
      grantAnyEpoch: config.sabotage.includes('epoch'),
    });
  }

  get leads(): boolean {
    return this.#leaderSinceMs !== null;
  }

  get nextDeadlineMs(): Millis {
    if (!this.leads) return Infinity;
    return this.#wake ? 0 : this.#nextMs;
  }

  /** In words, for `status`: what the planner waits for. */
  get waiting(): PlannerOutput['waiting'] {
    return this.leads ? this.#waiting : [];
  }

  /** What a rule wants and the state refuses, for `status`: a contradiction in the configuration. */
  get refused(): PlannerOutput['refused'] {
    return this.leads ? this.#refused : [];
  }

  wake(): void {
    this.#wake = true;
  }

  due(now: Millis): void {
    if (now >= this.#nextMs) this.#wake = true;
  }

  leadership(change: Leadership, now: Millis): void {
    if (change.role === 'pre-candidate' || change.role === 'candidate') {
      this.#electionBeganMs ??= now;
    }
    if (change.role === 'leader' && change.horizonMs !== null) {
      this.#ledger.becameLeader(change.horizonMs);
      this.#leaderSinceMs = now;
      this.#electionMs = this.#electionBeganMs === null ? null : now - this.#electionBeganMs;
      this.#inFlight.clear();
      this.#ages = new GroupAges();
      this.#nodeAges = new NodeAges();
      this.electorate.becameLeader();
      this.#wake = true;
    }
    if (change.role !== 'leader' && this.leads) {
      this.#leaderSinceMs = null;
      this.#ledger.lostLeadership();
      this.desk.lostLeadership();
      this.electorate.lostLeadership();
    }
    if (change.role === 'leader' || change.role === 'follower') this.#electionBeganMs = null;
  }

  applied(envelope: CommandEnvelope, before: ClusterState, after: ClusterState, now: Millis): void {
    this.#wake = true;
    const { command } = envelope;
    if (!endsLeases(command) || !this.leads) return;
    const group = after.groups[command.group];
    if (group === undefined || group === before.groups[command.group]) return;
    // The new epoch may ask for a lease; the older ones are refused by their number.
    this.#ledger.reopen(command.group);
    if (command.kind === 'assign') this.#reportDecision(command.group, group.epoch, now);
  }

  /** What the state machine cannot judge, since it knows no clock; null: nothing against it. */
  refuses(command: Command, forwarded: boolean): Refusal | null {
    const { world } = this.#options;
    const state = this.#options.state();
    if (isTooNew(state, command)) {
      const needed = `needs feature level ${levelNeeded(command)}; this is ${levelOf(state)}`;
      return { code: 'FEATURE_LEVEL_LOW', detail: needed };
    }
    const late = lateAdmission(state, command, world.wallMs());
    if (late !== null) return { code: late, detail: 'by the clock of the leader' };
    return forwarded ? this.#unfitMove(command) : null;
  }

  /** Another node was asked for a move, and may see less than whoever assigns. */
  #unfitMove(command: Command): Refusal | null {
    if (command.kind !== 'release' || command.reason !== 'move') return null;
    const { config, state, view, world } = this.#options;
    const question = {
      state: state(),
      view: view(world.clock.now()),
      maxFitnessAgeMs: maxFitnessAgeMs({ times: config.times }),
    };
    const may = canMove(question, command.group, command.to);
    return may.ok ? null : may.error;
  }

  plan(now: Millis): void {
    if (!this.#wake || this.#leaderSinceMs === null) return;
    this.#wake = false;
    const { config, state, raft, appliedTerm, view, world } = this.#options;
    this.#nextMs = now + config.times.heartbeatMs;
    const seen = view(now);
    const output = plan({
      state: state(),
      self: config.node,
      incarnation: this.#options.incarnation,
      now,
      view: seen,
      ledger: this.#ledger,
      leaderSinceMs: this.#leaderSinceMs,
      appliedOwnTerm: appliedTerm() === raft().term,
      clusterId: config.clusterId,
      // The list of a newcomer says where the cluster is, and not who belongs to it.
      bootstrapMembers: config.invited === true ? [] : config.members,
      bootstrapGroups: config.groups,
      inFlight: new Set(this.#inFlight.keys()),
      times: config.times,
      electionMs: this.#electionMs,
      ages: this.#ages.observe(state(), seen, now),
      nodeAges: this.#nodeAges.observe(state(), now),
      wallMs: world.wallMs(),
    });
    this.#ages.lost(output.lost, now);
    this.#waiting = output.waiting;
    this.#tellRefused(output.refused);
    for (const { key, command } of output.proposals) this.#propose(key, command, now);
    for (const { key, command } of expiredInvitations(state(), world.wallMs())) {
      if (!this.#inFlight.has(key)) this.#propose(key, command, now);
    }
    if (appliedTerm() === raft().term) this.#reconcileMembers(seen, now);
  }

  /** Once, not at each heartbeat. */
  #tellRefused(refused: PlannerOutput['refused']): void {
    const known = new Set(this.#refused.map(({ key, code }) => `${key} ${code}`));
    for (const one of refused) {
      if (known.has(`${one.key} ${one.code}`)) continue;
      this.#options.world.logger.warn('the state refuses what is wanted', one);
    }
    this.#refused = refused;
  }

  /** Last: a change of the configuration is a step of its own, and may end our leadership. */
  #reconcileMembers(view: View, now: Millis): void {
    const inFlight = new Set(this.#inFlight.keys());
    const proposals = this.electorate.reconcile({ now, view, inFlight });
    for (const { key, command } of proposals) this.#propose(key, command, now);
  }

  #propose(key: string, command: Command, now: Millis): void {
    this.#inFlight.set(key, now);
    if (endsLeases(command)) this.#ledger.close(command.group);
    if (command.kind === 'assign') {
      this.#options.world.logger.info('a new owner is proposed', {
        group: command.group,
        node: command.node,
        evidence: command.evidence.kind,
        leaseRemainderMs: Math.round(command.leaseRemainderMs),
      });
    }
    const deadlineMs = now + this.#options.config.times.leaseMs * 4;
    this.#options.submit(command, deadlineMs, (outcome) => {
      this.#inFlight.delete(key);
      // Without an answer the term is over; the entry may still be committed, but not by this plan.
      const refused = outcome !== null && !outcome.ok;
      this.#wake ||= !refused || outcome.code !== 'TOO_MANY_UNCOMMITTED';
      if (endsLeases(command) && refused) this.#ledger.reopen(command.group);
    });
  }

  /** `decide`: from the plan to the committed entry, on this node's clock. */
  #reportDecision(group: GroupId, epoch: number, now: Millis): void {
    const plannedMs = this.#inFlight.get(`assign:${group}`);
    if (plannedMs === undefined) return;
    const { config, incarnation, submit } = this.#options;
    const stamp: PhaseStamp = {
      phase: 'decide',
      node: config.node,
      startedMs: plannedMs,
      durationMs: now - plannedMs,
      incarnation,
    };
    const report = { kind: 'report', group, expectedEpoch: epoch, node: config.node } as const;
    submit({ ...report, stamps: [stamp] }, now + config.times.leaseMs * 4, () => undefined);
  }
}
