/**
 * The OpenAPI 3.1 document of the interface, made from the list of routes and the schemas of the
 * answers: nothing in it is written a second time, so it cannot say anything else than the server.
 */
import { z } from 'zod';
import { ROUTES, type Route } from './routes.ts';
import { SCHEMAS } from './schemas.ts';

const ANSWER = {
  type: 'object',
  description: '`stale`: no majority was asked in time, what is said may be out of date',
  required: ['clusterId', 'answeredBy', 'stale', 'appliedIndex', 'data'],
  properties: {
    clusterId: { type: 'string' },
    answeredBy: { type: 'string' },
    stale: { type: 'boolean' },
    appliedIndex: { type: 'integer' },
    data: {},
  },
};

const PROBLEM = {
  type: 'object',
  required: ['code', 'cause', 'remedy', 'context'],
  properties: {
    code: { type: 'string' },
    cause: { type: 'string' },
    remedy: { type: 'string' },
    context: { type: 'object' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
  },
};

const REFUSED = {
  description: 'Refused: nothing was done, and this says why',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of ROUTES) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  const text = (description: string, type: string) => ({
    get: { responses: { 200: { description, content: { [type]: {} } } } },
  });
  return {
    openapi: '3.1.0',
    info: { title: 'Holdfast operator socket', version },
    paths: {
      ...paths,
      '/v1/events': events(),
      '/metrics': text('Prometheus text exposition', 'text/plain'),
      '/v1/openapi.json': text('This document', 'application/json'),
    },
    components: { schemas: { Answer: ANSWER, Problem: PROBLEM, ...answerSchemas() } },
  };
}

function operation(route: Route): object {
  const query = z.toJSONSchema(route.query, { io: 'input' }).properties ?? {};
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '');
  const parameters = [
    ...inPath.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...Object.entries(query).map(([name, schema]) => ({ name, in: 'query', schema })),
  ];
  return {
    summary: route.summary,
    parameters,
    ...(route.body === null
      ? {}
      : { requestBody: { content: { 'application/json': { schema: plainSchema(route.body) } } } }),
    responses: {
      200: {
        description: `data: ${route.data}`,
        content: { 'application/json': { schema: answerOf(route.data) } },
      },
      default: REFUSED,
    },
  };
}

function events(): object {
  const resume = {
    name: 'last-event-id',
    in: 'header',
    description: 'index of the last entry of the history that was seen; all later ones come first',
    schema: { type: 'integer', minimum: 0 },
  };
  const schema = { $ref: '#/components/schemas/ClusterEvent' };
  const description = 'Server-sent events, one ClusterEvent each; `id` is the index in the history';
  return {
    get: {
      summary: 'What happens as it happens',
      parameters: [resume],
      responses: {
        200: { description, content: { 'text/event-stream': { schema } } },
        default: REFUSED,
      },
    },
  };
}

/** The envelope with what is in it. */
function answerOf(words: string): object {
  const envelope = { $ref: '#/components/schemas/Answer' };
  const [, list, name = ''] = /^(list of )?(\w+)$/.exec(words) ?? [];
  if (words === 'null') return { allOf: [envelope, { properties: { data: { type: 'null' } } }] };
  if (!Object.hasOwn(SCHEMAS, name)) return envelope;
  const item = { $ref: `#/components/schemas/${name}` };
  const data = list === undefined ? item : { type: 'array', items: item };
  return { allOf: [envelope, { properties: { data } }] };
}

function answerSchemas(): Record<string, object> {
  return Object.fromEntries(
    Object.entries(SCHEMAS).map(([name, schema]) => [name, plainSchema(schema)]),
  );
}

function plainSchema(schema: z.ZodType): object {
  const { $schema: _, ...plain } = z.toJSONSchema(schema, { io: 'input' });
  return plain;
}
