/**
 * The far side of a verification: this node's path to the disk, spoken to by lines on standard
 * input and answered on standard output, until the input ends. Then the registrations of the
 * verification on this path are taken away, however it ended.
 *
 * It decides nothing: what is asked was planned by the other side. Reference: `frames.ts`.
 */
import { HoldfastError } from '../../lib/error.ts';
import { decodeFrame, encodeFrame, type Frame, VERSION } from './initiators/frames.ts';
import { isVerificationKey } from './keys.ts';
import type { Answer, Initiator, Verb } from './words.ts';

export type AttendOptions = {
  readonly initiator: Initiator;
  readonly identity: string;
  readonly node: string;
  /** Ends with the pipe. */
  readonly lines: AsyncIterable<string>;
  readonly write: (text: string) => void;
  readonly signal: AbortSignal;
};

const MAX_REPEATS = 20;

/** @throws HoldfastError DISK_FRAME_GARBLED */
export async function attend(options: AttendOptions): Promise<void> {
  const { initiator, identity, node, lines, signal } = options;
  const say = (frame: Frame) => options.write(encodeFrame(frame));
  say({ holdfast: 'disk-attend', version: VERSION, node, device: initiator.name, identity });
  const atWork = new Set<Promise<void>>();
  try {
    for await (const line of lines) {
      const { id, verb } = decodeFrame(line);
      if (typeof id !== 'number' || typeof verb !== 'object' || verb === null) {
        throw new HoldfastError('DISK_FRAME_GARBLED', { line: line.slice(0, 120) });
      }
      // Not awaited: a path that hangs must not keep the end of the pipe from being seen.
      const work: Promise<void> = answer(initiator, verb as Verb, signal)
        .then((outcome) => say({ id, ...outcome } as Frame))
        .finally(() => atWork.delete(work));
      atWork.add(work);
    }
  } finally {
    await Promise.all(atWork);
    await tidyUp(initiator, AbortSignal.timeout(CLEANING_MS));
  }
}

const CLEANING_MS = 15_000;

async function answer(initiator: Initiator, verb: Verb, signal: AbortSignal): Promise<object> {
  try {
    return { answer: await initiator.ask(verb, signal) };
  } catch (error) {
    const known =
      error instanceof HoldfastError ? error : new HoldfastError('INTERNAL', {}, { cause: error });
    return { problem: { code: known.code, context: known.context } };
  }
}

/** The other side may have died in the middle of a check. */
async function tidyUp(initiator: Initiator, signal: AbortSignal): Promise<void> {
  await patiently(initiator, { kind: 'regain-path' }, signal);
  await patiently(initiator, { kind: 'end-writes' }, signal);
  const read = await patiently(initiator, { kind: 'read-keys' }, signal);
  if (read.kind !== 'keys') return;
  for (const current of new Set(read.keys.filter(isVerificationKey))) {
    // A conflict: it is another path's key, and that path's own side takes it away.
    const unregister = { kind: 'register', current, key: 0n, aptpl: false } as const;
    await patiently(initiator, unregister, signal);
  }
}

async function patiently(initiator: Initiator, verb: Verb, signal: AbortSignal): Promise<Answer> {
  let answered: Answer = { kind: 'busy' };
  for (let attempt = 0; attempt <= MAX_REPEATS; attempt += 1) {
    answered = await initiator.ask(verb, signal);
    if (answered.kind !== 'unit-attention' && answered.kind !== 'busy') return answered;
  }
  return answered;
}
