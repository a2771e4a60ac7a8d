/**
 * Phases that are known only after the line of the history that they belong to was written: the
 * leader learns how long `decide` took when the assignment is committed. They join that line.
 */
import type { PhaseStamp } from '../lib/phases.ts';
import { expected } from './apply-ownership.ts';
import { accept, type Change, isRefusal, STAMP_LIMIT } from './change.ts';
import type { Command } from './command.ts';
import type { ClusterState, HistoryEntry } from './state.ts';

type Report = Extract<Command, { readonly kind: 'report' }>;

/** The history is all that changes. A stamp that is there already is not added again. */
export function applyReport(state: ClusterState, command: Report): Change {
  const group = expected(state, command);
  if (isRefusal(group)) return group;
  const { epoch } = group;
  const belongs = (line: HistoryEntry): boolean =>
    line.event === 'assigned' && line.group === command.group && line.epoch === epoch;
  const at = state.history.findLastIndex(belongs);
  if (at < 0) return accept(state, epoch); // the line was forgotten already
  const history = state.history.map((line, i) =>
    i === at ? { ...line, stamps: joined(line.stamps, command.stamps) } : line,
  );
  return accept({ ...state, history }, epoch);
}

function joined(old: readonly PhaseStamp[], more: readonly PhaseStamp[]): readonly PhaseStamp[] {
  const key = (stamp: PhaseStamp): string =>
    [stamp.phase, stamp.node, stamp.incarnation, stamp.startedMs].join(' ');
  const known = new Set(old.map(key));
  return [...old, ...more.filter((stamp) => !known.has(key(stamp)))].slice(0, STAMP_LIMIT);
}
