/**
 * What the owner of the current epoch reports about its takeover: a disk is fenced, clients are
 * answered, or it cannot be done. A report that is repeated is accepted and changes nothing, since
 * whoever did not hear the first answer asks again.
 */

import { expected } from './apply-ownership.ts';
import {
  accept,
  type Change,
  isRefusal,
  recorded,
  refuse,
  withFailure,
  withGroup,
} from './change.ts';
import type { Command } from './command.ts';
import { isLevel3 } from './level.ts';
import { withLoss } from './losses.ts';
import { lookup } from './queries.ts';
import type { ClusterState, GroupState } from './state.ts';

/** The daemon was started anew and gave its group back: that says nothing about its fitness. */
export const OWNER_RESTARTED = 'OWNER_RESTARTED';

type Of<K extends Command['kind']> = Extract<Command, { readonly kind: K }>;

/** Any phase that has an owner, unchanged: a path that comes back may be fenced late. */
export function applyFenced(state: ClusterState, index: number, command: Of<'fenced'>): Change {
  const group = owned(state, command);
  if (isRefusal(group)) return group;
  const { disk, node } = command;
  const { epoch } = group;
  if (!group.definition.resources.some((resource) => resource.name === disk)) {
    return refuse(state, 'INVALID_DEFINITION', `group ${command.group} has no disk ${disk}`);
  }
  if (lookup(group.fencedEpoch, disk) === epoch) return accept(state, epoch);
  const fenced = { ...group, fencedEpoch: { ...group.fencedEpoch, [disk]: epoch } };
  const line = { index, event: 'fenced', group: command.group, epoch, node, detail: disk } as const;
  return accept(recorded(withGroup(state, fenced), line), epoch);
}

/**
 * `taking-over -> serving`. The new owner has waited until every earlier lease had run out before it
 * let itself be seen, so no earlier epoch is unfinished any more.
 */
export function applyServing(state: ClusterState, index: number, command: Of<'serving'>): Change {
  const group = owned(state, command);
  if (isRefusal(group)) return group;
  const { epoch } = group;
  if (group.phase === 'serving') return accept(state, epoch);
  if (group.phase !== 'taking-over') {
    return refuse(state, 'WRONG_PHASE', `group ${command.group} is ${group.phase}`);
  }
  const serving: GroupState = {
    ...group,
    phase: 'serving',
    failures: isLevel3(state) ? lasting(group) : [],
    unfinished: group.unfinished.filter((unfinished) => unfinished.epoch >= epoch),
  };
  const { node, stamps } = command;
  const line = { index, event: 'serving', group: command.group, epoch, node, stamps } as const;
  const from = group.previousOwner;
  const { reason } = group;
  return accept(recorded(withGroup(state, serving), { ...line, from, reason }), epoch);
}

/**
 * `taking-over | serving | releasing -> unowned`. The owner gives the epoch back. It does not say that
 * everything is down: that is `stopped`, before or after this, and until then the epoch stays
 * unfinished.
 */
export function applyTakeoverFailed(
  state: ClusterState,
  index: number,
  command: Of<'takeover-failed'>,
): Change {
  const group = expected(state, command);
  if (isRefusal(group)) return group;
  const { node, code, detail } = command;
  const { epoch } = group;
  const holder = group.owner ?? group.previousOwner;
  if (holder !== node || epoch === 0) return refuseStranger(state, command);
  if (group.failures.some((failure) => failure.epoch === epoch)) return accept(state, epoch);
  const failed: GroupState = {
    ...disowned(group),
    failures: withFailure(group.failures, { epoch, node, code, detail }),
  };
  const line = { index, event: 'takeover-failed', group: command.group, epoch, node } as const;
  const words = detail === '' ? code : `${code}: ${detail}`;
  const after = withGroup(state, failed);
  const lost = code === OWNER_RESTARTED ? withLoss(after, node, epoch, state.lastEpoch) : after;
  return accept(recorded(lost, { ...line, detail: words }), epoch);
}

/**
 * What failed stays known although the group is served now: an application that dies ten seconds after
 * each start would come back to the same two nodes for ever. A new life of a daemon is no failure.
 */
function lasting({ failures }: GroupState): GroupState['failures'] {
  return failures.filter(({ code }) => code !== OWNER_RESTARTED);
}

/**
 * The group without an owner. Where it should go next (`releaseTo`) and why (`releaseReason`) were
 * said by `release`; without one, a boot that failed is still a boot, and all else is a failover.
 */
export function disowned(group: GroupState): GroupState {
  if (group.owner === null) return group;
  const unasked = group.reason === 'boot' && group.phase === 'taking-over' ? 'boot' : 'failover';
  return {
    ...group,
    phase: 'unowned',
    owner: null,
    previousOwner: group.owner,
    leaseRemainderMs: 0,
    releaseReason: group.phase === 'releasing' ? group.releaseReason : unasked,
  };
}

type Report = Of<'fenced'> | Of<'serving'> | Of<'takeover-failed'>;

function owned(state: ClusterState, command: Report): GroupState | Change {
  const group = expected(state, command);
  if (isRefusal(group)) return group;
  return group.owner === command.node ? group : refuseStranger(state, command);
}

function refuseStranger(state: ClusterState, { node, group, expectedEpoch }: Report): Change {
  return refuse(state, 'NOT_OWNER', `${node} does not own ${group} in epoch ${expectedEpoch}`);
}
