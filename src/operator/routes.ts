/**
 * The list of what can be asked, once: the server answers from it and the OpenAPI document is made
 * from it. Queries and bodies are checked strictly; what is not understood does nothing.
 *
 * Routes hold no logic of the cluster: they translate, and the daemon decides.
 */
import { z } from 'zod';
import { HISTORY_LIMIT } from '../cluster/state.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Daemon } from './api.ts';
import { LatencyDesk } from './latency.ts';
import { why } from './why.ts';

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

const MODES = ['online', 'standby', 'maintenance'] as const;
const nothing = z.strictObject({});
const name = z.string().min(1).max(64);

const statusQuery = z.strictObject({
  current: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true: ask a majority first; `stale` says whether it answered'),
});
const groupQuery = z.strictObject({ group: name.optional() });
const historyQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^[1-9][0-9]{0,3}$/, 'expected a number from 1 to 9999')
    .default('50')
    .describe('how many of the newest entries'),
  group: name.optional().describe('only what is about this group'),
  node: name.optional().describe('only what this node did or lost'),
});
const moveBody = z.strictObject({
  to: name.nullable().default(null).describe('null: wherever the cluster thinks best'),
});
const roleBody = z.strictObject({
  role: z.enum(['voter', 'learner', 'leaving']),
  force: z
    .boolean()
    .default(false)
    .describe('true: also when no majority of the voters that would be left is heard'),
});
const modeBody = z.strictObject({
  subject: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('node'), node: name }),
    z.strictObject({ kind: z.literal('group'), group: name }),
    z.strictObject({ kind: z.literal('cluster') }),
  ]),
  mode: z.enum(MODES),
});

/** A token that is good for longer than a week is one that was forgotten. */
const MAX_LIFETIME_MS = 7 * 24 * 3_600_000;
const inviteBody = z.strictObject({
  node: name.nullable().default(null).describe('the only name that it is good for; null: any'),
  role: z.enum(['voter', 'learner']).default('voter'),
  lifetimeMs: z.int().min(1_000).max(MAX_LIFETIME_MS).default(3_600_000),
});

/** One for each daemon, so that all who ask it share a measurement. */
const latencies = new WeakMap<Daemon, LatencyDesk>();

