/**
 * Reads the file of `holdfast apply -f`: groups as they are to be, groups that are to go, and what
 * nodes have room for. The groups are written as in the configuration of a cluster; what may differ per
 * node is checked for the members that there are now.
 */
import { z } from 'zod';
import type { GroupDefinition } from '../cluster/definition.ts';
import type { NodeId } from '../lib/ids.ts';
import { type Fault, inFileOrder } from './fault.ts';
import { readGroups } from './groups.ts';
import { checkNode } from './members.ts';
import { readPart } from './shape.ts';
import { Source } from './source.ts';
import { Uses } from './uses.ts';
import { name } from './values.ts';

export type WantedGroups = {
  readonly groups: readonly GroupDefinition[];
  readonly gone: readonly string[];
  readonly capacities: Readonly<Record<NodeId, Readonly<Record<string, number>>>>;
};

const schema = z.strictObject({
  groups: z.array(z.unknown()).default([]),
  delete: z.array(name).default([]),
  capacity: z.record(name, z.record(name, z.number().min(0))).default({}),
});

/** `wanted` null when there is any error. `nodes`: the members of the running cluster. */
export function checkGroupsFile(
  file: string,
  text: string,
  nodes: readonly NodeId[],
): { readonly wanted: WantedGroups | null; readonly faults: readonly Fault[] } {
  const source = new Source(file, text);
  const wanted = source.faults.length === 0 ? read(source, nodes) : null;
  const failed = source.faults.some((fault) => fault.severity === 'error');
  return { wanted: failed ? null : wanted, faults: inFileOrder(source.faults) };
}

function read(source: Source, nodes: readonly NodeId[]): WantedGroups | null {
  const part = readPart(source, [], source.value ?? {}, schema);
  if (part === null) return null;
  const groups = readGroups(source, new Uses(source), part.groups, nodes);
  for (const node of Object.keys(part.capacity)) checkNode(source, ['capacity', node], node, nodes);
  part.delete.forEach((group, index) => {
    if (!groups.some((one) => one.group === group)) return;
    source.error('CONFIG_INVALID', ['delete', index], `${group} is defined in the same file`);
  });
  return { groups, gone: part.delete, capacities: part.capacity };
}
