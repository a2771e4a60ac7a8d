/**
 * A mutant of the whole system: a rule of `src/` broken on purpose, and hunted by the simulation of
 * whole clusters instead of by a test: which scenario shows it, and within how many seeds.
 */
import type { ScenarioName } from '../../simulation/scenarios.ts';
import type { Mutant } from '../mutant.ts';

export const EXPLORATION = 'exploration of ';

export type Edit = Pick<Mutant, 'file' | 'find' | 'replace'>;

export type SystemMutant = Omit<Mutant, 'caughtBy'> & {
  /** Where a second line of defence would hide that the rule is gone. */
  readonly also?: readonly Edit[];
  /**
   * Or a script that was kept in `test/simulation/regressions/`; or a scope of `test/fencing/exploration`,
   * where the race is too rare for seeds: all its histories, and `within` is 1.
   */
  readonly scenario: ScenarioName | `${string}.json` | `${typeof EXPLORATION}${string}`;
  /** Seeds from 1 on; the first one that breaks a promise ends the hunt. */
  readonly within: number;
};

/** All that is replaced, each as a mutant of its own. */
export function editsOf({ also = [], ...mutant }: SystemMutant): readonly Mutant[] {
  const caughtBy = { file: mutant.scenario, test: '' };
  return [mutant, ...also].map((edit) => ({ ...mutant, ...edit, caughtBy }));
}
