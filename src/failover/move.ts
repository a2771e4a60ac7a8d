/**
 * May an operator move this group there? Asked on any node, before a `release` is proposed, so that
 * the answer comes at once and with its reason. The planner looks again when it assigns.
 */
import { groupOf, inMaintenance, memberOf, modeOf } from '../cluster/queries.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { GroupId, NodeId } from '../lib/ids.ts';
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

/** Older than this, what a node last said of its fitness is no ground for a planned move. */
const MAX_FITNESS_AGE_MS = 30_000;

/** `to` null: anywhere else. `view` with the asking node in it (`withSelf`). */
export function canMove(
  state: ClusterState,
  view: View,
  group: GroupId,
  to: NodeId | null,
): Result<null, MoveRefused> {
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
  const maxFitnessAgeMs = MAX_FITNESS_AGE_MS;
  const candidates = ranking({ state, view, group: known, maxFitnessAgeMs, first: to, last: null });
  const others = candidates.filter(({ node }) => node !== known.owner);
  const asked = to === null ? others : others.filter(({ node }) => node === to);
  return asked.some(({ eligible }) => eligible)
    ? success(null)
    : failure({ code: 'NODE_NOT_ELIGIBLE', detail: explain(asked) });
}
