/**
 * The configuration as a JSON Schema, for editors: keys to complete, words to show beside them, and a
 * line under what is wrong. Made from the schemas that read the file; what must fit together (names,
 * times, addresses) only `holdfast config check` can say.
 *
 * Reference: JSON Schema 2020-12.
 */
import { z } from 'zod';
import { RESOURCE_TYPES, type ResourceType } from './resource-types.ts';
import { PER_NODE } from './resources.ts';
import {
  fileSchema,
  groupSchema,
  logSchema,
  memberSchema,
  notificationSchema,
  operatorsSchema,
  resourceSchema,
  timesSchema,
  watchdogSchema,
} from './schema.ts';

type Json = { [key: string]: unknown };

/** Shown beside the key; `config/three-nodes.yaml` says more. */
const WORDS: Readonly<Record<string, string>> = {
  cluster: 'Name of the cluster; its hash is part of every reservation key.',
  node: 'Which member this file is for, where --node is not given.',
  'data-directory': 'Log, term, vote and key of this node; never shared or copied.',
  socket: 'What `holdfast status` and the other commands talk to.',
  profile: 'fast: a LAN and real-time scheduling. safe: slow or virtual machines, wide networks.',
  times: 'Single figures of the profile; they depend on each other.',
  log: 'Level, file and trace of the log.',
  watchdog: 'Fed by the guardian as long as it keeps its promise; else the machine is reset.',
  operators: 'Groups of the machine that may order, or only ask.',
  notifications: 'Who is told of failovers, failed takeovers and lost majorities.',
  interconnects: 'At least two, on networks that do not fail together.',
  members: 'The nodes; an odd number.',
  groups: 'Failover groups: what moves as one.',
  invited: 'Written by `holdfast join`: nobody votes because of this file.',
};

export function configJsonSchema(): Json {
  const file = plain(fileSchema);
  const properties = file['properties'] as Record<string, Json>;
  const parts: Readonly<Record<string, Json>> = {
    times: plain(timesSchema),
    log: withPerNode(plain(logSchema), ['file', 'trace']),
    watchdog: plain(watchdogSchema),
    operators: plain(operatorsSchema),
    notifications: list(plain(notificationSchema)),
    members: { ...list(requiring(plain(memberSchema), 'name', 'number', 'peer-id', 'addresses')) },
    groups: list(groupJson()),
  };
  for (const [key, part] of Object.entries(parts)) properties[key] = part;
  for (const [key, words] of Object.entries(WORDS)) {
    if (properties[key] !== undefined) properties[key]['description'] = words;
  }
  const whole = withPerNode(file, ['data-directory', 'socket']);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of Holdfast',
    ...requiring(whole, 'cluster', 'interconnects', 'members'),
  };
}

function groupJson(): Json {
  const group = requiring(plain(groupSchema), 'name', 'resources');
  const properties = group['properties'] as Record<string, Json>;
  const kinds = Object.entries(RESOURCE_TYPES).map(([type, kind]) => resourceJson(type, kind));
  properties['resources'] = list({ oneOf: kinds });
  return group;
}

function resourceJson(type: string, { schema, perNode }: ResourceType): Json {
  const resource = requiring(plain(resourceSchema), 'name', 'type');
  const properties = resource['properties'] as Record<string, Json>;
  properties['type'] = { const: type };
  properties['parameters'] = withPerNode(plain(schema), perNode);
  return resource;
}

/** Each of these keys may also be written `{per-node: {node1: …}}`. */
function withPerNode(schema: Json, keys: readonly string[]): Json {
  const properties = schema['properties'] as Record<string, Json> | undefined;
  for (const key of keys) {
    const value = properties?.[key];
    if (properties === undefined || value === undefined) continue;
    const { description, ...kind } = value;
    const table = { type: 'object', additionalProperties: kind };
    const split = {
      type: 'object',
      properties: { [PER_NODE]: table },
      required: [PER_NODE],
      additionalProperties: false,
    };
    properties[key] = {
      ...(description === undefined ? {} : { description }),
      anyOf: [kind, split],
    };
  }
  return schema;
}

function requiring(schema: Json, ...keys: readonly string[]): Json {
  const before = Array.isArray(schema['required']) ? schema['required'] : [];
  return { ...schema, required: [...new Set([...before, ...keys])] };
}

const list = (items: Json): Json => ({ type: 'array', items });

function plain(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return json;
}
