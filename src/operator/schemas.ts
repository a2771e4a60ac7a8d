/**
 * The shapes of the answers, as `api.ts` has their types: from these the OpenAPI document is made, and
 * against these a test holds what the server answers. They are not in the way of an answer: what the
 * daemon says is sent as it is.
 *
 * `satisfies` holds each schema to its type: a key that is missing here is an error in the test, which
 * reads strictly; a key that is wrong here is an error of the compiler.
 */
import { z } from 'zod';
import type { GroupDefinition } from '../cluster/definition.ts';
import type { HistoryEntry } from '../cluster/state.ts';
import { PHASES } from '../lib/phases.ts';
import type {
  ClusterEvent,
  ClusterStatus,
  Explanation,
  GroupStatus,
  InvitationStatus,
  InviteAnswer,
  LatencyStatus,
  MemberStatus,
  MoveAnswer,
  RoleAnswer,
  Timeline,
} from './api.ts';

const name = z.string();
const counter = z.int().min(0);
const millis = z.number().describe('milliseconds');
const mode = z.enum(['online', 'standby', 'maintenance']);
const role = z.enum(['voter', 'learner', 'leaving']);
const reason = z.enum(['boot', 'failover', 'move', 'restart']);
const linkState = z.enum(['alive', 'suspect', 'dead']);

const linkStatus = z.strictObject({
  interconnect: name,
  state: linkState,
  silentMs: millis.nullable().describe('since the last heartbeat; null: never heard'),
});

const memberStatus = z.strictObject({
  node: name,
  number: counter,
  peerId: z.string(),
  addresses: z.record(z.string(), z.string()),
  mode,
  role,
  raft: z.enum(['voter', 'joining', 'outgoing', 'learner', 'none']),
  lag: counter
    .nullable()
    .describe('entries of the log that it lacks; null: not asked of the leader'),
  waits: z.string(),
  self: z.boolean(),
  leader: z.boolean(),
  state: linkState,
  links: z.array(linkStatus),
}) satisfies z.ZodType<MemberStatus>;

const groupStatus = z.strictObject({
  group: name,
  mode,
  phase: z.enum(['unowned', 'taking-over', 'serving', 'releasing']),
  owner: name.nullable(),
  epoch: counter,
  previousOwner: name.nullable(),
  reason,
  why: z.string().describe('why it is not served, or empty'),
  local: z.strictObject({
    state: z.string(),
    epoch: counter,
    leaseRemainingMs: millis.nullable(),
    resources: z.array(
      z.strictObject({
        resource: name,
        type: name,
        state: z.string(),
        code: z.string().nullable(),
      }),
    ),
  }),
  failures: z.array(
    z.strictObject({ epoch: counter, node: name, code: z.string(), detail: z.string() }),
  ),
  fitness: z.array(z.strictObject({ node: name, fit: z.boolean(), code: z.string().nullable() })),
  wish: z.strictObject({ node: name, expiresAtMs: millis, by: z.string() }).nullable().optional(),
  paused: z.array(name).optional().describe('resources under maintenance'),
}) satisfies z.ZodType<GroupStatus>;

const clusterStatus = z.strictObject({
  node: name,
  version: z.string(),
  incarnation: counter,
  quorate: z.boolean(),
  why: z.string().describe('why nothing is served, or empty'),
  leader: name.nullable(),
  role: z.string(),
  term: counter,
  commitIndex: counter,
  logStalled: z.boolean(),
  mode,
  members: z.array(memberStatus),
  groups: z.array(groupStatus),
  refused: z
    .array(z.strictObject({ key: z.string(), code: z.string(), detail: z.string() }))
    .optional(),
}) satisfies z.ZodType<ClusterStatus>;

const phaseStamp = z.strictObject({
  phase: z.enum(PHASES),
  node: name,
  startedMs: millis.describe("on that node's own monotonic clock"),
  durationMs: millis,
  incarnation: counter,
});

const timeline = z.strictObject({
  group: name,
  epoch: counter,
  from: name.nullable(),
  to: name,
  reason,
  evidence: z.string(),
  stamps: z.array(phaseStamp),
  totalMs: millis,
  phasesMs: z.partialRecord(z.enum(PHASES), millis),
  overruns: z
    .array(
      z.strictObject({ phase: z.enum([...PHASES, 'total']), tookMs: millis, budgetMs: millis }),
    )
    .optional(),
}) satisfies z.ZodType<Timeline>;

