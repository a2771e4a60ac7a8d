/** CheckQuorum and ReadIndex: src/raft/rounds.ts. */
import type { Mutant } from '../mutant.ts';

const file = 'src/raft/rounds.ts';
const tests = 'test/raft/leadership.test.ts';

export const ROUNDS: readonly Mutant[] = [
  {
    name: 'read-index-without-quorum',
    file,
    find: 'if (round === null || round.id > confirmed) return true;',
    replace: 'if (round === null || confirmed < 0) return true;',
    breaks: 'thesis §6.4: a read is confirmed by a quorum',
    caughtBy: { file: tests, test: '§6.4 is confirmed by a quorum of echoes' },
  },
  {
    name: 'read-confirmed-by-a-round-that-began-before',
    file,
    find: '  lead.reads.push({ readId, round: null });',
    replace: `  const round = { id: lead.round, beganMs: state.now, index: state.commitIndex };
  lead.reads.push({ readId, round });`,
    breaks: 'thesis §6.4: the round begins after the read came',
    caughtBy: { file: tests, test: 'a round that began after the read' },
  },
  {
    name: 'read-before-the-first-commit-of-the-term',
    file,
    find: 'if (open || lead.reads.length === 0 || !hasCommittedInTerm(state)) return;',
    replace: 'if (open || lead.reads.length === 0) return;',
    breaks: 'thesis §6.4, etcd#7331: a leader waits for the first commit of its term',
    caughtBy: { file: tests, test: '§6.4 waits for the first commit of the term' },
  },
  {
    name: 'heartbeat-takes-reads-before-the-first-commit',
    file,
    find: '  if (!hasCommittedInTerm(state)) return;\n',
    replace: '',
    breaks: 'thesis §6.4, etcd#7331: a leader does not know yet what is committed',
    caughtBy: { file: tests, test: '§6.4 a heartbeat before the first commit of the term' },
  },
  {
    name: 'made-up-echo-believed',
    file,
    find: 'if (round > lead.round || round <= progress.echoedRound) return;',
    replace: 'if (round <= progress.echoedRound) return;',
    breaks: 'thesis §6.4: nobody has seen a round that was never begun',
    caughtBy: {
      file: tests,
      test: '§6.4 an echo of a round that was never begun confirms no read',
    },
  },
  {
    name: 'any-bytes-are-contact',
    file: 'src/raft/replication.ts',
    find: '  echoed(lead, progress, reply.readId);\n  const grew = progress.matched(reply.matchIndex);',
    replace: `  echoed(lead, progress, reply.readId);
  progress.contactMs = state.now;
  const grew = progress.matched(reply.matchIndex);`,
    breaks: 'thesis §6.2: contact is the answer to a question that was asked lately',
    caughtBy: { file: tests, test: 'bytes that echo no round, do not count' },
  },
  {
    name: 'contact-counted-from-the-echo',
    file: 'src/raft/replication.ts',
    find: '  echoed(lead, progress, reply.readId);\n  const grew = progress.matched(reply.matchIndex);',
    replace: `  if (reply.readId > progress.echoedRound) progress.contactMs = state.now;
  echoed(lead, progress, reply.readId);
  const grew = progress.matched(reply.matchIndex);`,
    breaks: 'thesis §6.2: contact counts from when the echoed round began',
    caughtBy: { file: tests, test: 'does not take old echoes for a quorum' },
  },
  {
    name: 'no-check-quorum',
    file,
    find: 'return state.now >= quorumContactMs(state, lead) + state.options.checkQuorumMs;',
    replace: 'return state.now < quorumContactMs(state, lead);',
    breaks: 'thesis §6.2: a leader without quorum steps down',
    caughtBy: { file: tests, test: 'a leader that no quorum answers steps down' },
  },
  {
    name: 'thawed-leader-reads',
    file: 'src/raft/core.ts',
    find: 'function onRead(state: State, readId: number): void {\n  stepDownWithoutQuorum(state);\n',
    replace: 'function onRead(state: State, readId: number): void {\n',
    breaks: 'thesis §6.2: a leader that stood still knows nothing of its quorum',
    caughtBy: { file: tests, test: 'a thawed leader refuses proposals and reads' },
  },
  {
    name: 'one-more-heartbeat-without-quorum',
    file: 'src/raft/leadership.ts',
    find: '  if (stepDownWithoutQuorum(state)) return;\n',
    replace: '  beginRound(state, lead);\n  if (stepDownWithoutQuorum(state)) return;\n',
    breaks: 'thesis §6.2: a leader that has lost its quorum is silent',
    caughtBy: { file: tests, test: 'does not take old echoes for a quorum' },
  },
  {
    name: 'reads-unbounded',
    file,
    find: 'if (lead.reads.length >= MAX_PENDING_READS) {',
    replace: 'if (lead.reads.length > 1e9 + MAX_PENDING_READS) {',
    breaks: 'DESIGN §4: every queue is bounded',
    caughtBy: { file: tests, test: 'pending reads are bounded' },
  },
];
