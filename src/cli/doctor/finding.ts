/** What one check of `holdfast doctor` has to say, and what to do about it. */

/**
 * `failure`: a promise does not hold or will not hold at the next failover. `warning`: slower or
 * riskier than need be. `unknown`: this machine cannot tell, and the advice says who can.
 */
export type Level = 'good' | 'unknown' | 'warning' | 'failure';

export type Finding = {
  readonly check: string;
  readonly level: Level;
  readonly text: string;
  /** Empty when nothing is to be done. */
  readonly advice: string;
};

export type Findings = readonly Finding[];

/** Findings of one check, by their level. */
export function findingsOf(check: string) {
  const make =
    (level: Level) =>
    (text: string, advice: string): Finding => {
      return { check, level, text, advice };
    };
  return {
    good: (text: string): Finding => ({ check, level: 'good', text, advice: '' }),
    unknown: make('unknown'),
    warning: make('warning'),
    failure: make('failure'),
  };
}
