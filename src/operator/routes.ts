/**
 * The list of what can be asked, once: the server answers from it and the OpenAPI document is made
 * from it. Queries and bodies are checked strictly; what is not understood does nothing.
 *
 * Routes hold no logic of the cluster: they translate, and the daemon decides.
 */
import { z } from 'zod';
import { HISTORY_LIMIT } from '../cluster/state.ts';
import type { Daemon } from './api.ts';
import { LatencyDesk } from './latency.ts';
import { POLICY_ROUTES } from './policy-routes.ts';
import { name, type Route, route } from './route.ts';
import { why } from './why.ts';

export type { RawRequest, Route } from './route.ts';

/** A token that is good for longer than a week is one that was forgotten, and so is a wish. */
const MAX_LIFETIME_MS = 7 * 24 * 3_600_000;
const DEFAULT_WISH_MS = 8 * 3_600_000;
const MODES = ['online', 'standby', 'maintenance'] as const;

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
  wishMs: z
    .int()
    .min(0)
    .max(MAX_LIFETIME_MS)
    .default(DEFAULT_WISH_MS)
    .describe('how long the group is wanted there, unless `unmove` undoes it; 0: not at all'),
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
    z.strictObject({ kind: z.literal('resource'), group: name, resource: name }),
  ]),
  mode: z.enum(MODES),
});

const inviteBody = z.strictObject({
  node: name.nullable().default(null).describe('the only name that it is good for; null: any'),
  role: z.enum(['voter', 'learner']).default('voter'),
  lifetimeMs: z.int().min(1_000).max(MAX_LIFETIME_MS).default(3_600_000),
});

/** One for each daemon, so that all who ask it share a measurement. */
const latencies = new WeakMap<Daemon, LatencyDesk>();

export const ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/status',
    summary: 'Everything at a glance: quorum, leader, members, groups, and why nothing is served',
    data: 'ClusterStatus',
    query: statusQuery,
    run: (daemon, { query }) => daemon.status({ current: query.current === 'true' }),
  }),
  route({
    method: 'GET',
    path: '/v1/members',
    summary: 'Members with the state of each interconnect, as this node sees them',
    data: 'list of MemberStatus',
    query: statusQuery,
    run: async (daemon, { query }) => {
      const answer = await daemon.status({ current: query.current === 'true' });
      return { ...answer, data: answer.data.members };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/groups',
    summary: 'Failover groups: owner, epoch, phase, and why one is not served',
    data: 'list of GroupStatus',
    query: statusQuery,
    run: async (daemon, { query }) => {
      const answer = await daemon.status({ current: query.current === 'true' });
      return { ...answer, data: answer.data.groups };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/timeline',
    summary: 'The failovers that the history remembers, with the duration of each phase',
    data: 'list of Timeline',
    query: groupQuery,
    run: (daemon, { query }) => daemon.timelines({ group: query.group ?? null }),
  }),
  route({
    method: 'GET',
    path: '/v1/history',
    summary: 'The newest entries of the replicated history',
    data: 'list of HistoryEntry',
    query: historyQuery,
    run: async (daemon, { query }) => {
      const { limit, group, node } = query;
      const all = group === undefined && node === undefined;
      const answer = await daemon.history({ limit: all ? Number(limit) : HISTORY_LIMIT });
      const data = answer.data.filter(
        (entry) =>
          (group === undefined || entry.group === group) &&
          (node === undefined || entry.node === node || entry.from === node),
      );
      return { ...answer, data: data.slice(-Number(limit)) };
    },
  }),
  route({
    method: 'POST',
    path: '/v1/groups/{group}/move',
    summary: 'Hands a group over in order: stopped where it is, then started elsewhere',
    data: 'MoveAnswer',
    body: moveBody,
    bodyMayBeMissing: true,
    run: (daemon, { params, body, by }) =>
      daemon.move({ group: params['group'] ?? '', ...body }, by),
  }),
  route({
    method: 'GET',
    path: '/v1/latency',
    summary: 'The round trip to each member over each interconnect, measured now',
    data: 'list of LatencyStatus',
    run: async (daemon) => {
      const status = await daemon.status({ current: false });
      const desk = latencies.get(daemon) ?? new LatencyDesk();
      latencies.set(daemon, desk);
      return { ...status, data: await desk.ask(status.data) };
    },
  }),
  route({
    method: 'GET',
    path: '/v1/groups/{group}/why',
    summary: 'Why a group is where it is, in sentences from committed evidence',
    data: 'Explanation',
    run: (daemon, { params }) => why(daemon, 'group', params['group'] ?? ''),
  }),
  route({
    method: 'GET',
    path: '/v1/members/{node}/why',
    summary: 'Why a node is what it is, in sentences from committed evidence',
    data: 'Explanation',
    run: (daemon, { params }) => why(daemon, 'node', params['node'] ?? ''),
  }),
  route({
    method: 'GET',
    path: '/v1/invitations',
    summary: 'Invitations that are open, or were used and have not expired',
    data: 'list of InvitationStatus',
    run: (daemon) => daemon.invitations(),
  }),
  route({
    method: 'POST',
    path: '/v1/invitations',
    summary: 'Makes an invitation; its token is in this answer and nowhere else',
    data: 'InviteAnswer',
    body: inviteBody,
    bodyMayBeMissing: true,
    run: (daemon, { body, by }) => daemon.invite(body, by),
  }),
  route({
    method: 'POST',
    path: '/v1/invitations/{peer}/revoke',
    summary: 'Takes an invitation back',
    data: 'null',
    run: (daemon, { params, by }) => daemon.revokeInvitation(params['peer'] ?? '', by),
  }),
  route({
    method: 'POST',
    path: '/v1/members/{node}/role',
    summary: 'Lets a member vote, only receive the log, or leave the cluster',
    data: 'RoleAnswer',
    body: roleBody,
    run: (daemon, { params, body, by }) =>
      daemon.setRole({ node: params['node'] ?? '', ...body }, by),
  }),
  route({
    method: 'POST',
    path: '/v1/mode',
    summary: 'Sets a node, a group or the cluster online, to standby or under maintenance',
    data: 'null',
    body: modeBody,
    run: (daemon, { body, by }) => daemon.setMode(body.subject, body.mode, by),
  }),
  ...POLICY_ROUTES,
];
