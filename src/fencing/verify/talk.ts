/**
 * The phrases that checks are made of. Unit attentions and BUSY mean "not executed": a phrase asks
 * again, as the kernel does; only what is about attentions asks once (`once`).
 */

import type { WriteOpcode } from '../devices/scsi/media-commands.ts';
import type { ReservationKey, ReservationType } from '../fence-device.ts';
import type { Answer, Finding, Outcome, Talk, Verb, Who } from './words.ts';

const MAX_REPEATS = 20;

export function* once(who: Who, verb: Verb): Talk<Answer> {
  return yield { who, verb };
}

export function* ask(who: Who, verb: Verb): Talk<Answer> {
  let answer: Answer = { kind: 'busy' };
  for (let attempt = 0; attempt <= MAX_REPEATS; attempt += 1) {
    answer = yield { who, verb };
    if (answer.kind !== 'unit-attention' && answer.kind !== 'busy') return answer;
  }
  return answer;
}

export type Kind = Answer['kind'];

/** REGISTER: compare and swap on this path's key; 0 for none. */
export function* register(who: Who, current: ReservationKey, key: ReservationKey): Talk<Kind> {
  return (yield* ask(who, { kind: 'register', current, key, aptpl: true })).kind;
}

export function* reserve(who: Who, key: ReservationKey, type: ReservationType): Talk<Kind> {
  return (yield* ask(who, { kind: 'reserve', key, type })).kind;
}

export function* preempt(
  who: Who,
  key: ReservationKey,
  victim: ReservationKey,
  options: { readonly type: ReservationType; readonly abort: boolean },
): Talk<Kind> {
  const kind = options.abort ? 'preempt-and-abort' : 'preempt';
  return (yield* ask(who, { kind, key, victim, type: options.type })).kind;
}

export function* write(who: Who, data: string, opcode: WriteOpcode = 'WRITE (10)'): Talk<Kind> {
  return (yield* ask(who, { kind: 'write', opcode, data })).kind;
}

/** Null: it could not be read; `refusal` says why. */
export function* read(
  who: Who,
): Talk<{ readonly data: string | null; readonly refusal: Kind | null }> {
  const answer = yield* ask(who, { kind: 'read' });
  return answer.kind === 'data'
    ? { data: answer.data, refusal: null }
    : { data: null, refusal: answer.kind };
}

/** The registered keys, sorted; null when the disk does not tell. */
export function* keysOn(who: Who): Talk<readonly ReservationKey[] | null> {
  const answer = yield* ask(who, { kind: 'read-keys' });
  return answer.kind === 'keys' ? answer.keys.toSorted((a, b) => (a < b ? -1 : 1)) : null;
}

export function* generationOn(who: Who): Talk<number | null> {
  const answer = yield* ask(who, { kind: 'read-keys' });
  return answer.kind === 'keys' ? answer.generation : null;
}

export type Holding = {
  readonly holder: ReservationKey | null;
  readonly type: ReservationType | null;
};

export function* holdingOn(who: Who): Talk<Holding | null> {
  const answer = yield* ask(who, { kind: 'read-reservation' });
  return answer.kind === 'reservation' ? { holder: answer.holder, type: answer.type } : null;
}

/** What the other initiator did to this one is told to it now, and not in the middle of a check. */
export function* settle(who: Who): Talk<void> {
  yield* ask(who, { kind: 'test-unit-ready' });
}

export function sameKeys(
  found: readonly ReservationKey[] | null,
  wanted: readonly ReservationKey[],
): boolean {
  const sorted = wanted.toSorted((a, b) => (a < b ? -1 : 1));
  return found !== null && found.join() === sorted.join();
}

export function finding(check: string, outcome: Outcome, seen: string, means = ''): Finding {
  return { check, outcome, seen, means };
}

/** Steps of one check, each with what it should have answered; the first that differs is told. */
export type Step = readonly [what: string, got: unknown, wanted: unknown];

export function firstDifference(steps: readonly Step[]): string | null {
  const wrong = steps.find(([, got, wanted]) => got !== wanted);
  return wrong === undefined ? null : `${wrong[0]}: ${wrong[1]}, expected ${wrong[2]}`;
}
