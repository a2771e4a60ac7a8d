/** Compaction, and snapshots sent and received: src/raft/install.ts, log.ts, sending.ts. */
import type { Mutant } from '../mutant.ts';

const install = 'src/raft/install.ts';
const tests = 'test/raft/snapshot.test.ts';

export const SNAPSHOTS: readonly Mutant[] = [
  {
    name: 'old-snapshot-overrides-committed-entries',
    file: install,
    find: 'meta.index <= state.commitIndex || state.log.termAt(meta.index) === meta.term',
    replace: 'state.log.termAt(meta.index) === meta.term',
    breaks: 'Raft §7: a snapshot of what is committed here already changes nothing',
    caughtBy: { file: tests, test: 'a snapshot from before the own one changes nothing' },
  },
  {
    name: 'snapshot-discards-the-log-that-follows',
    file: install,
    find: 'meta.index <= state.commitIndex || state.log.termAt(meta.index) === meta.term',
    replace: 'meta.index <= state.commitIndex',
    breaks: 'Raft figure 13, step 6: the log that follows the snapshot is kept',
    caughtBy: { file: tests, test: 'figure 13: keeps the log that follows' },
  },
  {
    name: 'chunk-out-of-order',
    file: install,
    find: 'if (message.offset === incoming.bytes) take(incoming, message.chunk);',
    replace: 'take(incoming, message.chunk);',
    breaks: 'Raft figure 13: a chunk is written at its offset',
    caughtBy: { file: tests, test: 'chunks that are lost, repeated or reordered' },
  },
  {
    name: 'chunks-of-two-snapshots-mixed',
    file: install,
    find: '    known.meta.index === meta.index &&\n',
    replace: '',
    breaks: 'Raft figure 13: another snapshot begins anew',
    caughtBy: { file: tests, test: 'another snapshot, or another leader, begins anew' },
  },
  {
    name: 'incomplete-snapshot-installed',
    file: install,
    find: 'const complete = message.last && incoming.bytes === message.offset + message.chunk.byteLength;',
    replace: 'const complete = message.last;',
    breaks: 'Raft figure 13: only a complete snapshot has an effect',
    caughtBy: { file: tests, test: 'chunks that are lost, repeated or reordered' },
  },
  {
    name: 'snapshot-acknowledged-before-durable',
    file: install,
    find: 'if (!done && identityIsDurable(state)) sendNow',
    replace: 'if (identityIsDurable(state)) sendNow',
    breaks: 'Raft figure 2: stable storage is updated before the answer',
    caughtBy: { file: tests, test: 'in one durable write' },
  },
  {
    name: 'old-write-vouches-past-a-snapshot',
    file: install,
    find: '  state.writes.truncated(state.commitIndex + 1);\n',
    replace: '',
    breaks:
      'etcd-io/raft, async_storage_writes_append_aba_race: a late answer vouches for what it wrote',
    caughtBy: { file: tests, test: 'entries that the snapshot replaced are not taken for durable' },
  },
  {
    name: 'compaction-before-what-is-applied',
    file: 'src/raft/core.ts',
    find: 'assert(index <= state.appliedIndex,',
    replace: 'assert(index >= 0,',
    breaks: 'Raft §7: a snapshot covers what the state machine holds',
    caughtBy: { file: tests, test: 'a compaction before what was applied is a bug' },
  },
  {
    name: 'compaction-keeps-nothing',
    file: 'src/raft/log.ts',
    find: 'for (let bytes = 0; base > lowest; base -= 1) {',
    replace: 'for (let bytes = 0; base > Math.max(lowest, index); base -= 1) {',
    breaks: 'DESIGN §4: who lags a little gets entries and not the whole state machine',
    caughtBy: { file: tests, test: 'keeping entries for those who lag a little' },
  },
  {
    name: 'second-stream-of-chunks',
    file: 'src/raft/replication.ts',
    find: 'if (reply.offset !== expected || !transmission.awaiting) return;',
    replace: 'if (reply.offset > expected) return;',
    breaks: 'DESIGN §4: chunks go out one at a time',
    caughtBy: { file: tests, test: 'a repeated answer brings no second chunk' },
  },
  {
    name: 'lost-chunk-stays-lost',
    file: 'src/raft/sending.ts',
    find: '  transmission.offset = transmission.resumeAt;\n  transmission.awaiting = false;\n',
    replace: '',
    breaks: 'Raft §7: a chunk that was lost is sent again',
    caughtBy: { file: tests, test: 'a lost chunk is sent again with a heartbeat' },
  },
];
