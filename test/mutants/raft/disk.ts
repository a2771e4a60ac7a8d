/** What reaches the disk, in which batch, and what its answers vouch for. */
import type { Mutant } from '../mutant.ts';

const core = 'src/raft/core.ts';
const writeQueue = 'src/raft/write-queue.ts';
const tests = 'test/raft/replication.test.ts';
const ABA = 'ABA: a write that truncation has overtaken';

export const DISK: readonly Mutant[] = [
  {
    name: 'hard-state-in-another-batch',
    file: core,
    find: 'hardState: moved ? hardState : null,',
    replace: 'hardState: moved && entries.length === 0 ? hardState : null,',
    breaks: 'Raft figure 2: term, vote and entries of a step are one write',
    caughtBy: { file: tests, test: 'term and entries of one step are one write' },
  },
  {
    name: 'vote-not-written',
    file: core,
    find: 'issued.term !== state.term || issued.votedFor !== state.votedFor;',
    replace: 'issued.term !== state.term;',
    breaks: 'Raft figure 2: votedFor is on stable storage',
    caughtBy: {
      file: 'test/raft/election.test.ts',
      test: 'a vote in a term that is known already',
    },
  },
  {
    name: 'vote-forgotten-at-restart',
    file: core,
    find: '      votedFor: hardState.votedFor,',
    replace: '      votedFor: null,',
    breaks: 'Raft figure 2: votedFor survives a restart',
    caughtBy: { file: tests, test: 'goes on with term, vote, log and what was committed' },
  },
  {
    name: 'commit-index-costs-a-sync',
    file: core,
    find: 'if (!voted && entries.length === 0 &&',
    replace: 'if (!voted && issued.commitIndex === state.commitIndex && entries.length === 0 &&',
    breaks: 'src/raft/README.md: the commit index never costs a sync of its own',
    caughtBy: { file: tests, test: 'a commit index that moved alone costs no write' },
  },
  {
    name: 'entries-handed-out-twice',
    file: core,
    find: '  state.deliveredIndex = state.commitIndex;\n',
    replace: '',
    breaks: 'Raft §5.3: each committed entry is applied once',
    caughtBy: { file: tests, test: 'hands out each committed entry once, in order' },
  },
  {
    name: 'replacing-entries-are-not-written',
    file: 'src/raft/log.ts',
    find: '    this.#unwritten = Math.min(this.#unwritten, index);\n',
    replace: '',
    breaks: 'Raft figure 2: the log is on stable storage',
    caughtBy: { file: tests, test: '§5.3 truncates from the first entry that conflicts' },
  },
  {
    name: 'old-write-vouches-for-replaced-entries',
    file: writeQueue,
    find: '    for (const write of this.#outstanding) write.lastIndex = Math.min(write.lastIndex, index - 1);\n',
    replace: '',
    breaks:
      'etcd-io/raft, async_storage_writes_append_aba_race: a late answer vouches for what it wrote',
    caughtBy: { file: tests, test: ABA },
  },
  {
    name: 'truncated-entries-stay-durable',
    file: writeQueue,
    find: '    this.#durableIndex = Math.min(this.#durableIndex, index - 1);\n',
    replace: '',
    breaks: 'Raft figure 2: what replaces durable entries is not durable yet',
    caughtBy: { file: tests, test: 'entries that replace durable ones are not durable yet' },
  },
  {
    name: 'truncation-is-not-told-to-the-writes',
    file: 'src/raft/following.ts',
    find: '      writes.truncated(entry.index);\n',
    replace: '',
    breaks:
      'etcd-io/raft, async_storage_writes_append_aba_race: a late answer vouches for what it wrote',
    caughtBy: { file: tests, test: ABA },
  },
  {
    name: 'one-answer-for-all-writes',
    file: writeQueue,
    find: 'while ((this.#outstanding[0]?.mark ?? Number.POSITIVE_INFINITY) <= mark) {',
    replace: 'while (this.#outstanding.length > 0) {',
    breaks: 'src/raft/README.md: a mark stands for the writes up to it',
    caughtBy: { file: tests, test: ABA },
  },
  {
    name: 'stalled-leader-stays',
    file: 'src/raft/leadership.ts',
    find: `  if (successor !== null) sendNow(state, successor, { kind: 'timeout-now' });
  becomeFollower(state, state.term, null);`,
    replace: `  if (successor !== null) sendNow(state, successor, { kind: 'timeout-now' });`,
    breaks: 'DESIGN §4: a leader whose log cannot be written steps down',
    caughtBy: { file: 'test/raft/leadership.test.ts', test: 'makes a leader step down' },
  },
];
