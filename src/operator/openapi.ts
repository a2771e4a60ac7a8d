/**
 * The OpenAPI 3.1 document of the interface, made from the list of routes. It describes requests
 * exactly and answers by their envelope; the types of `data` are those of `operator/api.ts`.
 */
import { z } from 'zod';
import { ROUTES, type Route } from './routes.ts';

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
      '/v1/events': text('Server-sent events: one ClusterEvent each', 'text/event-stream'),
      '/metrics': text('Prometheus text exposition', 'text/plain'),
      '/v1/openapi.json': text('This document', 'application/json'),
    },
    components: { schemas: { Answer: ANSWER, Problem: PROBLEM } },
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
      : { requestBody: { content: { 'application/json': { schema: bodySchema(route.body) } } } }),
    responses: {
      200: {
        description: `data: ${route.data}`,
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Answer' } } },
      },
      default: REFUSED,
    },
  };
}

function bodySchema(body: z.ZodType): object {
  const { $schema: _, ...schema } = z.toJSONSchema(body, { io: 'input' });
  return schema;
}
