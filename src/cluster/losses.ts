/**
 * How often a node was lost while it owned something. One death counts once: groups that it had
 * before the loss that is known already do not make another one.
 */
import type { Epoch, NodeId } from '../lib/ids.ts';
import { isLevel3 } from './level.ts';
import { lookup } from './queries.ts';
import { type ClusterState, LOSS_LIMIT } from './state.ts';

/**
 * `epoch`: the ownership that was lost. `noted`: the newest epoch of the cluster after it; what is
 * given to the node later has a greater one.
 */
export function withLoss(
  state: ClusterState,
  node: NodeId,
  epoch: Epoch,
  noted: Epoch,
): ClusterState {
  const member = lookup(state.members, node);
  if (member === null || !isLevel3(state)) return state;
  const before = member.losses ?? [];
  if (epoch <= (before.at(-1) ?? 0)) return state;
  const losses = [...before, noted].slice(-LOSS_LIMIT);
  return { ...state, members: { ...state.members, [node]: { ...member, losses } } };
}
