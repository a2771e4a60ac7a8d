/** Taking office, appending, committing, sending: a leader's side. */
import type { Mutant } from '../mutant.ts';

const leadership = 'src/raft/leadership.ts';
const progress = 'src/raft/progress.ts';
const replication = 'test/raft/replication.test.ts';

export const LEADING: readonly Mutant[] = [
  {
    name: 'commits-entries-of-earlier-terms',
    file: leadership,
    find: 'if (reached <= state.commitIndex || log.termAt(reached) !== state.term) return;',
    replace: 'if (reached <= state.commitIndex) return;',
    breaks: 'Raft §5.4.2, figure 8: only entries of the present term are committed by counting',
    caughtBy: { file: replication, test: '§5.4.2 figure 8' },
  },
  {
    name: 'no-no-op',
    file: leadership,
    find: "  appendOwn(state, lead, { kind: 'no-op', index: log.lastIndex + 1, term: state.term });\n",
    replace: '',
    breaks: 'Raft §8: a new leader begins with an entry of its own',
    caughtBy: { file: replication, test: '§5.2 appends a no-op' },
  },
  {
    name: 'own-append-counts-before-durable',
    file: leadership,
    find: 'voter === options.id ? writes.durableIndex :',
    replace: 'voter === options.id ? Math.max(writes.durableIndex, log.lastIndex) :',
    breaks: 'thesis §10.2.1: a leader counts its own append when it is durable',
    caughtBy: { file: replication, test: 'its own append counts only when it is durable' },
  },
  {
    name: 'uncommitted-bytes-only-grow',
    file: leadership,
    find: '  lead.uncommittedBytes -= log.bytesOf(state.commitIndex + 1, reached);\n',
    replace: '',
    breaks: 'DESIGN §4: the bound on uncommitted bytes is on those that are uncommitted',
    caughtBy: { file: replication, test: 'refuses proposals when too much is uncommitted' },
  },
  {
    name: 'uncommitted-bytes-unbounded',
    file: leadership,
    find: 'if (lead.uncommittedBytes > 0 && bytes > options.maxUncommittedBytes) {',
    replace: 'if (lead.uncommittedBytes > 0 && bytes < 0) {',
    breaks: 'DESIGN §4: what is uncommitted is bounded',
    caughtBy: { file: replication, test: 'refuses proposals when too much is uncommitted' },
  },
  {
    name: 'window-ignored',
    file: progress,
    find: "return this.#state === 'replicate' && this.#inflight.length < maxInflight;",
    replace: "return this.#state === 'replicate' && maxInflight > 0;",
    breaks: 'thesis §10.2.2, DESIGN §4: appends under way are bounded',
    caughtBy: { file: replication, test: 'sends no more than the window' },
  },
  {
    name: 'match-goes-back',
    file: progress,
    find: '    if (index <= this.#match) return false;\n',
    replace: '',
    breaks: 'Raft figure 2: matchIndex increases monotonically',
    caughtBy: { file: replication, test: 'a late acknowledgement takes nothing back' },
  },
  {
    name: 'refusals-multiply',
    file: progress,
    find: "    if (this.#state === 'probe' && next === this.#next) return;\n",
    replace: '',
    breaks: 'DESIGN §4: one answer brings at most one append',
    caughtBy: { file: replication, test: 'repeated refusals do not multiply appends' },
  },
  {
    name: 'acknowledgement-beyond-the-log-counts',
    file: 'src/raft/replication.ts',
    find: 'if (progress === undefined || reply.matchIndex > state.log.lastIndex) return;',
    replace: 'if (progress === undefined) return;',
    breaks: 'Raft §5.3: a follower cannot hold what was never sent',
    caughtBy: { file: replication, test: 'of strangers and beyond the log count for nothing' },
  },
  {
    name: 'commit-waits-for-the-heartbeat',
    file: 'src/raft/sending.ts',
    find: 'progress.toldCommit >= state.commitIndex) return;',
    replace: 'progress.toldCommit >= 0) return;',
    breaks: 'DESIGN §7: a new commit index is told at once',
    caughtBy: { file: replication, test: 'commits with a majority, and tells the others at once' },
  },
];
