/**
 * The plan of a verification: which checks, in which order, and what they add up to. The first
 * half needs one initiator, the second half two.
 *
 * Only what is harmless where it fails comes early: writes of a stranger are tried after it is
 * known that the disk keeps keys at all.
 */

import { CONFLICT_DATA, FLUSH, IN_FLIGHT, OPCODES } from './checks/media.ts';
import { PATH_LOSS, RESET } from './checks/mishaps.ts';
import { APTPL, GENERATION, KEY_WIDTH, REGISTRATION } from './checks/registration.ts';
import {
  ATTENTIONS,
  EXCLUSIVE,
  PREEMPT,
  PREEMPT_AND_ABORT,
  SELF_PREEMPT,
} from './checks/taking.ts';
import { TYPES } from './checks/types.ts';
import type { Check, Finding } from './words.ts';

export const CHECKS: readonly Check[] = [
  REGISTRATION,
  KEY_WIDTH,
  GENERATION,
  APTPL,
  SELF_PREEMPT,
  FLUSH,
  RESET,
  PATH_LOSS,
  ...TYPES,
  EXCLUSIVE,
  PREEMPT,
  PREEMPT_AND_ABORT,
  ATTENTIONS,
  OPCODES,
  CONFLICT_DATA,
  IN_FLIGHT,
];

export type Verdict = 'fit' | 'limited' | 'unfit';

/** What is unproven is not trusted: it limits, as what is missing does. */
export function verdictOf(findings: readonly Finding[]): Verdict {
  const has = (outcome: Finding['outcome']) => findings.some((one) => one.outcome === outcome);
  if (has('unfit') || both(findings, 'type 1', 'type 5')) return 'unfit';
  if (both(findings, 'PREEMPT AND ABORT', 'LOGICAL UNIT RESET')) return 'unfit';
  return has('limited') || has('unproven') ? 'limited' : 'fit';
}

/** Each of two can be done without, but not both. */
function both(findings: readonly Finding[], one: string, other: string): boolean {
  const lacks = (name: string) =>
    findings.some(({ check, outcome }) => check === name && outcome === 'limited');
  return lacks(one) && lacks(other);
}
