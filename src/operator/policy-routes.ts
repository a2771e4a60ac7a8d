/** The routes about policy; `routes.ts` has the others, and the rules that hold for all of them. */
import { z } from 'zod';
import { checkCommand } from '../cluster/codec.ts';
import type { GroupDefinition } from '../cluster/definition.ts';
import { HoldfastError } from '../lib/error.ts';
import { name, type Route, route } from './route.ts';

const planQuery = z.strictObject({
  if: z
    .union([z.string(), z.array(z.string()).max(16)])
    .optional()
    .describe('what is supposed: `node2 dies`, `group db stops`; may stand several times'),
});

const safety = {
  dryRun: z.boolean().default(false).describe('true: only say what would change'),
  yes: z.boolean().default(false).describe('true: groups that are in use may be stopped for it'),
};
const applyBody = z.strictObject({
  groups: z
    .array(z.looseObject({ group: name }))
    .max(1_024)
    .default([])
    .describe('list of GroupDefinition'),
  gone: z.array(name).default([]).describe('groups that are to be deleted'),
  capacities: z.record(name, z.record(name, z.number().min(0))).default({}),
  prune: z.boolean().default(false).describe('true: groups that are not named are deleted'),
  ...safety,
});
const rollbackBody = z.strictObject({
  revision: z.int().min(1).nullable().default(null).describe('null: the one before'),
  ...safety,
});

export const POLICY_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/plan',
    summary: 'What would happen, and why; nothing is touched',
    data: 'what would happen: steps, what would wait, where each group would be',
    query: planQuery,
    run: (daemon, { query }) => {
      const texts = query.if ?? [];
      return daemon.plan(typeof texts === 'string' ? [texts] : texts);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/plan/basis',
    summary: 'Everything that an answer of `/v1/plan` depends on, to be kept and asked later',
    data: 'what is committed, and what this node sees',
    run: (daemon) => daemon.basis(),
  }),
  route({
    method: 'POST',
    path: '/v1/apply',
    summary: 'Makes the groups what is asked for; says the difference, stops nothing without `yes`',
    data: 'the changes, and whether they were made',
    body: applyBody,
    run: (daemon, { body, by }) =>
      daemon.apply({ ...body, groups: body.groups.map(definitionOf) }, by),
  }),
  route({
    method: 'POST',
    path: '/v1/groups/{group}/rollback',
    summary: 'Gives a group the definition back that it had before',
    data: 'the changes, and whether they were made',
    body: rollbackBody,
    bodyMayBeMissing: true,
    run: (daemon, { params, body, by }) =>
      daemon.rollback({ group: params['group'] ?? '', ...body }, by),
  }),
  route({
    method: 'POST',
    path: '/v1/groups/{group}/unmove',
    summary: 'Undoes what a move has wished: the group is wanted nowhere in particular any more',
    data: 'null',
    run: (daemon, { params, by }) => daemon.unmove(params['group'] ?? '', by),
  }),
];

/** @throws HoldfastError BAD_REQUEST with the place of the first mismatch. */
function definitionOf(value: unknown): GroupDefinition {
  const by = '';
  const command = { kind: 'define-group', definition: value, expectedRevision: 0, by };
  const result = checkCommand(command);
  if (result.ok && result.value.kind === 'define-group') return result.value.definition;
  const expected = result.ok ? '' : result.error.detail;
  throw new HoldfastError('BAD_REQUEST', { issues: [{ at: 'body.groups', expected }] });
}
