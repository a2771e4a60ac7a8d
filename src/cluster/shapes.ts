/**
 * The shapes of commands and state, for bytes that come from a log, a snapshot or a peer. They say
 * what the types say, plus bounds; whether a command fits the state is for `apply`.
 */
import { MAX_EPOCH } from '../lib/ids.ts';
import { PHASES, type PhaseStamp } from '../lib/phases.ts';
import {
  anyOf,
  boolean,
  fields,
  finite,
  integer,
  list,
  nullable,
  oneOf,
  optional,
  type Shape,
  table,
  tagged,
  text,
} from '../lib/shape.ts';
import type { Command, CommandEnvelope, Evidence, MemberRole, Mode, Reason } from './command.ts';
import type { GroupDefinition, Member, Parameter, ResourceDefinition } from './definition.ts';
import { policy } from './policy-shape.ts';
import {
  type ClusterState,
  type GroupState,
  HISTORY_LIMIT,
  type HistoryEntry,
  INVITATION_LIMIT,
  type Invitation,
  LOSS_LIMIT,
  type MemberState,
  type TakeoverFailure,
  TOMBSTONE_LIMIT,
  type Tombstone,
  type UnfinishedEpoch,
  type Wish,
} from './state.ts';

const MANY = 4_096;
const name = text(255);
/** A bound against absurdity only: `apply` clips what it keeps. */
const words = text(1_048_576);
const counter = integer(0, Number.MAX_SAFE_INTEGER);
const epoch = integer(0, MAX_EPOCH);
const number = integer(1, 65_535);

const mode: Shape<Mode> = oneOf('online', 'standby', 'maintenance');
const role: Shape<MemberRole> = oneOf('voter', 'learner', 'leaving');
const reason: Shape<Reason> = oneOf('boot', 'failover', 'move', 'restart');

const member: Shape<Member> = fields<Member>({
  node: name,
  number,
  peerId: name,
  addresses: table(name),
});

const parameter: Shape<Parameter> = anyOf<Parameter>(
  'text, a number, true, false or a list of texts',
  words,
  finite,
  boolean,
  list(words, MANY),
);

const resource: Shape<ResourceDefinition> = fields<ResourceDefinition>({
  name,
  type: name,
  needs: list(name, MANY),
  parameters: table(parameter),
  startTimeoutMs: finite,
  stopTimeoutMs: finite,
  monitorIntervalMs: finite,
  monitorTimeoutMs: finite,
});

const definition: Shape<GroupDefinition> = fields<GroupDefinition>({
  group: name,
  resources: list(resource, MANY),
  preferred: list(name, MANY),
  policy: optional(policy),
});

const evidence: Shape<Evidence> = fields<Evidence>({
  kind: oneOf('silence', 'proof-of-death', 'reported', 'operator', 'boot'),
  observer: name,
  perInterconnectMs: table(finite),
  detail: words,
});

const stamps: Shape<readonly PhaseStamp[]> = list(
  fields<PhaseStamp>({
    phase: oneOf(...PHASES),
    node: name,
    startedMs: finite,
    durationMs: finite,
    incarnation: counter,
  }),
  MANY,
);

const yes: Shape<true> = { check: (value, path) => (value === true ? null : `${path}: true`) };
const capacity = table(finite);

const guard = { group: name, expectedEpoch: epoch } as const;

const invited = {
  peerId: name,
  node: nullable(name),
  role: oneOf('voter', 'learner'),
  expiresAtMs: finite,
  by: words,
} as const;

type Of<K extends Command['kind']> = Extract<Command, { readonly kind: K }>;
type Subject = Of<'set-mode'>['subject'];

