/**
 * A leader's moment, told in few words: who lives, who is fit, what was granted. The planner's answer
 * comes back as lines that read as a story.
 */
import type { GroupDefinition, Member } from '../../src/cluster/definition.ts';
import type { ClusterState } from '../../src/cluster/state.ts';
import { GroupAges } from '../../src/failover/group-ages.ts';
import { LeaseLedger } from '../../src/failover/lease-ledger.ts';
import { type PlannerInput, type PlannerOutput, plan } from '../../src/failover/planner.ts';
import type { Millis, NodeId } from '../../src/lib/ids.ts';
import type { LocalGroup } from '../../src/membership/heartbeat.ts';
import type { NodeView, View } from '../../src/membership/view.ts';
import { member } from '../cluster/a-cluster.ts';

export const TIMES = { heartbeatMs: 50, detectionMs: 200, fitnessIntervalMs: 1_000 };
export const L = 360;

export type Seen = Partial<NodeView> & {
  /** Groups that it could take: fit, verified just now. */
  readonly fit?: readonly string[];
  /** Groups that it could not take, with the code. */
  readonly unfit?: Readonly<Record<string, string>>;
};

const hears = { state: 'alive', silentMs: 10, hearsUs: true } as const;

export function alive(seen: Seen = {}): Seen {
  return { state: 'alive', silentMs: 10, links: { 'net-a': hears, 'net-b': hears }, ...seen };
}

export function dead(silentMs: Millis | null = 250, seen: Seen = {}): Seen {
  const link = { state: 'dead', silentMs, hearsUs: false } as const;
  return { state: 'dead', silentMs, links: { 'net-a': link, 'net-b': link }, ...seen };
}

export const runs = (epoch: number, state: LocalGroup['state'] = 'serving', group = 'web') => ({
  groups: [{ group, epoch, state }],
});

export class Leader {
  readonly ledger = new LeaseLedger({ leaseMs: L, clockDrift: 0, epsilonMs: 0 });
  readonly ages = new GroupAges();
  readonly inFlight = new Set<string>();
  now: Millis = 100_000;
  leaderSinceMs: Millis = 10_000;
  electionMs: Millis | null = null;
  appliedOwnTerm = true;
  bootstrapMembers: readonly Member[] = [1, 2, 3].map(member);
  bootstrapGroups: readonly GroupDefinition[] = [];
  state: ClusterState;
  seen: Readonly<Record<NodeId, Seen>>;
  last: PlannerOutput | null = null;

  constructor(state: ClusterState, seen: Readonly<Record<NodeId, Seen>>) {
    this.state = state;
    this.seen = seen;
    this.ledger.becameLeader(this.leaderSinceMs);
    // What is committed was so for a while.
    this.ages.observe(state, this.view(), this.leaderSinceMs);
  }

  view(): View {
    const nodes = Object.entries(this.seen).map(([node, seen]): [NodeId, NodeView] => {
      const { fit = [], unfit = {}, ...rest } = seen;
      const fitness = [
        ...fit.map((group) => ({ group, fit: true, code: null, ageMs: 100 })),
        ...Object.entries(unfit).map(([group, code]) => ({ group, fit: false, code, ageMs: 100 })),
      ];
      const base = {
        node,
        state: 'alive',
        proofOfDeath: false,
        incarnation: 1,
        links: {},
      } as const;
      const said = { silentMs: 0, heardByOthers: false, fitness, groups: [], lateMs: 0 };
      return [node, { ...base, ...said, ...rest }];
    });
    return { self: 'n1', nodes: Object.fromEntries(nodes), hears: [] };
  }

  input(): PlannerInput {
    const view = this.view();
    return {
      state: this.state,
      self: 'n1',
      incarnation: 7,
      now: this.now,
      view,
      ledger: this.ledger,
      leaderSinceMs: this.leaderSinceMs,
      appliedOwnTerm: this.appliedOwnTerm,
      clusterId: 'lab',
      bootstrapMembers: this.bootstrapMembers,
      bootstrapGroups: this.bootstrapGroups,
      inFlight: this.inFlight,
      times: TIMES,
      electionMs: this.electionMs,
      ages: this.ages.observe(this.state, view, this.now),
    };
  }

  /** What the planner proposes and what it waits for, a line each. */
  plan(): readonly string[] {
    this.last = plan(this.input());
    const waits = this.last.waiting.map(({ group, code, untilMs }) => {
      const until = untilMs === null ? '' : ` for ${Math.round(untilMs - this.now)}`;
      return `${group} waits: ${code}${until}`;
    });
    return [...this.last.proposals.map(({ command }) => inWords(command)), ...waits];
  }

  /** The first proposal's command. */
  command(): PlannerOutput['proposals'][number]['command'] | undefined {
    this.plan();
    return this.last?.proposals[0]?.command;
  }
}

function inWords(command: PlannerOutput['proposals'][number]['command']): string {
  switch (command.kind) {
    case 'assign': {
      const wait = command.leaseRemainderMs === 0 ? '' : `, wait ${command.leaseRemainderMs}`;
      const { group, expectedEpoch, node, reason, evidence } = command;
      return `assign ${group}@${expectedEpoch} to ${node}: ${reason}, ${evidence.kind}${wait}`;
    }
    case 'release':
      return `release ${command.group}@${command.expectedEpoch} to ${command.to ?? 'nobody'}`;
    case 'create-cluster':
      return `create ${command.clusterId}`;
    case 'admit-member':
      return `admit ${command.member.node}`;
    case 'define-group':
      return `define ${command.definition.group}`;
    default:
      return command.kind;
  }
}
