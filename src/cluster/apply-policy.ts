/**
 * Commands of feature level 3: the level itself, what is forgotten, what an operator wishes, and
 * epochs that ended because their leases ran out (`level.ts`).
 */
import { unreachable } from '../lib/assert.ts';
import { expected } from './apply-ownership.ts';
import { disowned } from './apply-takeover.ts';
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
import { FEATURE_LEVEL, levelOf } from './level.ts';
import { lookup } from './queries.ts';
import type { ClusterState } from './state.ts';

type Of<K extends Command['kind']> = Extract<Command, { readonly kind: K }>;

/** Only upwards. What the history still tells of deletions is remembered from here on. */
export function applySetLevel(
  state: ClusterState,
  index: number,
  { level }: Of<'set-level'>,
): Change {
  if (level > FEATURE_LEVEL) {
    // An entry that this release reads cannot ask for more: whoever wrote it is at fault.
    return refuse(
      state,
      'FEATURE_LEVEL_LOW',
      `level ${level}; this release knows ${FEATURE_LEVEL}`,
    );
  }
  if (level <= levelOf(state)) return accept(state, null);
  const gone = state.history.flatMap(({ event, group }) =>
    event === 'deleted' && group !== null && lookup(state.groups, group) === null ? [group] : [],
  );
  const deleted = [...new Set([...(state.deleted ?? []), ...gone])];
  const raised: ClusterState = { ...state, level, deleted };
  const line = { index, event: 'level', group: null, epoch: state.lastEpoch } as const;
  return accept(recorded(raised, { ...line, detail: `${level}` }), null);
}

export function applyForgetFailures(
  state: ClusterState,
  index: number,
  { subject, throughEpoch, by }: Of<'forget-failures'>,
): Change {
  switch (subject.kind) {
    case 'group': {
      const group = groupNamed(state, subject.group);
      if (isRefusal(group)) return group;
      const failures = group.failures.filter(({ epoch }) => epoch > throughEpoch);
      const forgotten = group.failures.length - failures.length;
      if (forgotten === 0) return accept(state, group.epoch);
      const { epoch } = group;
      const line = { index, event: 'forgotten', group: subject.group, epoch } as const;
      const after = withGroup(state, { ...group, failures });
      return accept(recorded(after, { ...line, detail: words('failure', forgotten, by) }), epoch);
    }
    case 'node': {
      const { node } = subject;
      const member = lookup(state.members, node);
      if (member === null) return refuse(state, 'UNKNOWN_NODE', `node ${node}`);
      const before = member.losses ?? [];
      const losses = before.filter((epoch) => epoch > throughEpoch);
      const forgotten = before.length - losses.length;
      if (forgotten === 0) return accept(state, null);
      const after = { ...state, members: { ...state.members, [node]: { ...member, losses } } };
      const line = { index, event: 'forgotten', group: null, epoch: state.lastEpoch } as const;
      return accept(recorded(after, { ...line, node, detail: words('loss', forgotten, by) }), null);
    }
    default:
      return unreachable(subject);
  }
}

function words(what: string, count: number, by: string): string {
  const plural = what === 'loss' ? 'losses' : `${what}s`;
  return `${count} ${count === 1 ? what : plural}, by ${by}`;
}

export function applySetWish(state: ClusterState, index: number, command: Of<'set-wish'>): Change {
  const group = groupNamed(state, command.group);
  if (isRefusal(group)) return group;
  const { wish, by } = command;
  const { epoch } = group;
  const member = wish === null ? null : lookup(state.members, wish.node);
  if (wish !== null && member === null) {
    return refuse(state, 'UNKNOWN_NODE', `node ${wish.node}`);
  }
  if (member?.role === 'leaving') {
    return refuse(state, 'NODE_NOT_ELIGIBLE', `node ${member.member.node} is leaving the cluster`);
  }
  if (wish === null && (group.wish ?? null) === null) return accept(state, epoch);
  const after = withGroup(state, { ...group, wish: wish === null ? null : { ...wish, by } });
  const line = { index, event: 'wish', group: command.group, epoch } as const;
  const detail = `${wish === null ? 'undone, ' : ''}by ${by}`;
  return accept(recorded(after, { ...line, node: wish?.node ?? null, detail }), epoch);
}

export function applySetCapacity(
  state: ClusterState,
  index: number,
  { node, capacity, by }: Of<'set-capacity'>,
): Change {
  const member = lookup(state.members, node);
  if (member === null) return refuse(state, 'UNKNOWN_NODE', `node ${node}`);
  const bad = Object.entries(capacity ?? {}).find(([, room]) => room < 0);
  if (bad !== undefined) {
    return refuse(state, 'INVALID_DEFINITION', `capacity of ${node}: ${bad[0]} is below 0`);
  }
  const members = { ...state.members, [node]: { ...member, capacity } };
  const room = Object.entries(capacity ?? {}).map(([kind, value]) => `${kind} ${value}`);
  const detail = `${room.join(', ') || 'without a bound'}, by ${by}`;
  const line = { index, event: 'capacity', group: null, epoch: state.lastEpoch, node } as const;
  return accept(recorded({ ...state, members }, { ...line, detail }), null);
}

/** Any phase, to `unowned`; nothing is unfinished afterwards. As good as an `assign` with remainder 0. */
export function applyExpired(state: ClusterState, index: number, command: Of<'expired'>): Change {
  const group = expected(state, command);
  if (isRefusal(group)) return group;
  const { epoch } = group;
  if (group.owner === null && group.unfinished.length === 0) return accept(state, epoch);
  const ended = { ...disowned(group), unfinished: [] };
  const node = group.owner ?? group.previousOwner;
  const line = { index, event: 'expired', group: command.group, epoch, node } as const;
  return accept(recorded(withGroup(state, ended), { ...line, detail: command.detail }), epoch);
}
