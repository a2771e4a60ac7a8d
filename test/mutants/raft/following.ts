/** What a follower takes, keeps, commits and acknowledges: src/raft/following.ts. */
import type { Mutant } from '../mutant.ts';

const file = 'src/raft/following.ts';
const tests = 'test/raft/replication.test.ts';

export const FOLLOWING: readonly Mutant[] = [
  {
    name: 'no-consistency-check',
    file,
    find: 'prevIndex >= state.commitIndex && log.termAt(prevIndex) !== prevTerm',
    replace: 'prevIndex > log.lastIndex',
    breaks: 'Raft §5.3: entries are refused where the logs disagree just before them',
    caughtBy: { file: tests, test: 'with a log that is of another term at the place' },
  },
  {
    name: 'late-append-shortens-the-log',
    file,
    find: 'if (entry.index <= state.commitIndex || log.termAt(entry.index) === entry.term) continue;',
    replace: 'if (entry.index <= state.commitIndex) continue;',
    breaks: 'Raft §5.3, figure 2: only an entry that conflicts is deleted',
    caughtBy: { file: tests, test: '§5.3 a late append does not shorten the log' },
  },
  {
    name: 'conflicting-entries-stay',
    file,
    find: 'if (entry.index <= state.commitIndex || log.termAt(entry.index) === entry.term) continue;',
    replace: 'if (entry.index <= state.commitIndex || log.termAt(entry.index) !== null) continue;',
    breaks: 'Raft §5.3: entries that conflict with the leader are deleted',
    caughtBy: { file: tests, test: '§5.3 truncates from the first entry that conflicts' },
  },
  {
    name: 'committed-entries-replaced',
    file,
    find: 'if (contradictsCommitted(state, message) || !follow(',
    replace: 'if (!follow(',
    breaks: 'Raft §5.4.3: a leader holds what is committed, so who does not is none',
    caughtBy: { file: tests, test: 'never touches what is committed' },
  },
  {
    name: 'committed-entries-skipped-by-term-only',
    file,
    find: 'if (entry.index <= state.commitIndex || log.termAt(entry.index) === entry.term) continue;',
    replace: 'if (log.termAt(entry.index) === entry.term) continue;',
    breaks: 'Raft §5.4.3: what is committed is never deleted',
    caughtBy: { file: tests, test: 'never touches what lies below the last committed entry' },
  },
  {
    name: 'acknowledges-before-durable',
    file,
    find: `  if (now) sendNow(state, message.from, body);
  else sendAfterPersist(state, message.from, body);
}

/** What waited`,
    replace: `  sendNow(state, message.from, body);
}

/** What waited`,
    breaks: 'Raft figure 2: entries are on stable storage before they are acknowledged',
    caughtBy: { file: tests, test: 'acknowledges them when they are durable' },
  },
  {
    name: 'answered-whatever-the-round',
    file,
    find: 'return sent && told.round === round && told.matchIndex >= match;',
    replace: 'return sent && told.matchIndex >= match;',
    breaks: 'thesis §6.2, §6.4: every round is echoed',
    caughtBy: {
      file: 'test/raft/answers.test.ts',
      test: 'a bare commit index in a round that was answered is taken without a second answer',
    },
  },
  {
    name: 'heartbeat-vouches-for-what-is-being-written',
    file,
    find: 'const matchIndex = now ? Math.min(verified, durableIndex) : verified;',
    replace: 'const matchIndex = verified;',
    breaks: 'Raft figure 2: what is acknowledged at once is what is durable already',
    caughtBy: { file: tests, test: 'is answered at once, with what is durable' },
  },
  {
    name: 'echo-in-a-term-that-is-not-durable',
    file,
    find: 'identityIsDurable(state) && (message.entries.length === 0 || verified <= durableIndex);',
    replace: 'message.entries.length === 0 || verified <= durableIndex;',
    breaks: 'Raft §5.1: a term is on stable storage before anyone is answered in it',
    caughtBy: { file: tests, test: 'an echo in a new term waits until the term is durable' },
  },
  {
    name: 'commits-beyond-what-is-verified',
    file,
    find: 'commitUpTo(state, Math.min(message.commitIndex, last));',
    replace: 'commitUpTo(state, Math.min(message.commitIndex, log.lastIndex));',
    breaks: 'Raft figure 2: the commit index goes to the last entry that this message vouches for',
    caughtBy: { file: tests, test: 'commits no further than it has verified' },
  },
  {
    name: 'second-leader-of-a-term',
    file,
    find: '  if (state.leader !== null && state.leader !== from) return false;\n',
    replace: '',
    breaks: 'Raft §5.2: a term has one leader',
    caughtBy: {
      file: 'test/raft/election.test.ts',
      test: 'a second leader of the same term is not believed',
    },
  },
  {
    name: 'refused-append-is-no-sign-of-life',
    file,
    find: '  armElection(state);\n  return true;',
    replace: '  return true;',
    breaks: 'Raft §5.2, redpanda#30817: every message of the leader puts the election off',
    caughtBy: { file: tests, test: 'a refused append is a sign of life all the same' },
  },
  {
    name: 'candidate-does-not-yield',
    file,
    find: "  if (state.role.kind === 'leader') return false;\n",
    replace: "  if (state.role.kind !== 'follower') return false;\n",
    breaks: 'Raft §5.2: a candidate that hears the leader of its term follows it',
    caughtBy: {
      file: 'test/raft/election.test.ts',
      test: 'a step-down in the same term keeps the vote',
    },
  },
  {
    name: 'hint-leads-nowhere',
    file,
    find: 'Math.max(state.commitIndex, log.lastPlaceAtMost(prevIndex, prevTerm))',
    replace: 'Math.max(state.commitIndex, Math.min(log.lastIndex, prevIndex - 1))',
    breaks: 'Raft §5.3: one question for a term that diverged, not one for an entry',
    caughtBy: { file: tests, test: 'with a log that is diverged over a whole term' },
  },
];
