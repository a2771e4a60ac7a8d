/**
 * The world of one story: the network, what is committed, and the leader with everything that it
 * keeps between two plans, as the product's driver keeps it (`src/node/leader.ts`): the ledger of
 * leases, the ages of groups, what is in flight, how well learners follow.
 *
 * There is no Raft in it: who leads, and what is committed, is what the story says.
 */
import { apply } from '../../../src/cluster/apply.ts';
import type { Command } from '../../../src/cluster/command.ts';
import type { GroupDefinition, Member } from '../../../src/cluster/definition.ts';
import { groupOf } from '../../../src/cluster/queries.ts';
import { type ClusterState, emptyState, type GroupState } from '../../../src/cluster/state.ts';
import type { Proposal } from '../../../src/failover/bootstrap.ts';
import { endsLeases } from '../../../src/failover/decision.ts';
import { GroupAges } from '../../../src/failover/group-ages.ts';
import { LeaseLedger } from '../../../src/failover/lease-ledger.ts';
import type { MoveQuestion } from '../../../src/failover/move.ts';
import { NodeAges } from '../../../src/failover/node-ages.ts';
import { type PlannerInput, type PlannerOutput, plan } from '../../../src/failover/planner.ts';
import { maxFitnessAgeMs } from '../../../src/failover/planner-input.ts';
import type { GroupId, Millis, NodeId } from '../../../src/lib/ids.ts';
import { type View, withSelf } from '../../../src/membership/view.ts';
import { StoryFailure } from '../story.ts';
import { Electing } from './electing.ts';
import { TIMES } from './machine.ts';
import { BEGINNING_MS, Network } from './network.ts';
import { type Sabotage, sabotaged } from './sabotage.ts';

const EPSILON_MS = 5;
const MIDNIGHT_MS = Date.UTC(2026, 0, 1);
const LEADS_FOR_MS = 60_000;
const CLUSTER_ID = 'lab';

export class World {
  readonly network: Network;
  readonly electing: Electing;
  readonly inFlight = new Map<string, Proposal>();
  readonly bootstrapMembers: Member[] = [];
  readonly bootstrapGroups: GroupDefinition[] = [];
  /** Groups whose owner asks for no lease, although it could. */
  readonly unleased = new Set<GroupId>();
  state: ClusterState = emptyState;
  leader: NodeId = 'n1';
  leaderSinceMs: Millis;
  electionMs: Millis | null = null;
  /** How much later than midnight the story begins. */
  daytimeMs: Millis = 0;
  appliedOwnTerm = true;
  readonly #sabotage: Sabotage;
  #ledger = newLedger();
  #ages = new GroupAges();
  #nodeAges = new NodeAges();
  #index = 0;

