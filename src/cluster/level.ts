/**
 * The feature level: what every member is able to apply. It is committed, and raised by the leader
 * when each member has said that it knows the higher one, so that releases may be mixed while a
 * cluster is upgraded: an older member never meets an entry that it cannot read, and every member
 * applies one entry to the same result.
 *
 * Level 3 brought policies of groups, failures that outlive a success, wishes, and deletions that are
 * remembered. Level 4 notes at the end of an epoch whether everything was stopped in order. Below its
 * level nothing of that is written, and the state has none of its fields.
 */
import type { Command } from './command.ts';
import type { ClusterState } from './state.ts';

/** The highest level that this release knows. */
export const FEATURE_LEVEL = 4;

/** Of a state that says none. */
const OLDEST_LEVEL = 2;
const POLICIES = 3;
const CLEAN_STOPS = 4;

const SINCE_3: readonly Command['kind'][] = [
  'set-level',
  'forget-failures',
  'set-wish',
  'set-capacity',
  'expired',
];

export function levelOf(state: ClusterState): number {
  return state.level ?? OLDEST_LEVEL;
}

export function isLevel3(state: ClusterState): boolean {
  return levelOf(state) >= POLICIES;
}

/** Whether the history says as a value, and not in words only, how an epoch ended. */
export function notesCleanStops(state: ClusterState): boolean {
  return levelOf(state) >= CLEAN_STOPS;
}

/** The level at which every member understands the command. */
export function levelNeeded(command: Command): number {
  if (SINCE_3.includes(command.kind)) return POLICIES;
  const isNew =
    (command.kind === 'define-group' &&
      (command.definition.policy !== undefined || command.whenDown === true)) ||
    (command.kind === 'set-mode' && command.subject.kind === 'resource');
  return isNew ? POLICIES : OLDEST_LEVEL;
}

/** Whether the command has to wait until every member understands it; raising the level need not. */
export function isTooNew(state: ClusterState, command: Command): boolean {
  return command.kind !== 'set-level' && levelNeeded(command) > levelOf(state);
}
