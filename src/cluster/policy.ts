/**
 * What an operator may ask of a group beyond its resources: how often it is tried, where it may be,
 * beside whom, after whom, and how long it may take. Values only; `failover/` acts on them.
 */
import type { GroupId, Millis } from '../lib/ids.ts';
import type { Phase } from '../lib/phases.ts';
import type { GroupDefinition } from './definition.ts';

/** So many times within the window that ends now. */
export type Limit = { readonly count: number; readonly windowMs: Millis };

/** Minutes of the day, UTC, 0 … 1439. A window whose end lies before its start runs over midnight. */
export type DailyWindow = { readonly fromMinute: number; readonly toMinute: number };

export type GroupPolicy = {
  /** An application that dies is started again here so often before the group fails over. */
  readonly restarts: Limit;
  /**
   * A failure is forgotten after `windowMs`. With `count` failures remembered the group is stopped
   * until one is forgotten, or an operator sets it online; null: it is tried for ever, with pauses.
   */
  readonly failovers: { readonly count: number | null; readonly windowMs: Millis };
  /** When a served group may go back to a node that is more wanted. Stickiness is `never`. */
  readonly failback: 'never' | 'now' | DailyWindow;
  /** Runs only where these groups run. */
  readonly with: readonly GroupId[];
  /** Never on a node that runs one of these. Holds for both, whichever of them says it. */
  readonly apart: readonly GroupId[];
  /** Starts when these are served, and is stopped before them when both are to be stopped. */
  readonly after: readonly GroupId[];
  /** What it takes of a node's capacity, by kind (`memory`, `cores`, …), in units of the operator. */
  readonly uses: Readonly<Record<string, number>>;
  /** Higher ones choose first when there is not room for all. */
  readonly priority: number;
  /** How long a failover may take, by phase and in all. A phase without one may take any time. */
  readonly budgetsMs: Readonly<Partial<Record<Phase | 'total', Millis>>>;
};

export const DEFAULT_POLICY: GroupPolicy = {
  restarts: { count: 2, windowMs: 60_000 },
  failovers: { count: null, windowMs: 600_000 },
  failback: 'never',
  with: [],
  apart: [],
  after: [],
  uses: {},
  priority: 0,
  budgetsMs: {},
};

export function policyOf(definition: GroupDefinition): GroupPolicy {
  return definition.policy ?? DEFAULT_POLICY;
}

/** Groups that must be there before this one: it runs where they run, or after them. */
export function leadersOf(definition: GroupDefinition): readonly GroupId[] {
  const { with: beside, after } = policyOf(definition);
  return [...new Set([...beside, ...after])];
}
