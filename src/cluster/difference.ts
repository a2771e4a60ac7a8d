/**
 * What differs between two definitions of one group, in words, and whether an owner must be stopped for
 * it. Values of parameters are not repeated: the definitions
 * stand in the history.
 */
import type { GroupDefinition, ResourceDefinition } from './definition.ts';
import { resolveGroup } from './parameters.ts';
import { type GroupPolicy, policyOf } from './policy.ts';
import type { GroupState } from './state.ts';

/** A sentence each; empty: nothing differs. `before` null: the group is new. */
export function differenceOf(
  before: GroupDefinition | null,
  after: GroupDefinition,
): readonly string[] {
  if (before === null) {
    const names = after.resources.map(({ name }) => name).join(', ');
    return [`new, with ${names === '' ? 'no resources' : names}`];
  }
  return [
    ...preferredDiffer(before, after),
    ...policyDiffers(before, after),
    ...resourcesDiffer(before.resources, after.resources),
  ];
}

/**
 * Whether somebody who runs the group, or may still run it, has to stop what it started first: its
 * resources differ as that node reads them.
 */
export function interrupts(group: GroupState, after: GroupDefinition): boolean {
  const users = [group.owner, ...group.unfinished.map(({ node }) => node)];
  return users.some((node) => {
    if (node === null) return false;
    const old = resolveGroup(group.definition, node).resources;
    return resourcesDiffer(old, resolveGroup(after, node).resources).length > 0;
  });
}

function preferredDiffer(before: GroupDefinition, after: GroupDefinition): readonly string[] {
  const [old, now] = [before, after].map(({ preferred }) => preferred.join(' ') || 'nobody');
  return old === now ? [] : [`preferred: ${old} → ${now}`];
}

function policyDiffers(before: GroupDefinition, after: GroupDefinition): readonly string[] {
  const [old, now] = [policyOf(before), policyOf(after)];
  const keys = Object.keys(now) as readonly (keyof GroupPolicy)[];
  return keys
    .filter((key) => textOf(old[key]) !== textOf(now[key]))
    .map((key) => `${key}: ${textOf(old[key])} → ${textOf(now[key])}`);
}

function resourcesDiffer(
  before: readonly ResourceDefinition[],
  after: readonly ResourceDefinition[],
): readonly string[] {
  const old = new Map(before.map((one) => [one.name, one]));
  const names = new Set(after.map(({ name }) => name));
  const changes = after.flatMap((one) => {
    const was = old.get(one.name);
    if (was === undefined) return [`resource ${one.name}: new, ${one.type}`];
    const keys = keysThatDiffer(was, one);
    return keys.length === 0 ? [] : [`resource ${one.name}: other ${keys.join(', ')}`];
  });
  const gone = before.filter(({ name }) => !names.has(name));
  const order = [before, after].map((list) => list.map(({ name }) => name).join(' '));
  const all = [...changes, ...gone.map(({ name }) => `resource ${name}: gone`)];
  return all.length === 0 && order[0] !== order[1] ? ['resources: another order'] : all;
}

function keysThatDiffer(before: ResourceDefinition, after: ResourceDefinition): readonly string[] {
  const flat = (one: ResourceDefinition): Readonly<Record<string, unknown>> => {
    const { parameters, name: _, ...rest } = one;
    return { ...rest, ...parameters };
  };
  const [old, now] = [flat(before), flat(after)];
  const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  return keys.filter((key) => textOf(old[key]) !== textOf(now[key]));
}

/** Tables in the order of their keys: two files that say the same do not differ. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(textOf).join(' ');
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? 'none' : entries.map(([k, v]) => `${k} ${textOf(v)}`).join(', ');
}
