/**
 * May an operator move this group there? Asked on any node, before a `release` is proposed, so that
 * the answer comes at once and with its reason; and by the leader before it takes the command, since it
 * is the leader who assigns. The planner looks again then.
 */
import { groupOf, inMaintenance, memberOf, modeOf } from '../cluster/queries.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { GroupId, Millis, NodeId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { failure, type Result, success } from '../lib/result.ts';
import type { View } from '../membership/view.ts';
import { explain, ranking } from './placement.ts';

export type MoveRefused = {
  readonly code: Extract<
    ProblemCode,
    | 'UNKNOWN_GROUP'
    | 'UNKNOWN_NODE'
    | 'ALREADY_OWNER'
    | 'WRONG_PHASE'
    | 'IN_MAINTENANCE'
    | 'GROUP_STANDBY'
    | 'NODE_NOT_ELIGIBLE'
  >;
  readonly detail: string;
};

export type MoveQuestion = {
  readonly state: ClusterState;
  /** With the asking node in it (`withSelf`). */
  readonly view: View;
  /** As the planner has it: what is allowed here must not be refused there. */
  readonly maxFitnessAgeMs: Millis;
};

/** `to` null: anywhere else. Answers where it would go. */
export function canMove(
  { state, view, maxFitnessAgeMs }: MoveQuestion,
  group: GroupId,
  to: NodeId | null,
): Result<NodeId, MoveRefused> {
  const known = groupOf(state, group);
  if (known === null) return failure({ code: 'UNKNOWN_GROUP', detail: `group ${group}` });
  if (to !== null && memberOf(state, to) === null) {
    return failure({ code: 'UNKNOWN_NODE', detail: `node ${to}` });
  }
  if (known.owner !== null && known.owner === to) {
    return failure({ code: 'ALREADY_OWNER', detail: `${to} owns ${group}` });
  }
  if (inMaintenance(state, known)) return failure({ code: 'IN_MAINTENANCE', detail: group });
  if (modeOf(state, known) === 'standby') return failure({ code: 'GROUP_STANDBY', detail: group });
  if (known.phase !== 'serving' && known.phase !== 'taking-over') {
    return failure({ code: 'WRONG_PHASE', detail: `${group} is ${known.phase}` });
  }
  const candidates = ranking({ state, view, group: known, maxFitnessAgeMs, first: to, last: null });
  const others = candidates.filter(({ node }) => node !== known.owner);
  const asked = to === null ? others : others.filter(({ node }) => node === to);
  const [best] = asked;
  return best?.eligible === true
    ? success(best.node)
    : failure({ code: 'NODE_NOT_ELIGIBLE', detail: explain(asked) });
}
