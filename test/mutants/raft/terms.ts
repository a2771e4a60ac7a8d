/** Terms, senders and stepping down: src/raft/receiving.ts, src/raft/roles.ts. */
import type { Mutant } from '../mutant.ts';

const receiving = 'src/raft/receiving.ts';
const roles = 'src/raft/roles.ts';
const elections = 'test/raft/election.test.ts';
const replication = 'test/raft/replication.test.ts';

export const TERMS: readonly Mutant[] = [
  {
    name: 'vote-cleared-on-same-term-step-down',
    file: roles,
    find: '  if (term > state.term) {',
    replace: '  if (term >= state.term) {',
    breaks: 'Raft §5.2, microsoft/CCF#8094: a step-down in the same term keeps the vote',
    caughtBy: { file: elections, test: 'a step-down in the same term keeps the vote' },
  },
  {
    name: 'vote-kept-in-a-new-term',
    file: roles,
    find: '    state.votedFor = null;\n',
    replace: '',
    breaks: 'Raft §5.1: a new term begins without a vote',
    caughtBy: { file: elections, test: 'a leader that hears of a higher term steps down' },
  },
  {
    name: 'reads-forgotten-at-step-down',
    file: roles,
    find: '    for (const { readId } of role.reads) outbox.readsRejected.push({ readId, leader });\n',
    replace: '',
    breaks: 'thesis §6.4: a read that cannot be confirmed is refused',
    caughtBy: {
      file: 'test/raft/leadership.test.ts',
      test: 'is refused by a follower, and when the leader steps down',
    },
  },
  {
    name: 'proposals-forgotten-with-the-election',
    file: roles,
    find: "      outbox.rejectProposal(proposalId, 'NOT_LEADER', leader);\n",
    replace: '      void proposalId;\n',
    breaks: 'DESIGN §4: a proposal is accepted or refused, never lost',
    caughtBy: { file: replication, test: 'are refused when it is lost' },
  },
  {
    name: 'acknowledgement-of-an-earlier-term-counts',
    file: receiving,
    find: '  if (message.term < state.term) {',
    replace: "  if (message.term < state.term && message.kind !== 'append-reply') {",
    breaks: 'Raft §5.1: a message of an earlier term is not acted upon',
    caughtBy: { file: replication, test: 'acknowledgements of other terms' },
  },
  {
    name: 'higher-term-of-a-reply-ignored',
    file: receiving,
    find: '  if (isMember(state.configurations.inForce, message.from)) {',
    replace: "  if (message.kind === 'pre-vote-reply') {",
    breaks: 'Raft §5.1: a leader that hears of a higher term steps down',
    caughtBy: { file: elections, test: 'a leader that hears of a higher term steps down' },
  },
  {
    name: 'stranger-raises-the-term',
    file: receiving,
    find: '  if (isMember(state.configurations.inForce, message.from)) {',
    replace: "  if (message.from !== '') {",
    breaks: 'Raft §6: who is not asked has nothing to tell',
    caughtBy: { file: elections, test: 'a stranger cannot raise the term by replies' },
  },
  {
    name: 'old-leader-is-not-told',
    file: receiving,
    find: "    case 'append':\n    case 'snapshot':\n      sendAfterPersist(",
    replace: "    case 'snapshot':\n      sendAfterPersist(",
    breaks: 'Raft §5.1: an older sender is told the newer term',
    caughtBy: { file: elections, test: '§5.1 an older sender is told the newer term' },
  },
];
