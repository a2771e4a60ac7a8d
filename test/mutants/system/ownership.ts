/** Who owns what, as it is committed: src/cluster. */
import type { SystemMutant } from './system-mutant.ts';

const ownership = 'src/cluster/apply-ownership.ts';

export const OWNERSHIP: readonly SystemMutant[] = [
  {
    name: 'epochs-counted-by-group',
    file: ownership,
    find: 'const epoch = state.lastEpoch + 1;',
    replace: 'const epoch = group.epoch + 1;',
    breaks: 'P1: an epoch is given out once in the whole cluster',
    scenario: 'owners',
    within: 3,
  },
  {
    name: 'unfinished-epochs-forgotten-by-an-assignment',
    file: ownership,
    find: 'return leaseRemainderMs === 0 ? [] : group.unfinished;',
    replace: 'return leaseRemainderMs >= 0 ? [] : group.unfinished;',
    breaks: 'DESIGN §7: the remainder counts every unfinished epoch, not only the last one',
    scenario: 'owners',
    within: 24,
  },
  {
    name: 'unfinished-epochs-forgotten-by-a-failure',
    file: 'src/cluster/apply-takeover.ts',
    find: '    ...disowned(group),\n    failures: withFailure',
    replace: '    ...disowned(group),\n    unfinished: [],\n    failures: withFailure',
    breaks: 'DESIGN §7: a takeover that failed ends no earlier epoch',
    scenario: 'starts',
    within: 24,
  },
  {
    name: 'history-without-evidence',
    file: ownership,
    find: 'recorded(after, { ...line, reason, evidence, stamps })',
    replace: 'recorded(after, { ...line, reason, stamps })',
    breaks: 'DESIGN §2: the history says why each group is where it is',
    scenario: 'owners',
    within: 3,
  },
];
