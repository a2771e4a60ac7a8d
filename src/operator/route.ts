/** What a route is, and how queries and bodies are checked: strictly, and in words. */
import type { z } from 'zod';
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

/** @throws {HoldfastError} BAD_REQUEST with every issue and where it is. */
export function checked<S extends z.ZodType>(
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
