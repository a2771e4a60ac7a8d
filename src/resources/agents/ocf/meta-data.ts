/**
 * What an OCF agent says of itself: which parameters it takes and which actions it offers. The daemon
 * asks before it starts anything, so that a misspelt parameter is an answer and not a surprise at
 * three in the morning: agents ignore what they do not know.
 *
 * Texts for people (longdesc) are not kept.
 *
 * Reference: OCF Resource Agent API 1.1, "Resource Agent Meta-data"; `ra-api.rng` beside it.
 */
import { XMLParser } from 'fast-xml-parser';
import { z } from 'zod';
import { HoldfastError } from '../../../lib/error.ts';
import type { Millis } from '../../../lib/ids.ts';
import { parseOcfDuration } from './duration.ts';

export type OcfParameter = {
  readonly name: string;
  readonly required: boolean;
  readonly type: string;
  readonly fallback: string | null;
};

export type OcfAction = {
  readonly name: string;
  readonly timeoutMs: Millis | null;
  readonly intervalMs: Millis | null;
  /** OCF_CHECK_LEVEL for which it is meant. */
  readonly depth: number;
};

export type OcfMetaData = {
  readonly name: string;
  readonly parameters: readonly OcfParameter[];
  readonly actions: readonly OcfAction[];
};

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  isArray: (name) => name === 'parameter' || name === 'action',
  // Agents print no entities of their own; whoever does is not followed.
  processEntities: false,
});

const text = z.string();
const parameter = z.object({
  name: text,
  required: text.optional(),
  content: z.object({ type: text.optional(), default: text.optional() }).optional(),
});
const action = z.object({
  name: text,
  timeout: text.optional(),
  interval: text.optional(),
  depth: text.optional(),
});
/** An element without content is an empty text to the parser. */
const listOf = <T extends z.ZodType>(key: string, item: T) =>
  z
    .union([z.object({ [key]: z.array(item).optional() }), text])
    .optional()
    .transform((value): z.output<T>[] => {
      const list: unknown = typeof value === 'object' ? value[key] : undefined;
      return Array.isArray(list) ? list : [];
    });
const document = z.object({
  'resource-agent': z.object({
    name: text,
    parameters: listOf('parameter', parameter),
    actions: listOf('action', action),
  }),
});

/** @throws HoldfastError OCF_META_DATA_GARBLED */
export function parseMetaData(xml: string): OcfMetaData {
  const found = document.safeParse(quietly(xml));
  if (!found.success) {
    const context = { detail: z.prettifyError(found.error), begins: xml.slice(0, 100) };
    throw new HoldfastError('OCF_META_DATA_GARBLED', context);
  }
  const agent = found.data['resource-agent'];
  return {
    name: agent.name,
    parameters: agent.parameters.map(({ name, required, content }) => ({
      name,
      required: required === '1' || required === 'true',
      type: content?.type ?? 'string',
      fallback: content?.default ?? null,
    })),
    actions: agent.actions.map(({ name, timeout, interval, depth }) => ({
      name,
      timeoutMs: parseOcfDuration(timeout),
      intervalMs: parseOcfDuration(interval),
      depth: Number(depth ?? 0) || 0,
    })),
  };
}

function quietly(xml: string): unknown {
  try {
    return parser.parse(xml);
  } catch {
    // Not XML: the shape below says so.
    return null;
  }
}

/** What is wrong with the values that somebody gave for the parameters; empty when nothing is. */
export function faultsOf(
  { name, parameters }: OcfMetaData,
  given: Readonly<Record<string, string>>,
): readonly string[] {
  const known = new Map(parameters.map((one) => [one.name, one]));
  const unknown = Object.keys(given)
    .filter((key) => !known.has(key))
    .map((key) => `${name} has no parameter ${key}`);
  const missing = parameters
    .filter((one) => one.required && (given[one.name] ?? '') === '')
    .map((one) => `${name} needs the parameter ${one.name}`);
  const wrong = Object.entries(given).flatMap(([key, value]) => {
    const type = known.get(key)?.type ?? 'string';
    return fits(value, type) ? [] : [`${key} of ${name} is of type ${type}, not ${value}`];
  });
  return [...unknown, ...missing, ...wrong];
}

function fits(value: string, type: string): boolean {
  switch (type) {
    case 'integer':
    case 'second':
      return /^[+-]?\d+$/.test(value) || parseOcfDuration(value) !== null;
    case 'boolean':
      return /^(1|0|true|false|yes|no|on|off|ja|nein)$/i.test(value);
    default:
      return true; // `string`, `select`, and what agents invent
  }
}
