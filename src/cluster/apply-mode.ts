/**
 * Modes: `online`; `standby` (the subject carries nothing); `maintenance` (nothing is done about the
 * subject). A mode is only noted here; the planner acts on it.
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
import { lookup } from './queries.ts';
import type { ClusterState } from './state.ts';

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
      const changed = { ...state, members: { ...state.members, [node]: { ...member, mode } } };
      const line = { index, event: 'mode', group: null, epoch: state.lastEpoch, node } as const;
      return accept(recorded(changed, { ...line, detail }), null);
    }
    case 'group': {
      const group = groupNamed(state, subject.group);
      if (isRefusal(group)) return group;
      const changed = withGroup(state, { ...group, mode });
      const { epoch } = group;
      const line = { index, event: 'mode', group: subject.group, epoch, detail } as const;
      return accept(recorded(changed, line), epoch);
    }
    default:
      return unreachable(subject);
  }
}
