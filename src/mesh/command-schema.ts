/**
 * The commands of `cluster/command.ts` as they may arrive in a `propose` from another node. Shape
 * only: whether a command is allowed is decided when it is applied.
 */
import { z } from 'zod';
import type { Command, Evidence } from '../cluster/command.ts';
import type { Member } from '../cluster/definition.ts';
import * as shapes from '../cluster/shapes.ts';
import { MAX_EPOCH } from '../lib/ids.ts';
import { PHASES, type PhaseStamp } from '../lib/phases.ts';

const name = z.string().min(1).max(255);
const text = z.string().max(8192);
const counter = z.number().int().nonnegative();
const millis = z.custom<number>((value) => typeof value === 'number' && value >= 0);
const epoch = counter.max(MAX_EPOCH);

const member: z.ZodType<Member> = z.object({
  node: name,
  number: z.number().int().min(1).max(65_535),
  peerId: name,
  addresses: z.record(name, name),
});

const stamps: z.ZodType<readonly PhaseStamp[]> = z
  .array(
    z.object({
      phase: z.enum(PHASES),
      node: name,
      startedMs: millis,
      durationMs: millis,
      incarnation: counter,
    }),
  )
  .max(64);

const evidence: z.ZodType<Evidence> = z.object({
  kind: z.enum(['silence', 'proof-of-death', 'reported', 'operator', 'boot']),
  observer: name,
  perInterconnectMs: z.record(name, millis),
  detail: text,
});

const guard = { group: name, expectedEpoch: epoch };
const reason = z.enum(['boot', 'failover', 'move', 'restart']);

const commandSince1 = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('create-cluster'), clusterId: name, firstEpoch: epoch }),
  z.object({
    kind: z.literal('invite'),
    peerId: name,
    node: name.nullable(),
    role: z.enum(['voter', 'learner']),
    expiresAtMs: millis,
    by: text,
  }),
  z.object({ kind: z.literal('revoke-invitation'), peerId: name, by: text }),
  z.object({ kind: z.literal('admit-member'), member, invitation: name.nullable() }),
  z.object({
    kind: z.literal('set-role'),
    node: name,
    role: z.enum(['voter', 'learner', 'leaving']),
    by: text,
  }),
  z.object({ kind: z.literal('remove-member'), node: name }),
  z.object({
    kind: z.literal('recover'),
    survivors: z.array(name).max(65_535),
    epochJump: epoch,
    by: text,
  }),
  z.object({ kind: z.literal('delete-group'), group: name, by: text }),
  z.object({
    ...guard,
    kind: z.literal('assign'),
    node: name,
    reason,
    evidence,
    leaseRemainderMs: millis,
    stamps,
  }),
  z.object({ ...guard, kind: z.literal('release'), to: name.nullable(), reason, by: text }),
  z.object({ ...guard, kind: z.literal('pledge'), node: name, secretHash: text }),
  z.object({
    ...guard,
    kind: z.literal('stopped'),
    node: name,
    clean: z.boolean(),
    proof: z.enum(['owner', 'guardian']),
    secret: text.nullable(),
  }),
  z.object({ ...guard, kind: z.literal('fenced'), node: name, disk: text }),
  z.object({ ...guard, kind: z.literal('serving'), node: name, stamps }),
  z.object({ ...guard, kind: z.literal('report'), node: name, stamps }),
  z.object({
    ...guard,
    kind: z.literal('takeover-failed'),
    node: name,
    code: name,
    detail: text,
  }),
]);

/** What grew since is checked by the shapes of the log, which know what may be missing. */
const commandSince3 = z.custom<Command>(
  (value) => shapes.command.check(value, 'command') === null,
  'a command that this release knows',
);

export const command: z.ZodType<Command> = z.union([commandSince1, commandSince3]);
