/**
 * `assign` and `release`: who owns a group. Each compares the epoch that it was planned for with the
 * one that holds when it is applied, so two leaders that plan for one state cannot both succeed.
 *
 * P1: an epoch is given out once, by one `assign`, and the counter only grows.
 */
import { MAX_EPOCH } from '../lib/ids.ts';
import {
  accept,
  type Change,
  groupNamed,
  isRefusal,
  recorded,
  refuse,
  withGroup,
} from './change.ts';
import type { Command } from './command.ts';
import { withLoss } from './losses.ts';
import { inMaintenance, lookup } from './queries.ts';
import type { ClusterState, GroupState, UnfinishedEpoch } from './state.ts';

type Of<K extends Command['kind']> = Extract<Command, { readonly kind: K }>;

/** `any phase -> taking-over` under a new epoch. */
export function applyAssign(state: ClusterState, index: number, command: Of<'assign'>): Change {
  const group = expected(state, command);
  if (isRefusal(group)) return group;
  const ineligible = refuseNode(state, command.node);
  if (ineligible !== null) return ineligible;
  if (inMaintenance(state, group)) return refuse(state, 'IN_MAINTENANCE', command.group);
  if (state.lastEpoch >= MAX_EPOCH) {
    return refuse(state, 'EPOCHS_EXHAUSTED', `epoch ${state.lastEpoch} was the last one`);
  }
  const { node, reason, evidence, stamps, leaseRemainderMs } = command;
  const epoch = state.lastEpoch + 1;
  const from = group.owner ?? group.previousOwner;
  const assigned: GroupState = {
    ...group,
    phase: 'taking-over',
    owner: node,
    epoch,
    previousOwner: from,
    reason,
    leaseRemainderMs,
    releaseTo: null,
    releaseReason: 'failover',
    unfinished: [...stillUnfinished(group, leaseRemainderMs), { epoch, node, secretHash: null }],
  };
  const line = { index, event: 'assigned', group: command.group, epoch, node, from } as const;
  const given = withGroup({ ...state, lastEpoch: epoch }, assigned);
  const died = evidence.kind === 'silence' || evidence.kind === 'proof-of-death';
  const after =
    died && group.owner !== null ? withLoss(given, group.owner, group.epoch, epoch) : given;
  return accept(recorded(after, { ...line, reason, evidence, stamps }), epoch);
}

/**
 * A remainder of 0 says that no earlier lease can be running any more: by proof, or because the
 * leader has seen the last of them run out. So the list cannot grow with every failed takeover.
 */
function stillUnfinished(group: GroupState, leaseRemainderMs: number): readonly UnfinishedEpoch[] {
  return leaseRemainderMs === 0 ? [] : group.unfinished;
}

/** `taking-over | serving -> releasing`. */
export function applyRelease(state: ClusterState, index: number, command: Of<'release'>): Change {
  const group = expected(state, command);
  if (isRefusal(group)) return group;
  const { owner } = group;
  if (owner === null || (group.phase !== 'taking-over' && group.phase !== 'serving')) {
    return refuse(state, 'WRONG_PHASE', `group ${command.group} is ${group.phase}`);
  }
  const { to, reason, by } = command;
  if (to === owner) return refuse(state, 'ALREADY_OWNER', `${to} owns ${command.group}`);
  const ineligible = to === null ? null : refuseNode(state, to);
  if (ineligible !== null) return ineligible;
  if (inMaintenance(state, group)) return refuse(state, 'IN_MAINTENANCE', command.group);
  const released: GroupState = {
    ...group,
    phase: 'releasing',
    releaseTo: to,
    releaseReason: reason,
  };
  const { epoch } = group;
  const line = { index, event: 'released', group: command.group, epoch, reason } as const;
  const detail = `by ${by}`;
  const after = recorded(withGroup(state, released), { ...line, from: owner, node: to, detail });
  return accept(after, epoch);
}

/** The group in exactly the epoch that the command was planned for, or the refusal. */
export function expected(
  state: ClusterState,
  guard: { readonly group: string; readonly expectedEpoch: number },
): GroupState | Change {
  const group = groupNamed(state, guard.group);
  if (isRefusal(group) || group.epoch === guard.expectedEpoch) return group;
  const detail = `group ${guard.group} is in epoch ${group.epoch}, not ${guard.expectedEpoch}`;
  return refuse(state, 'STALE_EPOCH', detail);
}

function refuseNode(state: ClusterState, node: string): Change | null {
  const member = lookup(state.members, node);
  if (member === null) return refuse(state, 'UNKNOWN_NODE', `node ${node}`);
  if (member.role === 'leaving') {
    return refuse(state, 'NODE_NOT_ELIGIBLE', `node ${node} is leaving the cluster`);
  }
  return member.mode === 'online'
    ? null
    : refuse(state, 'NODE_NOT_ELIGIBLE', `node ${node} is in ${member.mode}`);
}
