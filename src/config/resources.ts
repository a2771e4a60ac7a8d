/**
 * Reads one resource of a file into its definition, with the parameters of its type, values that
 * differ per node, and the needs that follow from its references.
 *
 * What holds on every node is read once; a resource with values per node is read once for each
 * member, as that member will see it, so that "node3 has no device" is found here.
 */

import type { Parameter, ResourceDefinition } from '../cluster/definition.ts';
import { dependencyOrder } from '../cluster/dependency-order.ts';
import { parameterOnNode } from '../cluster/parameters.ts';
import type { NodeId } from '../lib/ids.ts';
import type { Path } from './fault.ts';
import { RESOURCE_TYPES, type ResourceType } from './resource-types.ts';
import { resourceSchema } from './schema.ts';
import { nearest, readPart } from './shape.ts';
import type { Source } from './source.ts';

export const PER_NODE = 'per-node';

/** A definition together with where it stands in the file. */
export type PlacedResource = { readonly path: Path; readonly definition: ResourceDefinition };

export type RawResource = { readonly name: string | null; readonly type: string | null };

/** What can be told of a resource that may be wrong otherwise: for references of others to it. */
export function glance(raw: unknown): RawResource {
  const get = (key: string): string | null => {
    const value: unknown = typeof raw === 'object' && raw !== null ? Reflect.get(raw, key) : null;
    return typeof value === 'string' ? value : null;
  };
  return { name: get('name'), type: get('type') };
}

export function readResource(
  source: Source,
  path: Path,
  raw: unknown,
  nodes: readonly NodeId[],
): PlacedResource | null {
  const read = readPart(source, path, raw, resourceSchema);
  const typeName = glance(raw).type;
  if (typeName === null) return null;
  const type = Object.hasOwn(RESOURCE_TYPES, typeName) ? RESOURCE_TYPES[typeName] : undefined;
  if (type === undefined) {
    const known = Object.keys(RESOURCE_TYPES);
    const guess = nearest(typeName, known);
    const hint = guess === null ? `it is one of ${known.join(', ')}` : `did you mean ${guess}?`;
    source.error(
      'UNKNOWN_RESOURCE_TYPE',
      [...path, 'type'],
      `${JSON.stringify(typeName)}; ${hint}`,
    );
    return null;
  }
  const rawParameters: unknown =
    typeof raw === 'object' && raw !== null ? Reflect.get(raw, 'parameters') : undefined;
  const at = [...path, 'parameters'];
  const parameters = readParameters(source, at, rawParameters ?? {}, type, nodes);
  if (read === null || parameters === null) return null;
  const references = Object.keys(type.refersTo).flatMap((key) => parameters[key] ?? []);
  const needs = [...new Set([...read.needs, ...references.map(String)])];
  return {
    path,
    definition: {
      name: read.name,
      type: typeName,
      needs,
      parameters,
      startTimeoutMs: read['start-timeout'] ?? type.times.startTimeoutMs,
      stopTimeoutMs: read['stop-timeout'] ?? type.times.stopTimeoutMs,
      monitorIntervalMs: read['monitor-interval'] ?? type.times.monitorIntervalMs,
      monitorTimeoutMs: read['monitor-timeout'] ?? type.times.monitorTimeoutMs,
    },
  };
}

type Raw = Readonly<Record<string, unknown>>;
type Parameters = Readonly<Record<string, Parameter>>;

function readParameters(
  source: Source,
  path: Path,
  raw: unknown,
  type: ResourceType,
  nodes: readonly NodeId[],
): Parameters | null {
  if (!isMap(raw)) {
    source.error('CONFIG_INVALID', path, 'expected a map of parameters');
    return null;
  }
  const differing = Object.keys(raw).filter((key) => isPerNode(raw[key]));
  if (differing.length === 0) return readOnce(source, path, raw, type);
  if (!mayDiffer(source, path, raw, { differing, type, nodes })) return null;
  const common: Record<string, Parameter> = {};
  for (const node of nodes) {
    const seen = Object.fromEntries(
      Object.entries(raw).flatMap(([key, value]) => {
        const own = isPerNode(value) ? value[PER_NODE][node] : value;
        return own === undefined ? [] : [[key, own]];
      }),
    );
    const mark = source.faults.length;
    const parameters = readOnce(source, path, seen, type);
    if (parameters === null) {
      // The same slip would be reported again for each node.
      if (source.faults.length > mark) source.note(mark, `on ${node}`);
      return null;
    }
    for (const [key, value] of Object.entries(parameters)) {
      common[differing.includes(key) ? parameterOnNode(key, node) : key] = value;
    }
  }
  return common;
}

