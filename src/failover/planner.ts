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
import { inMaintenance, modeOf } from '../cluster/queries.ts';
import type { ClusterState, GroupState } from '../cluster/state.ts';
import type { GroupId, Millis } from '../lib/ids.ts';
import { bootstrap, type Proposal } from './bootstrap.ts';
import { type Decision, nothing, waiting } from './decision.ts';
import { planOwned, planReleasing } from './plan-owned.ts';
import { planUnowned } from './plan-unowned.ts';
import type { PlannerInput } from './planner-input.ts';

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
  readonly refused: readonly {
    readonly key: string;
    readonly code: string;
    readonly detail: string;
  }[];
};

/** Called on the leader only. */
export function plan(input: PlannerInput): PlannerOutput {
  const first = tried(input.state, bootstrap(input));
  const pending = first.proposals;
  const decisions = Object.values(input.state.groups).map((group) => ({
    group: group.definition.group,
    decision: planGroup(input, group, pending.length > 0),
  }));
  const wanted = decisions.flatMap(({ decision }) =>
    decision.kind === 'propose' ? [decision.proposal] : [],
  );
  const rest = tried(first.state, wanted);
  const fresh = [...pending, ...rest.proposals].filter(({ key }) => !input.inFlight.has(key));
  return {
    proposals: fresh,
    waiting: decisions.flatMap(({ group, decision }) => waitOf(group, decision, rest.refused)),
    refused: [...first.refused, ...rest.refused],
  };
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

function planGroup(input: PlannerInput, group: GroupState, bootstrapping: boolean): Decision {
  const name = group.definition.group;
  if (input.inFlight.has(`assign:${name}`) || input.inFlight.has(`release:${name}`)) return nothing;
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
  if (modeOf(input.state, group) === 'standby') {
    return waiting('GROUP_STANDBY', 'stopped on purpose');
  }
  if (bootstrapping) return waiting('BOOT_GRACE', 'the cluster is being written down first');
  return planUnowned(input, group);
}

type Tried = Pick<PlannerOutput, 'proposals' | 'refused'> & { readonly state: ClusterState };

/** The proposals that would be accepted, one after the other, and the state that they would leave. */
function tried(start: ClusterState, wanted: readonly Proposal[]): Tried {
  let state = start;
  const proposals: Proposal[] = [];
  const refused: { key: string; code: string; detail: string }[] = [];
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
