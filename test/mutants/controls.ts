/**
 * Mutants that must not be called caught. Whoever reports these as killed would report anything.
 */
import type { Mutant } from './mutant.ts';

const caughtBy = {
  file: 'test/raft/quorum.test.ts',
  test: 'members are named once, whatever their roles',
};

export const HARMLESS: Mutant = {
  name: 'control-harmless',
  file: 'src/raft/quorum.ts',
  find: ' * Knows nothing of logs, terms or messages.',
  replace: ' * Knows next to nothing.',
  breaks: 'nothing: it changes a comment',
  caughtBy,
};

/** All tests of a file fail with this one, and not one of them because of what it asserts. */
export const UNREADABLE: Mutant = {
  name: 'control-unreadable',
  file: 'src/raft/quorum.ts',
  find: '  if (voters.length === 0) return Number.POSITIVE_INFINITY;',
  replace: '  if (voters.length === 0 return',
  breaks: 'the grammar',
  caughtBy,
};

/** Never comes to an end; that is not the same as a test that says no. */
export const ENDLESS: Mutant = {
  name: 'control-endless',
  file: 'src/raft/configuration.ts',
  find: '  if (configuration.outgoing.length === 0) return configuration.voters;',
  replace: '  for (;;);',
  breaks: 'the patience',
  caughtBy,
};

export const CONTROLS: readonly Mutant[] = [HARMLESS, UNREADABLE, ENDLESS];
