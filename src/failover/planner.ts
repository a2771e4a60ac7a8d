/**
 * What the cluster should do next, decided on the leader: for each group one small rule says "this
 * command", "nothing", or "wait, because". Asked again after every change, it must be idempotent:
 * what is proposed already is not proposed twice, and a plan that was made on a state that is gone
 * is refused when it is applied (every command names the epoch that it expects).
 *
 * The planner neither executes nor remembers. Each command is tried on the state first, so nothing
 * is written to the log that is known to be refused. References: DESIGN §7; Pacemaker's scheduler
 * (state in, transition out); Oxide's reconfigurator (plan, then act).
 */
import { apply } from '../cluster/apply.ts';
import { groupOf, inMaintenance, modeOf } from '../cluster/queries.ts';
import type { ClusterState, GroupState } from '../cluster/state.ts';
import type { GroupId, Millis } from '../lib/ids.ts';
import { bootstrap, type Proposal } from './bootstrap.ts';
import { endOf } from './constraints.ts';
import { adopt, type Decision, nothing, waiting } from './decision.ts';
import { housekeeping } from './housekeeping.ts';
import { placingOrder } from './neighbours.ts';
import { planOwned, planReleasing } from './plan-owned.ts';
import { planUnowned } from './plan-unowned.ts';
import type { PlannerInput } from './planner-input.ts';
import { judgeOwner } from './recovery.ts';

export { canMove } from './move.ts';
export type { PlannerInput };

export type Waiting = {
  readonly group: GroupId;
  /** A code of `lib/problems.ts`. */
  readonly code: string;
  readonly why: string;
  /** When time alone changes the answer; null: only an event does. */
  readonly untilMs: Millis | null;
};

export type PlannerOutput = {
  readonly proposals: readonly Proposal[];
  readonly waiting: readonly Waiting[];
  /** What a rule wants and the state refuses: a contradiction in the configuration, for the log. */
  readonly refused: readonly Refused[];
  /** Groups whose owner is gone, for `GroupAges.lost`. */
  readonly lost: readonly GroupId[];
};

export type Refused = { readonly key: string; readonly code: string; readonly detail: string };

/** Called on the leader only. */
export function plan(input: PlannerInput): PlannerOutput {
  const first = tried(input.state, bootstrap(input));
  const pending = first.proposals;
  const groups = planGroups({ ...input, state: first.state }, input.state, pending.length > 0);
  const chores = tried(groups.state, pending.length > 0 ? [] : housekeeping(input));
  const all = [...pending, ...groups.proposals, ...chores.proposals];
  return {
    proposals: all.filter(({ key }) => !input.inFlight.has(key)),
    waiting: groups.waiting,
    refused: [...first.refused, ...groups.refused, ...chores.refused],
    lost: lostGroups(input),
  };
}

/** One after the other, so that each sees where those before it go. Answers in the order of `known`. */
function planGroups(
  input: PlannerInput,
  known: ClusterState,
  bootstrapping: boolean,
): Tried & Pick<PlannerOutput, 'waiting'> {
  let { state } = input;
  const proposals: Proposal[] = [];
  const refused: Refused[] = [];
  const waits = new Map<GroupId, readonly Waiting[]>();
  for (const name of placingOrder(Object.values(known.groups))) {
    const group = groupOf(state, name);
    if (group === null) continue;
    const decision = planGroup({ ...input, state }, group, bootstrapping);
    const wanted = decision.kind === 'propose' ? [decision.proposal] : [];
    const result = tried(state, wanted);
    state = result.state;
    proposals.push(...result.proposals);
    refused.push(...result.refused);
    waits.set(name, waitOf(name, decision, result.refused));
  }
  return {
    state,
    proposals,
    refused,
    waiting: Object.keys(known.groups).flatMap((name) => waits.get(name) ?? []),
  };
}

function lostGroups(input: PlannerInput): readonly GroupId[] {
  return Object.values(input.state.groups).flatMap((group) => {
    if (group.owner === null) return [];
    const gone = judgeOwner(input, group, group.owner).kind === 'gone';
    return gone ? [group.definition.group] : [];
  });
}

/** A rule waits, or the state refuses what it wants: an operator must read either. */
function waitOf(
  group: GroupId,
  decision: Decision,
  refused: PlannerOutput['refused'],
): readonly Waiting[] {
  if (decision.kind === 'wait') {
    const { code, why, untilMs } = decision;
    return [{ group, code, why, untilMs }];
  }
  if (decision.kind !== 'propose') return [];
  const refusal = refused.find(({ key }) => key === decision.proposal.key);
  return refusal === undefined
    ? []
    : [{ group, code: refusal.code, why: refusal.detail, untilMs: null }];
}

/** While one of these is on its way for a group, nothing else is asked for it. */
const IN_FLIGHT = ['assign', 'release', 'expire', 'define'] as const;

function planGroup(input: PlannerInput, group: GroupState, bootstrapping: boolean): Decision {
  const name = group.definition.group;
  if (IN_FLIGHT.some((what) => input.inFlight.has(`${what}:${name}`))) return nothing;
  if (inMaintenance(input.state, group)) {
    return waiting('IN_MAINTENANCE', `nothing is moved: ${whoseMaintenance(input.state, group)}`);
  }
  const { owner } = group;
  if (owner === null) return planOwnerless(input, group, bootstrapping);
  return group.phase === 'releasing'
    ? planReleasing(input, group, owner)
    : planOwned(input, group, owner);
}

function whoseMaintenance(state: ClusterState, { definition, mode, owner }: GroupState): string {
  if (state.mode === 'maintenance') return 'the cluster is in maintenance';
  if (mode === 'maintenance') return `${definition.group} is in maintenance`;
  return `its owner ${owner} is in maintenance`;
}

function planOwnerless(input: PlannerInput, group: GroupState, bootstrapping: boolean): Decision {
  if (bootstrapping) return waiting('BOOT_GRACE', 'the cluster is being written down first');
  if (group.pending != null) {
    if (group.unfinished.length === 0) return adopt(group, group.pending);
    const why = 'to be defined anew; nobody said that it is down, and its last lease has run out';
    return endOf(input, group, why) ?? waiting('OWNER_STOPPING', `not proven down: ${why}`);
  }
  if (modeOf(input.state, group) === 'standby') {
    const why = 'stopped on purpose; nobody said that it is down, and its last lease has run out';
    return endOf(input, group, why) ?? waiting('GROUP_STANDBY', 'stopped on purpose');
  }
  return planUnowned(input, group);
}

type Tried = Pick<PlannerOutput, 'proposals' | 'refused'> & { readonly state: ClusterState };

/** The proposals that would be accepted, one after the other, and the state that they would leave. */
function tried(start: ClusterState, wanted: readonly Proposal[]): Tried {
  let state = start;
  const proposals: Proposal[] = [];
  const refused: Refused[] = [];
  for (const proposal of wanted) {
    const change = apply(state, 0, proposal.command);
    state = change.state;
    if (change.outcome.ok) proposals.push(proposal);
    else {
      const { code, detail } = change.outcome;
      refused.push({ key: proposal.key, code, detail });
    }
  }
  return { state, proposals, refused };
}
