/**
 * Modes: `online`; `standby` (the subject carries nothing); `maintenance` (nothing is done about the
 * subject). A mode is only noted here; the planner acts on it. Whoever sets something online says that
 * it is mended: what failed before counts no more.
 */
import { unreachable } from '../lib/assert.ts';
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
import { isLevel3 } from './level.ts';
import { lookup } from './queries.ts';
import type { ClusterState, GroupState, MemberState } from './state.ts';

type SetMode = Extract<Command, { readonly kind: 'set-mode' }>;

export function applySetMode(state: ClusterState, index: number, command: SetMode): Change {
  const { subject, mode, by } = command;
  const detail = `${mode}, by ${by}`;
  switch (subject.kind) {
    case 'cluster': {
      const line = { index, event: 'mode', group: null, epoch: state.lastEpoch, detail } as const;
      return accept(recorded({ ...state, mode }, line), null);
    }
    case 'node': {
      const { node } = subject;
      const member = lookup(state.members, node);
      if (member === null) return refuse(state, 'UNKNOWN_NODE', `node ${node}`);
      const set: MemberState = { ...member, mode, ...(mended(state, mode) ? { losses: [] } : {}) };
      const changed = { ...state, members: { ...state.members, [node]: set } };
      const line = { index, event: 'mode', group: null, epoch: state.lastEpoch, node } as const;
      return accept(recorded(changed, { ...line, detail }), null);
    }
    case 'group': {
      const group = groupNamed(state, subject.group);
      if (isRefusal(group)) return group;
      const failures = mended(state, mode) ? [] : group.failures;
      const changed = withGroup(state, { ...group, mode, failures });
      const { epoch } = group;
      const line = { index, event: 'mode', group: subject.group, epoch, detail } as const;
      return accept(recorded(changed, line), epoch);
    }
    case 'resource':
      return pauseResource(state, index, command, subject);
    default:
      return unreachable(subject);
  }
}

function mended(state: ClusterState, mode: SetMode['mode']): boolean {
  return mode === 'online' && isLevel3(state);
}

type Resource = Extract<SetMode['subject'], { readonly kind: 'resource' }>;

function pauseResource(
  state: ClusterState,
  index: number,
  { mode, by }: SetMode,
  { group: name, resource }: Resource,
): Change {
  const group = groupNamed(state, name);
  if (isRefusal(group)) return group;
  if (!group.definition.resources.some((one) => one.name === resource)) {
    return refuse(state, 'UNKNOWN_RESOURCE', `group ${name} has no resource ${resource}`);
  }
  if (mode === 'standby') {
    return refuse(state, 'INVALID_DEFINITION', 'a resource is online or in maintenance');
  }
  const others = (group.paused ?? []).filter((one) => one !== resource);
  const paused = mode === 'maintenance' ? [...others, resource] : others;
  const changed: GroupState = { ...group, paused };
  const { epoch } = group;
  const line = { index, event: 'mode', group: name, epoch } as const;
  const detail = `${mode} of ${resource}, by ${by}`;
  return accept(recorded(withGroup(state, changed), { ...line, detail }), epoch);
}
