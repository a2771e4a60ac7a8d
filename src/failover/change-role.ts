/**
 * May an operator give a member this role? Asked on any node before `set-role` is proposed, so that
 * the answer comes at once and with its reason. All wishes that are committed count, also those that
 * Raft's configuration has not followed yet. The leader looks again before it begins each change.
 */
import type { MemberRole } from '../cluster/command.ts';
import { memberOf, membersInOrder } from '../cluster/queries.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { NodeId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { failure, type Result, success } from '../lib/result.ts';
import { isMajority } from './electorate.ts';

export type RoleRefused = {
  readonly code: Extract<ProblemCode, 'UNKNOWN_NODE' | 'LAST_VOTER' | 'WOULD_LOSE_QUORUM'>;
  readonly detail: string;
};

/** `alive` with the asking node in it. */
export function canSetRole(
  state: ClusterState,
  alive: ReadonlySet<NodeId>,
  node: NodeId,
  role: MemberRole,
): Result<null, RoleRefused> {
  if (memberOf(state, node) === null) {
    return failure({ code: 'UNKNOWN_NODE', detail: `node ${node}` });
  }
  const voters = membersInOrder(state)
    .map(({ member, role: present }) => ({
      ...member,
      role: member.node === node ? role : present,
    }))
    .filter((one) => one.role === 'voter')
    .map((one) => one.node);
  if (voters.length === 0) return failure({ code: 'LAST_VOTER', detail: `node ${node}` });
  if (isMajority(voters, alive)) return success(null);
  const heard = voters.filter((one) => alive.has(one));
  const detail = `${heard.length} of the ${voters.length} voters that would be left are heard`;
  return failure({ code: 'WOULD_LOSE_QUORUM', detail: `${detail}: ${heard.join(', ') || 'none'}` });
}