export const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/status',
    summary: 'Everything at a glance: quorum, leader, members, groups, and why nothing is served',
    data: 'ClusterStatus',
    query: statusQuery,
    body: null,
    run: (daemon, { query }) => daemon.status(wanted(query)),
  },
  {
    method: 'GET',
    path: '/v1/members',
    summary: 'Members with the state of each interconnect, as this node sees them',
    data: 'list of MemberStatus',
    query: statusQuery,
    body: null,
    run: async (daemon, { query }) => {
      const answer = await daemon.status(wanted(query));
      return { ...answer, data: answer.data.members };
    },
  },
  {
    method: 'GET',
    path: '/v1/groups',
    summary: 'Failover groups: owner, epoch, phase, and why one is not served',
    data: 'list of GroupStatus',
    query: statusQuery,
    body: null,
    run: async (daemon, { query }) => {
      const answer = await daemon.status(wanted(query));
      return { ...answer, data: answer.data.groups };
    },
  },
  {
    method: 'GET',
    path: '/v1/timeline',
    summary: 'The failovers that the history remembers, with the duration of each phase',
    data: 'list of Timeline',
    query: groupQuery,
    body: null,
    run: (daemon, { query }) =>
      daemon.timelines({ group: checked(groupQuery, query, 'query').group ?? null }),
  },
  {
    method: 'GET',
    path: '/v1/history',
    summary: 'The newest entries of the replicated history',
    data: 'list of HistoryEntry',
    query: historyQuery,
    body: null,
    run: async (daemon, { query }) => {
      const { limit, group, node } = checked(historyQuery, query, 'query');
      const all = group === undefined && node === undefined;
      const answer = await daemon.history({ limit: all ? Number(limit) : HISTORY_LIMIT });
      const data = answer.data.filter(
        (entry) =>
          (group === undefined || entry.group === group) &&
          (node === undefined || entry.node === node || entry.from === node),
      );
      return { ...answer, data: data.slice(-Number(limit)) };
    },
  },
  {
    method: 'POST',
    path: '/v1/groups/{group}/move',
    summary: 'Hands a group over in order: stopped where it is, then started elsewhere',
    data: 'MoveAnswer',
    query: nothing,
    body: moveBody,
    run: (daemon, { params, query, body, by }) => {
      checked(nothing, query, 'query');
      // No body at all means no wish; `null` is a slip.
      const { to } = checked(moveBody, body === undefined ? {} : body, 'body');
      return daemon.move({ group: params['group'] ?? '', to }, by);
    },
  },
  {
    method: 'GET',
    path: '/v1/latency',
    summary: 'The round trip to each member over each interconnect, measured now',
    data: 'list of LatencyStatus',
    query: nothing,
    body: null,
    run: async (daemon, { query }) => {
      checked(nothing, query, 'query');
      const status = await daemon.status({ current: false });
      const desk = latencies.get(daemon) ?? new LatencyDesk();
      latencies.set(daemon, desk);
      return { ...status, data: await desk.ask(status.data) };
    },
  },
  {
    method: 'GET',
    path: '/v1/groups/{group}/why',
    summary: 'Why a group is where it is, in sentences from committed evidence',
    data: 'Explanation',
    query: nothing,
    body: null,
    run: (daemon, { params, query }) => {
      checked(nothing, query, 'query');
      return why(daemon, 'group', params['group'] ?? '');
    },
  },
  {
    method: 'GET',
    path: '/v1/members/{node}/why',
    summary: 'Why a node is what it is, in sentences from committed evidence',
    data: 'Explanation',
    query: nothing,
    body: null,
    run: (daemon, { params, query }) => {
      checked(nothing, query, 'query');
      return why(daemon, 'node', params['node'] ?? '');
    },
  },
  {
    method: 'GET',
    path: '/v1/invitations',
    summary: 'Invitations that are open, or were used and have not expired',
    data: 'list of InvitationStatus',
    query: nothing,
    body: null,
    run: (daemon, { query }) => {
      checked(nothing, query, 'query');
      return daemon.invitations();
    },
  },
  {
    method: 'POST',
    path: '/v1/invitations',
    summary: 'Makes an invitation; its token is in this answer and nowhere else',
    data: 'InviteAnswer',
    query: nothing,
    body: inviteBody,
    run: (daemon, { query, body, by }) => {
      checked(nothing, query, 'query');
      return daemon.invite(checked(inviteBody, body === undefined ? {} : body, 'body'), by);
    },
  },
  {
    method: 'POST',
    path: '/v1/invitations/{peer}/revoke',
    summary: 'Takes an invitation back',
    data: 'null',
    query: nothing,
    body: null,
    run: (daemon, { params, query, by }) => {
      checked(nothing, query, 'query');
      return daemon.revokeInvitation(params['peer'] ?? '', by);
    },
  },
  {
    method: 'POST',
    path: '/v1/members/{node}/role',
    summary: 'Lets a member vote, only receive the log, or leave the cluster',
    data: 'RoleAnswer',
    query: nothing,
    body: roleBody,
    run: (daemon, { params, query, body, by }) => {
      checked(nothing, query, 'query');
      const { role, force } = checked(roleBody, body, 'body');
      return daemon.setRole({ node: params['node'] ?? '', role, force }, by);
    },
  },
  {
    method: 'POST',
    path: '/v1/mode',
    summary: 'Sets a node, a group or the cluster online, to standby or under maintenance',
    data: 'null',
    query: nothing,
    body: modeBody,
    run: (daemon, { query, body, by }) => {
      checked(nothing, query, 'query');
      const { subject, mode } = checked(modeBody, body, 'body');
      return daemon.setMode(subject, mode, by);
    },
  },
];

function wanted(query: unknown): { readonly current: boolean } {
  return { current: checked(statusQuery, query, 'query').current === 'true' };
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
