/**
 * Log entries and snapshots as bytes. Both begin with a format version, so that an older program says
 * "I cannot read this" instead of misreading it; what an older one wrote is read (`upgrade.ts`). Both
 * are looked at before they are believed: a corrupt entry that is applied on one node only would
 * split the replicas for ever.
 *
 * An entry that nobody could read is never written either: `encode*` asserts what `decode*` checks.
 * `checkCommand` is for commands that come from another node, whose faults must not crash this one.
 */
import { assert, known } from '../lib/assert.ts';
import { encode, tryDecode } from '../lib/codec.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { failure, type Result, success } from '../lib/result.ts';
import { conform, type Shape } from '../lib/shape.ts';
import type { Command, CommandEnvelope } from './command.ts';
import * as shapes from './shapes.ts';
import type { ClusterState } from './state.ts';
import { ENTRY_STEPS, oldestEntry, oldestState, STATE_STEPS, type Steps } from './upgrade.ts';

/** A format, and the steps that lead to it from the older ones. */
type Format = { readonly number: number; readonly steps: Steps };

/** The newest formats of log entries and snapshots that this release writes and reads. */
export const FORMATS = { entry: 4, state: 4 } as const;

const ENTRY_FORMAT: Format = { number: FORMATS.entry, steps: ENTRY_STEPS };
const STATE_FORMAT: Format = { number: FORMATS.state, steps: STATE_STEPS };

type CorruptCode = Extract<ProblemCode, 'CORRUPT_ENTRY' | 'CORRUPT_SNAPSHOT'>;

export type Corrupt = {
  /** DATA_FORMAT_UNKNOWN: nothing is broken, a newer release has written it. */
  readonly code: CorruptCode | Extract<ProblemCode, 'DATA_FORMAT_UNKNOWN'>;
  /** Where and why: "entry.command.kind: one of …". */
  readonly detail: string;
};

/** A command that a peer proposed, or CORRUPT_ENTRY: whoever encodes it must not trip over it. */
export function checkCommand(command: unknown): Result<Command, Corrupt> {
  const checked = conform(shapes.command, command, 'command');
  return checked.ok
    ? success(checked.value)
    : failure({ code: 'CORRUPT_ENTRY', detail: checked.error.detail });
}

/**
 * The data of a log entry, in the oldest format that can say it: while releases are mixed, older
 * members can apply everything that they know themselves. Asserts that the command has its shape.
 */
export function encodeEnvelope(envelope: CommandEnvelope): Uint8Array {
  const mismatch = shapes.envelope.check(envelope, 'entry');
  assert(mismatch === null, `cannot encode: ${mismatch}`);
  const { format, value } = oldestEntry(envelope);
  return encode([format, value]);
}

/** A look at the format alone of a log entry: true where only a newer release can read it. */
export function isNewerEntry(bytes: Uint8Array): boolean {
  const decoded = tryDecode(bytes);
  const found: unknown = decoded.ok && Array.isArray(decoded.value) ? decoded.value[0] : null;
  return typeof found === 'number' && found > ENTRY_FORMAT.number;
}

/** The command of a log entry, or CORRUPT_ENTRY with the place of the first mismatch. */
export function decodeEnvelope(bytes: Uint8Array): Result<CommandEnvelope, Corrupt> {
  return unwrap(shapes.envelope, ENTRY_FORMAT, bytes, 'entry', 'CORRUPT_ENTRY');
}

/** The state as a snapshot carries it, in the oldest format that can say it: see `encodeEnvelope`. */
export function encodeState(state: ClusterState): Uint8Array {
  const mismatch = shapes.state.check(state, 'state');
  assert(mismatch === null, `cannot encode: ${mismatch}`);
  return encode([oldestState(state), state]);
}

/** The state of a snapshot, or CORRUPT_SNAPSHOT with the place of the first mismatch. */
export function decodeState(bytes: Uint8Array): Result<ClusterState, Corrupt> {
  return unwrap(shapes.state, STATE_FORMAT, bytes, 'state', 'CORRUPT_SNAPSHOT');
}

function unwrap<T>(
  shape: Shape<T>,
  format: Format,
  bytes: Uint8Array,
  what: string,
  code: CorruptCode,
): Result<T, Corrupt> {
  const decoded = tryDecode(bytes);
  if (!decoded.ok) return failure({ code, detail: `${what}: ${decoded.error.detail}` });
  if (!Array.isArray(decoded.value) || decoded.value.length !== 2) {
    return failure({ code, detail: `${what}: not a format and a value` });
  }
  const [found, value]: readonly unknown[] = decoded.value;
  const upgraded = upgrade(format, found, value);
  if (!upgraded.ok) {
    const newer = typeof found === 'number' && found > format.number;
    const why = newer ? 'DATA_FORMAT_UNKNOWN' : code;
    return failure({ code: why, detail: `${what}: ${upgraded.error.detail}` });
  }
  const checked = conform(shape, upgraded.value, what);
  return checked.ok ? success(checked.value) : failure({ code, detail: checked.error.detail });
}

type UnknownFormat = { readonly code: 'UNKNOWN_FORMAT'; readonly detail: string };

function upgrade(format: Format, found: unknown, value: unknown): Result<unknown, UnknownFormat> {
  if (typeof found !== 'number' || !Number.isInteger(found) || found < 1 || found > format.number) {
    const detail = `format ${String(found)}, this program reads 1 to ${format.number}`;
    return failure({ code: 'UNKNOWN_FORMAT', detail });
  }
  let upgraded = value;
  for (let at = found; at < format.number; at += 1) {
    upgraded = known(format.steps[at], `a step from format ${at}`)(upgraded);
  }
  return success(upgraded);
}
