/**
 * Recovery when the majority is lost for good. An operator has named the survivors and rewritten
 * Raft's configuration while they were down; this command is the first that they commit, so that
 * what was done stands in the history.
 *
 * The lost members may have committed what nobody else knows: above all, epochs. So the counter
 * jumps, and nothing is started before an operator ends the maintenance. Their unfinished epochs
 * stay unfinished: their leases may still run.
 */
import { MAX_EPOCH, type NodeId } from '../lib/ids.ts';
import { withTombstone } from './apply-members.ts';
import { disowned } from './apply-takeover.ts';
import { accept, type Change, recorded, refuse } from './change.ts';
import type { Command } from './command.ts';
import { lookup, membersInOrder } from './queries.ts';
import type { ClusterState, GroupState } from './state.ts';

type Recover = Extract<Command, { readonly kind: 'recover' }>;

export function applyRecover(state: ClusterState, index: number, command: Recover): Change {
  const fault = faultOf(state, command);
  if (fault !== null) return fault;
  const { survivors, epochJump, by } = command;
  const lost = membersInOrder(state)
    .map(({ member }) => member.node)
    .filter((node) => !survivors.includes(node));
  const reduced = lost.reduce(withTombstone, state);
  const members = Object.fromEntries(
    Object.entries(reduced.members).map(([node, one]) => [
      node,
      { ...one, role: 'voter' as const },
    ]),
  );
  const groups = Object.fromEntries(
    Object.entries(state.groups).map(([name, group]) => [name, bereaved(group, lost)]),
  );
  const lastEpoch = state.lastEpoch + epochJump;
  const recovered: ClusterState = { ...reduced, members, groups, lastEpoch, mode: 'maintenance' };
  const without = lost.length === 0 ? '' : ` without ${lost.join(', ')}`;
  const detail = `with ${survivors.join(', ')}${without}, by ${by}`;
  const line = { index, event: 'recovered', group: null, epoch: lastEpoch, detail } as const;
  return accept(recorded(recovered, line), null);
}

function faultOf(state: ClusterState, { survivors, epochJump }: Recover): Change | null {
  if (survivors.length === 0) return refuse(state, 'LAST_VOTER', 'nobody survives');
  const stranger = survivors.find((node) => lookup(state.members, node) === null);
  if (stranger !== undefined) return refuse(state, 'UNKNOWN_NODE', `node ${stranger}`);
  if (epochJump < 1) {
    return refuse(state, 'INVALID_DEFINITION', 'the epochs must jump by 1 or more');
  }
  if (state.lastEpoch + epochJump > MAX_EPOCH) {
    return refuse(state, 'EPOCHS_EXHAUSTED', `epoch ${state.lastEpoch} and ${epochJump} more`);
  }
  return null;
}

/** A group that a lost node owned has no owner; one that was on its way to it goes anywhere. */
function bereaved(group: GroupState, lost: readonly NodeId[]): GroupState {
  const left = group.owner !== null && lost.includes(group.owner) ? disowned(group) : group;
  const stray = left.releaseTo !== null && lost.includes(left.releaseTo);
  return stray ? { ...left, releaseTo: null } : left;
}