/** Its keys are those of the configuration's groups, as `cluster/definition.ts` has them. */
const groupDefinition = z.looseObject({ group: name }) as unknown as z.ZodType<GroupDefinition>;

const historyEntry = z.strictObject({
  index: counter,
  group: name.nullable(),
  epoch: counter,
  event: z.enum([
    ...(['created', 'member-admitted', 'member-removed', 'invited', 'invitation-revoked'] as const),
    ...(['role', 'recovered', 'defined', 'deleted', 'assigned', 'released', 'stopped'] as const),
    ...(['fenced', 'serving', 'takeover-failed', 'mode', 'level', 'forgotten'] as const),
    ...(['wish', 'capacity', 'expired', 'to-be-defined'] as const),
  ]),
  node: name.nullable(),
  from: name.nullable(),
  reason: reason.nullable(),
  evidence: z
    .strictObject({
      kind: z.enum(['silence', 'proof-of-death', 'reported', 'operator', 'boot']),
      observer: name,
      perInterconnectMs: z.record(z.string(), millis),
      detail: z.string(),
    })
    .nullable(),
  stamps: z.array(phaseStamp),
  detail: z.string(),
  defined: z
    .strictObject({ revision: counter, definition: groupDefinition })
    .optional()
    .describe('`defined`, `deleted`: the definition that came, or went'),
  clean: z.boolean().optional().describe('`stopped`: everything in order, not by force'),
}) satisfies z.ZodType<HistoryEntry>;

const latencyStatus = z.strictObject({
  node: name,
  interconnect: name,
  roundTripMs: millis.nullable().describe('null: no answer within a second'),
}) satisfies z.ZodType<LatencyStatus>;

const explanation = z.strictObject({
  kind: z.enum(['group', 'node']),
  name,
  sentences: z.array(
    z.strictObject({
      text: z.string(),
      index: counter.nullable().describe('the log entry that proves it; null: merely seen now'),
    }),
  ),
  remedies: z.array(z.string()),
}) satisfies z.ZodType<Explanation>;

const moveAnswer = z.strictObject({
  group: name,
  from: name.nullable(),
  to: name.nullable(),
}) satisfies z.ZodType<MoveAnswer>;

const roleAnswer = z.strictObject({
  node: name,
  from: role,
  to: role,
}) satisfies z.ZodType<RoleAnswer>;

const invitation = z.strictObject({
  peerId: z.string(),
  node: name.nullable(),
  role: z.enum(['voter', 'learner']),
  expiresAtMs: z.number().describe('wall clock, milliseconds since 1970'),
  by: z.string(),
  usedBy: name.nullable(),
}) satisfies z.ZodType<InvitationStatus>;

const inviteAnswer = invitation.extend({
  token: z.string().describe('said once and kept nowhere'),
}) satisfies z.ZodType<InviteAnswer>;

const clusterEvent = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('history'), entry: historyEntry }),
  z.strictObject({ kind: z.literal('leader'), leader: name.nullable(), term: counter }),
  z.strictObject({
    kind: z.literal('configuration'),
    voters: z.array(name),
    outgoing: z.array(name),
    learners: z.array(name),
  }),
  z.strictObject({
    kind: z.literal('link'),
    node: name,
    interconnect: name,
    state: linkState,
  }),
  z.strictObject({
    kind: z.literal('local'),
    group: name,
    epoch: counter,
    state: z.string(),
    detail: z.string(),
  }),
]) satisfies z.ZodType<ClusterEvent>;

/** By the names under which the OpenAPI document has them. */
export const SCHEMAS = {
  ClusterStatus: clusterStatus,
  MemberStatus: memberStatus,
  GroupStatus: groupStatus,
  Timeline: timeline,
  HistoryEntry: historyEntry,
  LatencyStatus: latencyStatus,
  Explanation: explanation,
  MoveAnswer: moveAnswer,
  RoleAnswer: roleAnswer,
  InvitationStatus: invitation,
  InviteAnswer: inviteAnswer,
  ClusterEvent: clusterEvent,
} as const;

/** The schema of `data` by its words in the list of routes: `Timeline`, `list of Timeline`, `null`. */
export function dataSchema(words: string): z.ZodType | null {
  if (words === 'null') return z.null();
  const [, list, key = ''] = /^(list of )?(\w+)$/.exec(words) ?? [];
  const schema: z.ZodType | undefined = Object.hasOwn(SCHEMAS, key)
    ? SCHEMAS[key as keyof typeof SCHEMAS]
    : undefined;
  if (schema === undefined) return null;
  return list === undefined ? schema : z.array(schema);
}