  constructor(sabotage: Sabotage) {
    this.#sabotage = sabotage;
    this.network = new Network(() => this.#beat());
    this.electing = new Electing(this);
    this.leaderSinceMs = this.network.now - LEADS_FOR_MS;
    this.#ledger.becameLeader(this.leaderSinceMs);
  }

  /** Wall clock: a story begins at midnight, UTC, of the first of January 2026. */
  get wallMs(): Millis {
    return MIDNIGHT_MS + this.now - BEGINNING_MS + this.daytimeMs;
  }

  get now(): Millis {
    return this.network.now;
  }

  /** The scene is set, and everything has been so for as long as the leader leads. */
  start(): void {
    if (this.network.started) return;
    const nowhere: View = { self: this.leader, nodes: {}, hears: [] };
    this.#ages.observe(this.state, nowhere, this.leaderSinceMs);
    this.network.spread(this.state, this.leader);
    this.network.start();
  }

  leadsSince(node: NodeId, ms: Millis): void {
    this.leader = this.network.machine(node).node;
    this.leaderSinceMs = this.now - ms;
    this.#ledger.becameLeader(this.leaderSinceMs);
  }

  /** `horizonMs`: how long ago the last of its voters may have heard an earlier leader. */
  elected(node: NodeId, electionMs: Millis, horizonMs: Millis): void {
    this.start();
    this.leader = this.network.machine(node).node;
    this.leaderSinceMs = this.now;
    this.electionMs = electionMs;
    this.#ledger = newLedger();
    this.#ledger.becameLeader(this.now - horizonMs);
    this.#ages = new GroupAges();
    this.#nodeAges = new NodeAges();
    this.inFlight.clear();
    this.electing.becameLeader();
  }

  view(): View {
    const machine = this.network.machine(this.leader);
    if (machine.power !== 'up') throw new StoryFailure(`${this.leader} leads and is down`);
    return withSelf(machine.view(this.now), machine.heartbeat(this.now));
  }

  /** As the leader is asked: it is the leader who assigns. */
  moveQuestion(): MoveQuestion {
    const { state } = this;
    return { state, view: this.view(), maxFitnessAgeMs: maxFitnessAgeMs({ times: TIMES }) };
  }

  input(): PlannerInput {
    this.start();
    const view = this.view();
    const input: PlannerInput = {
      state: this.state,
      self: this.leader,
      incarnation: 7,
      now: this.now,
      view,
      ledger: this.#ledger,
      leaderSinceMs: this.leaderSinceMs,
      appliedOwnTerm: this.appliedOwnTerm,
      clusterId: CLUSTER_ID,
      bootstrapMembers: this.bootstrapMembers,
      bootstrapGroups: this.bootstrapGroups,
      inFlight: new Set(this.inFlight.keys()),
      times: TIMES,
      electionMs: this.electionMs,
      ages: this.#ages.observe(this.state, view, this.now),
      nodeAges: this.#nodeAges.observe(this.state, this.now),
      wallMs: this.wallMs,
    };
    return sabotaged(this.#sabotage, input);
  }

  plan(): PlannerOutput {
    const output = plan(this.input());
    this.#ages.lost(output.lost, this.now);
    return output;
  }

  /** As the driver does it: from here on nothing is granted for a group that is given away. */
  propose(proposals: readonly Proposal[]): void {
    for (const proposal of proposals) {
      this.inFlight.set(proposal.key, proposal);
      const { command } = proposal;
      if (endsLeases(command)) this.#ledger.close(command.group);
    }
  }

  /** What is in flight arrives, and is committed or refused; or nothing comes of it. */
  settle(arrives: boolean): {
    readonly committed: readonly Proposal[];
    readonly refusals: readonly string[];
  } {
    const proposals = [...this.inFlight.values()];
    this.inFlight.clear();
    const committed: Proposal[] = [];
    const refusals: string[] = [];
    for (const proposal of proposals) {
      const { command } = proposal;
      const refusal = arrives ? this.commit(command) : null;
      if (refusal !== null) refusals.push(refusal);
      else if (arrives) committed.push(proposal);
      if (endsLeases(command)) this.#ledger.reopen(command.group);
    }
    return { committed, refusals };
  }

  /** Null, or the refusal in words. */
  commit(command: Command): string | null {
    this.#index += 1;
    const before = this.state.members;
    const { state, outcome } = apply(this.state, this.#index, command);
    this.state = state;
    if (!outcome.ok) return `${outcome.code}: ${outcome.detail}`;
    if (state.members !== before) {
      for (const node of Object.keys(state.members)) this.network.add(node);
      if (this.network.started) this.network.peersChanged();
    }
    if (this.network.started) this.#applied();
    return null;
  }

  group(name: GroupId): GroupState {
    const group = groupOf(this.state, name);
    if (group === null) throw new StoryFailure(`there is no group ${name}`);
    return group;
  }

  /** Null: none was granted lately by this leader. */
  lastGrantMs(group: GroupId, epoch: number): Millis | null {
    return this.#ledger.lastGrantMs(group, epoch);
  }

  /** Whatever is applied wakes the planner, which sees the ages first. */
  #applied(): void {
    this.network.spread(this.state, this.leader);
    if (this.network.machine(this.leader).power !== 'up') return;
    this.#ages.observe(this.state, this.view(), this.now);
  }

  #beat(): void {
    const { network, leader } = this;
    if (network.machine(leader).power !== 'up') return;
    network.spread(this.state, leader);
    this.#ages.observe(this.state, this.view(), this.now);
    // As the product does at each heartbeat; nobody is lost while everybody can be heard.
    if (network.troubled) this.#ages.lost(this.plan().lost, this.now);
    this.electing.observe();
    for (const group of Object.values(this.state.groups)) this.#renew(group);
  }

  /** An owner that runs its epoch renews its lease with each heartbeat, when both ways are open. */
  #renew({ definition: { group }, owner, epoch }: GroupState): void {
    const { wire } = this.network;
    const machine = owner === null ? undefined : this.network.machines.get(owner);
    if (owner === null || machine?.power !== 'up' || this.unleased.has(group)) return;
    if (!wire.reaches(owner, this.leader) || !wire.reaches(this.leader, owner)) return;
    const local = machine.groups().find((one) => one.group === group && one.epoch === epoch);
    const asks = local?.state === 'starting' || local?.state === 'serving';
    if (!asks || !this.#ledger.mayGrant(group, epoch, this.state, owner).ok) return;
    this.#ledger.granted(group, epoch, this.now);
  }
}

function newLedger(): LeaseLedger {
  const { leaseMs, clockDrift } = TIMES;
  return new LeaseLedger({ leaseMs, clockDrift, epsilonMs: EPSILON_MS });
}
