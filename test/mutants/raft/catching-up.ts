/** Followers far behind, and those who must not notice: src/raft/sending.ts, log.ts. */
import type { Mutant } from '../mutant.ts';

const sending = 'src/raft/sending.ts';
const log = 'src/raft/log.ts';
const tests = 'test/raft/catching-up.test.ts';

export const CATCHING_UP: readonly Mutant[] = [
  {
    name: 'chunks-without-pace',
    file: sending,
    find: '  if (bulk.chunks >= CHUNKS_PER_HEARTBEAT) return false;\n',
    replace: '',
    breaks: 'DESIGN §5: bulk does not delay heartbeats',
    caughtBy: { file: tests, test: 'sends four chunks in the time of a heartbeat' },
  },
  {
    name: 'chunks-to-the-silent',
    file: sending,
    find: 'if (!isInContact(state, progress) || !takesChunk(state, lead)) return;',
    replace: 'if (!takesChunk(state, lead)) return;',
    breaks: 'DESIGN §5: who is silent takes nothing from those who listen',
    caughtBy: { file: tests, test: 'sends no chunks to a silent follower' },
  },
  {
    name: 'old-entries-in-the-wide-window',
    file: sending,
    find: 'if (progress.next > commitIndex) return maxInflightAppends;',
    replace: 'if (progress.next + commitIndex >= 0) return maxInflightAppends;',
    breaks: 'DESIGN §5: entries that are committed already go in a small window',
    caughtBy: { file: tests, test: 'has two appends on their way to a follower that needs' },
  },
  {
    name: 'needed-entries-compacted',
    file: log,
    find: 'Math.min(index - RETAINED_ENTRIES, neededFrom - 1)',
    replace: 'index - RETAINED_ENTRIES',
    breaks: 'DESIGN §4: what a follower that is being served needs next is kept',
    caughtBy: { file: tests, test: 'keeps that also far below its snapshot' },
  },
  {
    name: 'kept-entries-unbounded',
    file: log,
    find: '      if (bytes > maxBytes) break;\n',
    replace: '      void maxBytes;\n',
    breaks: 'DESIGN §4: what is kept below a snapshot is bounded',
    caughtBy: { file: tests, test: 'keeps no more below its snapshot than the bound' },
  },
  {
    name: 'follower-left-with-an-old-snapshot',
    file: 'src/raft/replication.ts',
    find: "    progress.lacks(known(snapshot, 'snapshot of a compacted log'));\n",
    replace: "    void known(snapshot, 'snapshot of a compacted log');\n",
    breaks: 'Raft §7: who needs what is gone is sent the newest snapshot',
    caughtBy: { file: tests, test: 'sends a newer snapshot when the log was cut again' },
  },
];
