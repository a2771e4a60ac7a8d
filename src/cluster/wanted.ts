/**
 * From what is to what an operator wants: each change in words, with the command that makes it, and
 * whether somebody who is served now notices. Nothing is done here.
 *
 * Groups that are not named stay as they are, unless everything unnamed is to go (`prune`).
 */
import type { GroupId, NodeId } from '../lib/ids.ts';
import { apply } from './apply.ts';
import type { Command } from './command.ts';
import type { GroupDefinition } from './definition.ts';
import { differenceOf, interrupts } from './difference.ts';
import { groupOf, membersInOrder } from './queries.ts';
import type { ClusterState } from './state.ts';

export type Wanted = {
  readonly groups: readonly GroupDefinition[];
  readonly gone: readonly GroupId[];
  readonly capacities: Readonly<Record<NodeId, Readonly<Record<string, number>>>>;
  readonly prune: boolean;
};

export type Change = {
  readonly subject: 'group' | 'node';
  readonly name: string;
  readonly what: 'create' | 'change' | 'delete';
  readonly words: readonly string[];
  /** The group has to be stopped for it; the cluster does so. */
  readonly interrupts: boolean;
  readonly command: Command;
};

/** In the order in which they are to be made; what is as it is wanted is left out. */
export function changesFor(state: ClusterState, wanted: Wanted, by: string): readonly Change[] {
  const named = new Set(wanted.groups.map(({ group }) => group));
  const others = Object.keys(state.groups).filter((name) => !named.has(name));
  const gone = others.filter((name) => wanted.prune || wanted.gone.includes(name));
  return [
    ...capacities(state, wanted, by),
    ...wanted.groups.flatMap((definition) => defining(state, definition, by)),
    ...gone.flatMap((name) => deleting(state, name, by)),
  ];
}

/** The first of the changes that the state would refuse, tried one after the other; null: none. */
export function refusalOf(
  state: ClusterState,
  changes: readonly Change[],
): { readonly name: string; readonly code: string; readonly detail: string } | null {
  let after = state;
  for (const { name, what, interrupts: later, command } of changes) {
    // An owned group is deleted when it has been stopped.
    if (what === 'delete' && later) continue;
    const change = apply(after, 0, command);
    if (!change.outcome.ok) {
      const { code, detail } = change.outcome;
      return { name, code, detail };
    }
    after = change.state;
  }
  return null;
}

function defining(state: ClusterState, definition: GroupDefinition, by: string): readonly Change[] {
  const { group: name } = definition;
  const before = groupOf(state, name);
  const words = differenceOf(before?.definition ?? null, definition);
  // The definition that it has takes a waiting one back.
  const recalls = before?.pending != null && words.length === 0;
  if (words.length === 0 && !recalls) return [];
  const stops = before !== null && interrupts(before, definition);
  const expectedRevision = before?.revision ?? 0;
  const command: Command = {
    kind: 'define-group',
    definition,
    expectedRevision,
    by,
    ...(stops ? { whenDown: true as const } : {}),
  };
  const what = before === null ? 'create' : 'change';
  const told = recalls ? ['what was to come when it is down does not come'] : words;
  return [{ subject: 'group', name, what, words: told, interrupts: stops, command }];
}

function deleting(state: ClusterState, name: GroupId, by: string): readonly Change[] {
  const group = groupOf(state, name);
  if (group === null) return [];
  const used = group.owner !== null || group.unfinished.length > 0;
  const words = group.owner === null ? [] : [`owned by ${group.owner}, which stops it first`];
  const command = { kind: 'delete-group', group: name, by } as const;
  return [{ subject: 'group', name, what: 'delete', words, interrupts: used, command }];
}

function capacities(state: ClusterState, wanted: Wanted, by: string): readonly Change[] {
  return membersInOrder(state).flatMap(({ member: { node }, capacity: before }): Change[] => {
    const capacity = wanted.capacities[node];
    if (capacity === undefined) return [];
    const [old, now] = [before ?? {}, capacity].map((room) =>
      Object.entries(room)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([kind, value]) => `${kind} ${value}`)
        .join(', '),
    );
    if (old === now) return [];
    const words = [`capacity: ${old || 'no bound'} → ${now || 'no bound'}`];
    const command = { kind: 'set-capacity', node, capacity, by } as const;
    return [{ subject: 'node', name: node, what: 'change', words, interrupts: false, command }];
  });
}
