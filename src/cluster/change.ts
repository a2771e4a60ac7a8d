/**
 * What applying one command gives: the state afterwards and how it went. A refused command is a
 * value and leaves the state as it was, the very same object.
 */
import type { Epoch, GroupId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { lookup } from './queries.ts';
import {
  type ClusterState,
  type GroupState,
  HISTORY_LIMIT,
  type HistoryEntry,
  type TakeoverFailure,
} from './state.ts';

export type Applied =
  /** `epoch`: the group's epoch afterwards; null for commands that are not about one group. */
  | { readonly ok: true; readonly epoch: Epoch | null }
  | { readonly ok: false; readonly code: ProblemCode; readonly detail: string };

export type Change = { readonly state: ClusterState; readonly outcome: Applied };

/** Failures are kept since the group last served; a group that fails for ever must not grow. */
export const FAILURE_LIMIT = 64;

export function refuse(state: ClusterState, code: ProblemCode, detail: string): Change {
  return { state, outcome: { ok: false, code, detail } };
}

export function accept(state: ClusterState, epoch: Epoch | null): Change {
  return { state, outcome: { ok: true, epoch } };
}

/** Phases that one line of the history keeps. */
export const STAMP_LIMIT = 64;

/** Words of programs that failed are kept, but not without end: they live in every snapshot. */
const DETAIL_LIMIT = 1_000;

function clipped(detail: string): string {
  return detail.length <= DETAIL_LIMIT ? detail : `${detail.slice(0, DETAIL_LIMIT - 1)}…`;
}

/** The group under this name, or the refusal. */
export function groupNamed(state: ClusterState, group: GroupId): GroupState | Change {
  const found = lookup(state.groups, group);
  return found ?? refuse(state, 'UNKNOWN_GROUP', `group ${group}`);
}

export function isRefusal(value: object): value is Change {
  return 'outcome' in value;
}

export function withGroup(state: ClusterState, group: GroupState): ClusterState {
  return { ...state, groups: { ...state.groups, [group.definition.group]: group } };
}

export function withFailure(
  failures: readonly TakeoverFailure[],
  failure: TakeoverFailure,
): readonly TakeoverFailure[] {
  return [...failures, { ...failure, detail: clipped(failure.detail) }].slice(-FAILURE_LIMIT);
}

type Line = Pick<HistoryEntry, 'index' | 'event' | 'group' | 'epoch'> & Partial<HistoryEntry>;

/** Adds a line to the history and forgets the oldest ones. */
export function recorded(state: ClusterState, line: Line): ClusterState {
  const entry: HistoryEntry = {
    node: null,
    from: null,
    reason: null,
    evidence: null,
    ...line,
    detail: clipped(line.detail ?? ''),
    stamps: (line.stamps ?? []).slice(0, STAMP_LIMIT),
  };
  return { ...state, history: [...state.history, entry].slice(-HISTORY_LIMIT) };
}

/** A copy of the table without one name. */
export function without<T>(table: Readonly<Record<string, T>>, name: string): Record<string, T> {
  return Object.fromEntries(Object.entries(table).filter(([key]) => key !== name));
}