function readOnce(source: Source, path: Path, raw: Raw, type: ResourceType): Parameters | null {
  const read = readPart(source, path, raw, type.schema);
  if (read === null) return null;
  return Object.fromEntries(
    Object.entries(read).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

function mayDiffer(
  source: Source,
  path: Path,
  raw: Raw,
  {
    differing,
    type,
    nodes,
  }: {
    readonly differing: readonly string[];
    readonly type: ResourceType;
    readonly nodes: readonly NodeId[];
  },
): boolean {
  const before = source.faults.length;
  for (const key of differing) {
    if (!type.perNode.includes(key)) {
      const allowed = type.perNode.length === 0 ? 'none' : type.perNode.join(', ');
      const detail = `must be the same on every node (of this type may differ: ${allowed})`;
      source.error('CONFIG_INVALID', [...path, key], detail);
    }
    const value = raw[key];
    for (const node of isPerNode(value) ? Object.keys(value[PER_NODE]) : []) {
      if (nodes.includes(node)) continue;
      source.errorAtKey('NODE_NOT_IN_MEMBERS', [...path, key, PER_NODE, node], node);
    }
  }
  return source.faults.length === before;
}

function isMap(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isPerNode(value: unknown): value is { readonly [PER_NODE]: Raw } {
  return isMap(value) && Object.keys(value).join() === PER_NODE && isMap(value[PER_NODE]);
}

/**
 * References of a group's resources to each other: they exist, are of the right type, and form no
 * circle. `all` holds every resource of the group, also those that could not be read.
 */
export function checkDependencies(
  source: Source,
  groupPath: Path,
  resources: readonly PlacedResource[],
  all: readonly RawResource[],
): void {
  // Of a name that stands twice the first counts; the second is a fault of its own.
  const types = new Map(all.toReversed().map(({ name, type }) => [name, type]));
  let known = true;
  for (const { path, definition } of resources) {
    const refersTo = RESOURCE_TYPES[definition.type]?.refersTo ?? {};
    for (const [key, type] of Object.entries(refersTo)) {
      const target = definition.parameters[key];
      const found = typeof target === 'string' ? types.get(target) : undefined;
      // A resource whose own type is unknown is a fault already.
      if (found == null || found === type || !Object.hasOwn(RESOURCE_TYPES, found)) continue;
      const detail = `${target} is of type ${found}, not ${type}`;
      source.error('UNKNOWN_DEPENDENCY', [...path, 'parameters', key], detail);
    }
    for (const needed of definition.needs.filter((each) => !types.has(each))) {
      known = false;
      const key = Object.keys(refersTo).find((each) => definition.parameters[each] === needed);
      const at = source.indexOf([...path, 'needs'], needed);
      const where = at ?? (key === undefined ? [...path, 'needs'] : [...path, 'parameters', key]);
      source.error('UNKNOWN_DEPENDENCY', where, `${definition.name} needs ${needed}`);
    }
  }
  if (!known || resources.length < all.length) return;
  const order = dependencyOrder(resources.map(({ definition }) => definition));
  if (order.ok || order.error.code !== 'CYCLIC_DEPENDENCY') return;
  const [first = '', second = ''] = order.error.cycle;
  const placed = resources.find(({ definition }) => definition.name === first);
  const needs = placed === undefined ? groupPath : [...placed.path, 'needs'];
  const at = source.indexOf(needs, second) ?? needs;
  source.error('CYCLIC_DEPENDENCY', at, order.error.cycle.join(' needs '));
}
