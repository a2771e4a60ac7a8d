/** Majorities, simple and joint: src/raft/quorum.ts. */
import type { Mutant } from '../mutant.ts';

const file = 'src/raft/quorum.ts';
const tests = 'test/raft/quorum.test.ts';

export const QUORUMS: readonly Mutant[] = [
  {
    name: 'joint-commit-by-the-incoming-half',
    file,
    find: '  return Math.min(incoming, majorityValue(configuration.outgoing, reachedBy));',
    replace: '  return incoming;',
    breaks: 'Raft §6: agreement needs majorities of both halves',
    caughtBy: {
      file: 'test/raft/replication.test.ts',
      test: '§6 joint: both halves must hold an entry',
    },
  },
  {
    name: 'joint-election-by-the-incoming-half',
    file,
    find: "  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending';",
    replace: '  return incoming;',
    breaks: 'Raft §6: an election needs majorities of both halves',
    caughtBy: { file: 'test/raft/election.test.ts', test: '§6 joint: both halves must grant' },
  },
  {
    name: 'joint-election-by-counting-heads',
    file: 'src/raft/election.ts',
    find: 'tally(state.configurations.inForce, (voter) => role.votes.get(voter)?.granted);',
    replace: `tally(
    { ...state.configurations.inForce, voters: votersOf(state.configurations.inForce), outgoing: [] },
    (voter) => role.votes.get(voter)?.granted,
  );`,
    breaks: 'Raft §6: a majority of all voters is no majority of each half',
    caughtBy: { file: 'test/raft/election.test.ts', test: '§6 joint: both halves must grant' },
  },
  {
    name: 'half-of-the-votes-is-a-majority',
    file,
    find: 'const needed = Math.floor(voters.length / 2) + 1;',
    replace: 'const needed = Math.ceil(voters.length / 2);',
    breaks: 'Raft §5.2: a majority is more than half',
    caughtBy: { file: tests, test: 'half of the voters is no majority' },
  },
  {
    name: 'half-of-the-logs-is-a-majority',
    file,
    find: 'return descending[Math.floor(voters.length / 2)]',
    replace: 'return descending[Math.floor((voters.length - 1) / 2)]',
    breaks: 'Raft §5.3: a majority is more than half',
    caughtBy: { file: tests, test: 'half of the voters is no majority' },
  },
];
