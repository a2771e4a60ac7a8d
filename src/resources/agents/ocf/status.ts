/**
 * What an exit status of an OCF agent means, and for whom: may it be tried again here, not on this
 * node, or nowhere?
 *
 * Reference: OCF Resource Agent API 1.1, "exit status codes"; Pacemaker Administration, "How are OCF
 * Return Codes Interpreted" (soft, hard, fatal).
 */
import type { ProblemCode } from '../../../lib/problems.ts';
import type { OcfStatus, Outcome } from '../../agent.ts';

/** Soft: again, here too. Hard: not on this node. Fatal: nowhere until the definition changes. */
export type FailureClass = 'soft' | 'hard' | 'fatal';

type Meaning = { readonly code: ProblemCode | null; readonly words: string };

const MEANINGS: Readonly<Record<OcfStatus, Meaning>> = {
  0: { code: null, words: '' },
  1: { code: 'OCF_FAILED', words: 'failed' },
  2: { code: 'OCF_ARGUMENTS', words: 'cannot use its parameters on this node' },
  3: { code: 'OCF_UNIMPLEMENTED', words: 'does not offer this action' },
  4: { code: 'OCF_PERMISSION', words: 'lacks permissions' },
  5: { code: 'OCF_NOT_INSTALLED', words: 'misses a program or a file on this node' },
  6: { code: 'OCF_NOT_CONFIGURED', words: 'cannot be used as it is defined, on no node' },
  7: { code: null, words: 'is not running' },
  8: { code: null, words: 'runs as the promoted one' },
  9: { code: 'OCF_FAILED', words: 'has failed as the promoted one' },
  190: { code: 'OCF_DEGRADED', words: 'runs, but is degraded' },
  191: { code: 'OCF_DEGRADED', words: 'runs promoted, but is degraded' },
};

export function failureClass(status: OcfStatus): FailureClass {
  if (status === 6) return 'fatal';
  return status >= 2 && status <= 5 ? 'hard' : 'soft';
}

/** `said`: the agent's own reason, from its standard error. A status outside the standard is a failure. */
export function outcomeOfStatus(status: number, agent: string, said: string): Outcome {
  const known = Object.keys(MEANINGS).map(Number) as OcfStatus[];
  const found = known.find((one) => one === status);
  const { code, words } = MEANINGS[found ?? 1];
  const told = [`${agent} ${words}`, said].filter((part) => part !== '').join(': ');
  const number = found === undefined ? ` (status ${status})` : '';
  return { status: found ?? 1, code, detail: words === '' ? said : `${told}${number}` };
}
