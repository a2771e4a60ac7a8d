/**
 * Parameters that differ from node to node. What is committed must be the same everywhere, so a
 * definition holds the values of *all* nodes, and each node reads its own just before it acts.
 *
 * `device@node2` is the value of `device` on node2; a plain `device` holds wherever no such value
 * stands. Parameter names never contain `@`. Agents see resolved definitions only and know nothing
 * of this rule: whoever calls them resolves first.
 */
import type { NodeId } from '../lib/ids.ts';
import type { GroupDefinition, Parameter, ResourceDefinition } from './definition.ts';

const MARK = '@';

/** The key under which a definition keeps the value of `parameter` for `node` alone. */
export function parameterOnNode(parameter: string, node: NodeId): string {
  return `${parameter}${MARK}${node}`;
}

/** The definition as `node` must read it: no key with a node's name is left. */
export function resolveParameters(
  definition: ResourceDefinition,
  node: NodeId,
): ResourceDefinition {
  const entries = Object.entries(definition.parameters);
  if (!entries.some(([key]) => key.includes(MARK))) return definition;
  const common = entries.filter(([key]) => !key.includes(MARK));
  const own = entries.flatMap(([key, value]): (readonly [string, Parameter])[] => {
    const at = key.indexOf(MARK);
    return at > 0 && key.slice(at + 1) === node ? [[key.slice(0, at), value]] : [];
  });
  return { ...definition, parameters: Object.fromEntries([...common, ...own]) };
}

/** All resources of the group as `node` must read them. */
export function resolveGroup(definition: GroupDefinition, node: NodeId): GroupDefinition {
  return {
    ...definition,
    resources: definition.resources.map((resource) => resolveParameters(resource, node)),
  };
}
