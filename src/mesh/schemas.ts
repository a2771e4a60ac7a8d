/**
 * What a frame from another node may look like, field by field. A peer is authenticated, not
 * trusted to be sane: it may run other code, or have a broken memory. Nothing that fails here
 * becomes an event. Meaning (terms, epochs, membership) is judged by whoever receives the event.
 *
 * Unknown fields are dropped, so that a field can be added within one protocol version.
 */
import { z } from 'zod';
import type { ControlMessage } from '../failover/control.ts';
import { MAX_EPOCH } from '../lib/ids.ts';
import type { Heartbeat } from '../membership/heartbeat.ts';
import type { Configuration, Entry, RaftMessage } from '../raft/types.ts';
import { command } from './command-schema.ts';

export const name = z.string().min(1).max(255);
export const counter = z.number().int().nonnegative();
/** A duration or a monotonic time. Infinity ("never") is a lawful duration, NaN is not. */
export const millis = z.custom<number>((value) => typeof value === 'number' && value >= 0);
export const epoch = counter.max(MAX_EPOCH);

const names = z.array(name).max(1024);
const bytes = z.instanceof(Uint8Array);
const configuration: z.ZodType<Configuration> = z.object({
  voters: names,
  outgoing: names,
  learners: names,
});

const entry: z.ZodType<Entry> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('command'), index: counter, term: counter, data: bytes }),
  z.object({ kind: z.literal('no-op'), index: counter, term: counter }),
  z.object({ kind: z.literal('configuration'), index: counter, term: counter, configuration }),
]);

const envelope = { from: name, to: name, term: counter };

export const raftMessage: z.ZodType<RaftMessage> = z.discriminatedUnion('kind', [
  z.object({
    ...envelope,
    kind: z.enum(['pre-vote', 'vote']),
    lastIndex: counter,
    lastTerm: counter,
    transfer: z.boolean(),
  }),
  z.object({
    ...envelope,
    kind: z.enum(['pre-vote-reply', 'vote-reply']),
    granted: z.boolean(),
    quietMs: millis,
  }),
  z.object({
    ...envelope,
    kind: z.literal('append'),
    prevIndex: counter,
    prevTerm: counter,
    entries: z.array(entry).max(65_536),
    commitIndex: counter,
    readId: counter,
  }),
  z.object({
    ...envelope,
    kind: z.literal('append-reply'),
    matchIndex: counter,
    conflict: z.object({ index: counter, term: counter }).nullable(),
    readId: counter,
  }),
  z.object({
    ...envelope,
    kind: z.literal('snapshot'),
    meta: z.object({ index: counter, term: counter, configuration }),
    offset: counter,
    last: z.boolean(),
    chunk: bytes,
    readId: counter,
  }),
  z.object({
    ...envelope,
    kind: z.literal('snapshot-reply'),
    index: counter,
    offset: counter,
    done: z.boolean(),
    readId: counter,
  }),
  z.object({ ...envelope, kind: z.enum(['timeout-now', 'transfer-refused']) }),
]);

const addressed = { from: name, to: name, requestId: counter };
const lease = { ...addressed, group: name, epoch };

export const controlMessage: z.ZodType<ControlMessage> = z.discriminatedUnion('kind', [
  z.object({ ...lease, kind: z.literal('lease-request') }),
  z.object({ ...lease, kind: z.literal('lease-grant') }),
  z.object({ ...lease, kind: z.literal('lease-refused'), code: name, newestEpoch: epoch }),
  z.object({ ...addressed, kind: z.literal('propose'), incarnation: counter, command }),
  z.object({
    ...addressed,
    kind: z.literal('propose-refused'),
    incarnation: counter,
    code: name,
    detail: z.string().max(1_000).optional(),
  }),
  z.object({ ...addressed, kind: z.literal('read'), incarnation: counter }),
  z.object({
    ...addressed,
    kind: z.literal('read-reply'),
    incarnation: counter,
    index: counter.nullable(),
    beganMs: millis,
  }),
]);

export const heartbeat: z.ZodType<Heartbeat> = z.object({
  from: name,
  incarnation: counter,
  sequence: counter,
  sentMs: millis,
  hears: z.array(z.object({ node: name, interconnect: name })).max(4096),
  lateMs: millis,
  fitness: z
    .array(z.object({ group: name, fit: z.boolean(), code: name.nullable(), ageMs: millis }))
    .max(4096),
  groups: z
    .array(
      z.object({
        group: name,
        epoch,
        state: z.enum(['stopped', 'starting', 'serving', 'frozen', 'stopping', 'failed']),
      }),
    )
    .max(4096),
  level: counter.optional(),
});
