/**
 * What a leader learns from its followers' answers.
 *
 * An answer says three things that do not depend on each other: how far the follower's log is durable
 * and equal to ours, where it may agree if it refused, and which round it has seen. Each of them only
 * grows, so duplicated, reordered and late answers are harmless.
 *
 * Reference: Raft §5.3 (including the accelerated back-up); etcd-io/raft `raft.go` `stepLeader`.
 */
import { known } from '../lib/assert.ts';
import { advanceCommit } from './leadership.ts';
import type { Progress } from './progress.ts';
import { echoed, serveReads } from './rounds.ts';
import type { Leadership, State } from './state.ts';
import { askSuccessor } from './transfer.ts';
import type { RaftMessage } from './types.ts';

type AppendReply = Extract<RaftMessage, { kind: 'append-reply' }>;
type SnapshotReply = Extract<RaftMessage, { kind: 'snapshot-reply' }>;

export function onAppendReply(state: State, lead: Leadership, reply: AppendReply): void {
  const progress = lead.peers.get(reply.from);
  if (progress === undefined || reply.matchIndex > state.log.lastIndex) return;
  echoed(lead, progress, reply.readId);
  const grew = progress.matched(reply.matchIndex);
  if (progress.state === 'snapshot') leaveSnapshotWhenServed(state, progress);
  else if (reply.conflict === null) progress.agreed();
  else progress.disagreed(state.log.lastPlaceAtMost(reply.conflict.index, reply.conflict.term));
  afterAnswer(state, lead, grew);
}

export function onSnapshotReply(state: State, lead: Leadership, reply: SnapshotReply): void {
  const progress = lead.peers.get(reply.from);
  if (progress === undefined || reply.index > state.commitIndex) return;
  echoed(lead, progress, reply.readId);
  const grew = reply.done && progress.matched(reply.index);
  if (progress.state === 'snapshot') {
    leaveSnapshotWhenServed(state, progress);
    continueTransmission(state, progress, reply);
  }
  afterAnswer(state, lead, grew);
}

/**
 * The log reaches the follower again: it has the snapshot, or never needed it. If the log was cut
 * once more while the snapshot travelled, a newer one has to follow.
 */
function leaveSnapshotWhenServed(state: State, progress: Progress): void {
  const { match, transmission } = progress;
  const { firstIndex, snapshot } = state.log;
  if (match >= firstIndex - 1) progress.agreed();
  else if (transmission !== null && match >= transmission.snapshot.meta.index) {
    progress.lacks(known(snapshot, 'snapshot of a compacted log'));
  }
}

/**
 * Only the expected answer brings the next chunk at once. Any other place is noted and taken up at
 * the next heartbeat, so that duplicated answers do not start a second stream of chunks.
 */
function continueTransmission(state: State, progress: Progress, reply: SnapshotReply): void {
  const transmission = progress.transmission;
  if (transmission === null || reply.done) return;
  const { snapshot, offset } = transmission;
  const size = snapshot.state.byteLength;
  if (reply.index !== snapshot.meta.index || reply.offset > size) return;
  const expected = Math.min(offset + state.options.snapshotChunkBytes, size);
  transmission.resumeAt = reply.offset;
  if (reply.offset !== expected || !transmission.awaiting) return;
  transmission.offset = reply.offset;
  transmission.awaiting = false;
}

function afterAnswer(state: State, lead: Leadership, grew: boolean): void {
  if (grew) advanceCommit(state, lead);
  serveReads(state, lead);
  if (grew) askSuccessor(state, lead);
}
