/** Pain of users: a monitor's timeout on a loaded host moves a healthy database (references §3, 13 and 20). */
import { describe, expect, it } from 'vitest';
import { NOT_RUNNING, OK, type Outcome } from '../../src/resources/agent.ts';
import {
  CALM,
  judge,
  SILENCES,
  SILENCES_UNDER_LOAD,
  type Verdict,
} from '../../src/resources/patience.ts';

const SILENT: Outcome = { status: 1, code: 'MONITOR_TIMED_OUT', detail: 'no answer' };
const DEGRADED: Outcome = { status: 190, code: 'APPLICATION_DEGRADED', detail: 'no replica' };

function verdicts(answers: readonly Outcome[], loaded = false): readonly Verdict[] {
  let patience = CALM;
  return answers.map((answer) => {
    const judged = judge(patience, answer, loaded);
    patience = judged.patience;
    return judged.verdict;
  });
}

const times = (count: number, answer: Outcome) => Array<Outcome>(count).fill(answer);

describe('a monitor', () => {
  it('that says "not running" is believed at once, on a loaded host too', () => {
    expect(verdicts([NOT_RUNNING])).toEqual(['broken']);
    expect(verdicts([NOT_RUNNING], true)).toEqual(['broken']);
  });

  it('that is silent is asked again, and is broken when it goes on', () => {
    expect(verdicts(times(SILENCES, SILENT))).toEqual([
      ...Array<Verdict>(SILENCES - 1).fill('ask-again'),
      'broken',
    ]);
  });

  it('that answers in between has all its patience back', () => {
    const almost = times(SILENCES - 1, SILENT);
    expect(verdicts([...almost, OK, ...almost])).not.toContain('broken');
    expect(verdicts([...almost, DEGRADED, ...almost])).not.toContain('broken');
  });

  it('that is silent on a loaded host is given more time, and not for ever (pain 13: a false failover)', () => {
    expect(verdicts(times(SILENCES_UNDER_LOAD - 1, SILENT), true)).not.toContain('broken');
    expect(verdicts(times(SILENCES_UNDER_LOAD, SILENT), true).at(-1)).toBe('broken');
  });

  it('that says 190 or 191 runs, and not as it should', () => {
    expect(verdicts([DEGRADED, { ...DEGRADED, status: 191 }, OK])).toEqual([
      'degraded',
      'degraded',
      'well',
    ]);
  });
});
