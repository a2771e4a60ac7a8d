/** What the records of the log store look like; see `record.ts` for how they lie on the disk. */
import { anyOf, fields, integer, list, nullable, type Shape, tagged, text } from '../lib/shape.ts';
import type { Configuration, Entry, HardState, SnapshotMeta } from '../raft/types.ts';

const MAX_NAME_LENGTH = 255;
const MAX_MEMBERS = 1024;

const counter = integer(0, Number.MAX_SAFE_INTEGER);
const name = text(MAX_NAME_LENGTH);
const names = list(name, MAX_MEMBERS);
const bytes: Shape<Uint8Array> = {
  check: (value, path) => (value instanceof Uint8Array ? null : `${path}: bytes`),
};
const configuration = fields<Configuration>({ voters: names, outgoing: names, learners: names });
const place = { index: counter, term: counter };

/** Whose data it is, and how it is laid out. */
export type Owner = {
  readonly format: number;
  readonly clusterId: string;
  readonly node: string;
};

/** Which entries the log holds: [first, last]; empty when last = first − 1. */
export type Bounds = { readonly first: number; readonly last: number };

export const ownerShape = fields<Owner>({ format: counter, clusterId: name, node: name });
export const boundsShape = fields<Bounds>({ first: counter, last: counter });
export const hardStateShape = fields<HardState>({
  term: counter,
  votedFor: nullable(name),
  commitIndex: counter,
});
export const snapshotMetaShape = fields<SnapshotMeta>({ ...place, configuration });
export const entryShape: Shape<Entry> = tagged<Entry>({
  command: fields({ ...place, kind: literal('command'), data: bytes }),
  'no-op': fields({ ...place, kind: literal('no-op') }),
  configuration: fields({ ...place, kind: literal('configuration'), configuration }),
});

function literal<T extends string>(word: T): Shape<T> {
  return anyOf(JSON.stringify(word), {
    check: (value, path) => (value === word ? null : path),
  });
}
