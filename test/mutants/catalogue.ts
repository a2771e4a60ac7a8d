/**
 * All mutants, by the part of the system that they break, each part with the tests that may be asked
 * beside the designated ones.
 */
import { CONTROLS } from './controls.ts';
import type { Mutant } from './mutant.ts';
import { RAFT } from './raft/index.ts';

export type Area = {
  readonly name: string;
  readonly mutants: readonly Mutant[];
  /** What is needed to compile them. */
  readonly sources: readonly string[];
  /** Folders of tests that may catch such a mutant; one that does not exist is passed over. */
  readonly wider: readonly string[];
};

export const AREAS: readonly Area[] = [
  {
    name: 'raft',
    mutants: RAFT,
    sources: ['src/raft', 'src/lib'],
    wider: ['test/raft', 'test/spec', 'test/golden/raft', 'test/conformance'],
  },
];

/** Also finds the controls, which belong to no area. */
export function mutantNamed(name: string): Mutant | null {
  const all = [...AREAS.flatMap(({ mutants }) => mutants), ...CONTROLS];
  return all.find((mutant) => mutant.name === name) ?? null;
}
