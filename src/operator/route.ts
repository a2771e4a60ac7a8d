/** What a route is, and how queries and bodies are checked: strictly, and in words. */
import { z } from 'zod';
import { HoldfastError } from '../lib/error.ts';
import type { Daemon } from './api.ts';

export type RawRequest = {
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
  /** Who asks, as they say; kept in the history. The socket's permissions are the authority. */
  readonly by: string;
};

export type Route = {
  readonly method: 'GET' | 'POST';
  /** As in OpenAPI: `/v1/groups/{group}/move`. */
  readonly path: string;
  readonly summary: string;
  /** In words: `data` of the answer. */
  readonly data: string;
  readonly query: z.ZodObject;
  readonly body: z.ZodType | null;
  readonly run: (daemon: Daemon, request: RawRequest) => Promise<unknown>;
};

/** A name of the cluster, as it comes in a query or a body. */
export const name = z.string().min(1).max(64);
const nothing = z.strictObject({});

type Asked<Q extends z.ZodObject, B extends z.ZodType> = {
  readonly params: RawRequest['params'];
  readonly query: z.output<Q>;
  readonly body: z.output<B>;
  readonly by: string;
};

type Definition<Q extends z.ZodObject, B extends z.ZodType> = Pick<
  Route,
  'method' | 'path' | 'summary' | 'data'
> & {
  /** Left out: no query is understood. */
  readonly query?: Q;
  /** Left out: a body is not looked at. */
  readonly body?: B;
  /** No body at all is an empty one; `null` is a slip all the same. */
  readonly bodyMayBeMissing?: boolean;
  readonly run: (daemon: Daemon, asked: Asked<Q, B>) => Promise<unknown>;
};

/** A route whose query and body are checked before anything is done. */
export function route<Q extends z.ZodObject = typeof nothing, B extends z.ZodType = z.ZodUndefined>(
  definition: Definition<Q, B>,
): Route {
  const { query = nothing, body = null, bodyMayBeMissing = false, run, ...rest } = definition;
  return {
    ...rest,
    query,
    body,
    run: (daemon, raw) => {
      const sent = bodyMayBeMissing && raw.body === undefined ? {} : raw.body;
      return run(daemon, {
        params: raw.params,
        query: checked(query, raw.query, 'query') as z.output<Q>,
        body: (body === null ? undefined : checked(body, sent, 'body')) as z.output<B>,
        by: raw.by,
      });
    },
  };
}

/** @throws {HoldfastError} BAD_REQUEST with every issue and where it is. */
function checked<S extends z.ZodType>(
  schema: S,
  value: unknown,
  part: 'query' | 'body',
): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => ({
    at: [part, ...issue.path.map(String)].join('.'),
    expected: issue.message,
  }));
  throw new HoldfastError('BAD_REQUEST', { issues });
}