export const command: Shape<Command> = tagged<Command>({
  'create-cluster': fields<Of<'create-cluster'>>({
    kind: oneOf('create-cluster'),
    clusterId: name,
    firstEpoch: epoch,
  }),
  invite: fields<Of<'invite'>>({ kind: oneOf('invite'), ...invited }),
  'revoke-invitation': fields<Of<'revoke-invitation'>>({
    kind: oneOf('revoke-invitation'),
    peerId: name,
    by: words,
  }),
  'admit-member': fields<Of<'admit-member'>>({
    kind: oneOf('admit-member'),
    member,
    invitation: nullable(name),
  }),
  'set-role': fields<Of<'set-role'>>({ kind: oneOf('set-role'), node: name, role, by: words }),
  'remove-member': fields<Of<'remove-member'>>({ kind: oneOf('remove-member'), node: name }),
  recover: fields<Of<'recover'>>({
    kind: oneOf('recover'),
    survivors: list(name, 65_535),
    epochJump: epoch,
    by: words,
  }),
  'define-group': fields<Of<'define-group'>>({
    kind: oneOf('define-group'),
    definition,
    expectedRevision: counter,
    by: words,
    whenDown: optional(yes),
  }),
  'delete-group': fields<Of<'delete-group'>>({
    kind: oneOf('delete-group'),
    group: name,
    by: words,
  }),
  assign: fields<Of<'assign'>>({
    ...guard,
    kind: oneOf('assign'),
    node: name,
    reason,
    evidence,
    leaseRemainderMs: finite,
    stamps,
  }),
  release: fields<Of<'release'>>({
    ...guard,
    kind: oneOf('release'),
    to: nullable(name),
    reason,
    by: words,
  }),
  pledge: fields<Of<'pledge'>>({ ...guard, kind: oneOf('pledge'), node: name, secretHash: name }),
  stopped: fields<Of<'stopped'>>({
    ...guard,
    kind: oneOf('stopped'),
    node: name,
    clean: boolean,
    proof: oneOf('owner', 'guardian'),
    secret: nullable(words),
  }),
  fenced: fields<Of<'fenced'>>({ ...guard, kind: oneOf('fenced'), node: name, disk: name }),
  serving: fields<Of<'serving'>>({ ...guard, kind: oneOf('serving'), node: name, stamps }),
  report: fields<Of<'report'>>({ ...guard, kind: oneOf('report'), node: name, stamps }),
  'takeover-failed': fields<Of<'takeover-failed'>>({
    ...guard,
    kind: oneOf('takeover-failed'),
    node: name,
    code: name,
    detail: words,
  }),
  'set-mode': fields<Of<'set-mode'>>({
    kind: oneOf('set-mode'),
    subject: tagged<Subject>({
      node: fields<Extract<Subject, { kind: 'node' }>>({ kind: oneOf('node'), node: name }),
      group: fields<Extract<Subject, { kind: 'group' }>>({ kind: oneOf('group'), group: name }),
      cluster: fields<Extract<Subject, { kind: 'cluster' }>>({ kind: oneOf('cluster') }),
      resource: fields<Extract<Subject, { kind: 'resource' }>>({
        kind: oneOf('resource'),
        group: name,
        resource: name,
      }),
    }),
    mode,
    by: words,
  }),
  'set-level': fields<Of<'set-level'>>({ kind: oneOf('set-level'), level: counter }),
  'forget-failures': fields<Of<'forget-failures'>>({
    kind: oneOf('forget-failures'),
    subject: tagged<Of<'forget-failures'>['subject']>({
      node: fields<Extract<Subject, { kind: 'node' }>>({ kind: oneOf('node'), node: name }),
      group: fields<Extract<Subject, { kind: 'group' }>>({ kind: oneOf('group'), group: name }),
    }),
    throughEpoch: epoch,
    by: words,
  }),
  'set-wish': fields<Of<'set-wish'>>({
    kind: oneOf('set-wish'),
    group: name,
    wish: nullable(
      fields<NonNullable<Of<'set-wish'>['wish']>>({ node: name, expiresAtMs: finite }),
    ),
    by: words,
  }),
  'set-capacity': fields<Of<'set-capacity'>>({
    kind: oneOf('set-capacity'),
    node: name,
    capacity: nullable(capacity),
    by: words,
  }),
  expired: fields<Of<'expired'>>({ ...guard, kind: oneOf('expired'), detail: words }),
});

export const envelope: Shape<CommandEnvelope> = fields<CommandEnvelope>({
  origin: name,
  incarnation: counter,
  requestId: counter,
  command,
});

const group: Shape<GroupState> = fields<GroupState>({
  definition,
  revision: counter,
  mode,
  phase: oneOf('unowned', 'taking-over', 'serving', 'releasing'),
  owner: nullable(name),
  epoch,
  previousOwner: nullable(name),
  reason,
  leaseRemainderMs: finite,
  releaseTo: nullable(name),
  releaseReason: reason,
  unfinished: list(
    fields<UnfinishedEpoch>({ epoch, node: name, secretHash: nullable(name) }),
    MANY,
  ),
  fencedEpoch: table(epoch),
  failures: list(fields<TakeoverFailure>({ epoch, node: name, code: name, detail: words }), MANY),
  wish: optional(nullable(fields<Wish>({ node: name, expiresAtMs: finite, by: words }))),
  pending: optional(
    nullable(fields<NonNullable<GroupState['pending']>>({ definition, by: words })),
  ),
  paused: optional(list(name, MANY)),
});

const line: Shape<HistoryEntry> = fields<HistoryEntry>({
  index: counter,
  group: nullable(name),
  epoch,
  event: oneOf(
    ...(['created', 'member-admitted', 'member-removed', 'defined', 'deleted'] as const),
    ...(['invited', 'invitation-revoked', 'role', 'recovered'] as const),
    ...(['assigned', 'released', 'stopped', 'fenced', 'serving'] as const),
    ...(['takeover-failed', 'mode', 'level', 'forgotten', 'wish'] as const),
    ...(['capacity', 'expired', 'to-be-defined'] as const),
  ),
  node: nullable(name),
  from: nullable(name),
  reason: nullable(reason),
  evidence: nullable(evidence),
  stamps,
  detail: words,
  defined: optional(
    fields<NonNullable<HistoryEntry['defined']>>({ revision: counter, definition }),
  ),
  clean: optional(boolean),
});

const memberState: Shape<MemberState> = fields<MemberState>({
  member,
  mode,
  role,
  losses: optional(list(epoch, LOSS_LIMIT)),
  capacity: optional(nullable(capacity)),
});

export const state: Shape<ClusterState> = fields<ClusterState>({
  clusterId: nullable(name),
  firstEpoch: epoch,
  lastEpoch: epoch,
  mode,
  members: table(memberState),
  invitations: list(fields<Invitation>({ ...invited, usedBy: nullable(name) }), INVITATION_LIMIT),
  removed: list(fields<Tombstone>({ node: name, number, peerId: name }), TOMBSTONE_LIMIT),
  usedNumbers: list(number, 65_535),
  usedNames: list(name, 65_535),
  groups: table(group),
  history: list(line, HISTORY_LIMIT),
  level: optional(counter),
  deleted: optional(list(name, 65_535)),
});
