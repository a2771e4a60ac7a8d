/**
 * What a pure planner cannot know from one moment alone: since when a group has been as it is, and
 * since when its owner, although alive, has not said that it runs it. Kept by the leader between two
 * plans and handed to the planner as a value.
 */
import type { ClusterState, GroupState } from '../cluster/state.ts';
import type { Epoch, GroupId, Millis } from '../lib/ids.ts';
import { nodeView, type View } from '../membership/view.ts';

export type GroupAge = {
  /** When the group's committed state was first seen as it is now, on this node's clock. */
  readonly changedMs: Millis;
  /** Since when the living owner does not report the current epoch; null: it does, or is silent. */
  readonly idleSinceMs: Millis | null;
  /** Since when the owner has been known to be gone; null: it is not. */
  readonly lostSinceMs: Millis | null;
  /** When each failure that is committed was first seen, on this node's clock; in their order. */
  readonly failuresSinceMs: readonly Millis[];
};

export type GroupAgesAt = Readonly<Record<GroupId, GroupAge>>;

type Known = GroupAge & {
  readonly state: GroupState;
  readonly failedMs: ReadonlyMap<Epoch, Millis>;
};

export class GroupAges {
  #known: ReadonlyMap<GroupId, Known> = new Map();

  /** Call before every plan. `apply` makes a new group state exactly when something changed. */
  observe(state: ClusterState, view: View, now: Millis): GroupAgesAt {
    const observed = Object.values(state.groups).map((group): readonly [GroupId, Known] => {
      const name = group.definition.group;
      const before = this.#known.get(name);
      const same = before !== undefined && before.state === group;
      const changedMs = same ? before.changedMs : now;
      const idleSinceMs = runsSomewhere(group, view) ? null : (before?.idleSinceMs ?? now);
      const lostSinceMs = before?.state.epoch === group.epoch ? before.lostSinceMs : null;
      const failedMs = new Map(
        group.failures.map(({ epoch }) => [epoch, before?.failedMs.get(epoch) ?? now]),
      );
      const failuresSinceMs = [...failedMs.values()];
      const ages = { changedMs, idleSinceMs, lostSinceMs, failuresSinceMs };
      return [name, { state: group, failedMs, ...ages }];
    });
    this.#known = new Map(observed);
    return Object.fromEntries(
      observed.map(([name, { state: _, failedMs: __, ...ages }]) => [name, ages]),
    );
  }

  /** Call after every plan, with the groups whose owner it takes for gone. */
  lost(groups: readonly GroupId[], now: Millis): void {
    const known = [...this.#known].map(([name, age]): [GroupId, Known] => {
      const lostSinceMs = groups.includes(name) ? (age.lostSinceMs ?? now) : null;
      return [name, { ...age, lostSinceMs }];
    });
    this.#known = new Map(known);
  }
}

/** Whether the owner reports the current epoch, or cannot be heard to deny it. */
function runsSomewhere(group: GroupState, view: View): boolean {
  const seen = group.owner === null ? null : nodeView(view, group.owner);
  if (seen === null || seen.state !== 'alive') return true;
  return seen.groups.some(
    (local) =>
      local.group === group.definition.group &&
      local.epoch === group.epoch &&
      local.state !== 'stopped',
  );
}
