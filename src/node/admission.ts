/**
 * Who counts as a member here: the committed members; and those of the bootstrap list who vote but
 * are not written down yet, since the list is committed one member at a time. Whoever was removed
 * votes no more, and is let in no more (P7).
 */
import type { Member } from '../cluster/definition.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { Configuration } from '../raft/types.ts';

export function admitted(
  { members }: ClusterState,
  { voters, outgoing, learners }: Configuration,
  bootstrap: readonly Member[],
): readonly Member[] {
  const counted = [...voters, ...outgoing, ...learners];
  return [
    ...Object.values(members).map(({ member }) => member),
    ...bootstrap.filter(({ node }) => members[node] === undefined && counted.includes(node)),
  ];
}
