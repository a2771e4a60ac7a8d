/**
 * What a leader sends to a follower: entries, heartbeats, new commit indexes, chunks of a snapshot.
 *
 * `flush` runs at the end of each step, so that whatever happened in the step (new entries, a new
 * commit index, room in a window) leaves at once and in one place. Heartbeats carry no entries: a
 * follower answers them without waiting for its disk, which keeps CheckQuorum and reads apart from
 * slow writes.
 *
 * Interprets no reply.
 *
 * Reference: Raft §5.3, §7; thesis §10.2.1 (the leader sends while it writes).
 */

import { known } from '../lib/assert.ts';
import type { NodeId } from '../lib/ids.ts';
import type { Progress } from './progress.ts';
import { type Leadership, type State, sendNow } from './state.ts';
import type { Entry } from './types.ts';

/** Sends each follower whatever it may get now. */
export function flush(state: State, lead: Leadership): void {
  for (const [peer, progress] of lead.peers) {
    sendEntries(state, lead, peer, progress);
    if (progress.state === 'snapshot') sendChunk(state, lead, peer, progress);
    else pushCommit(state, lead, peer, progress);
  }
}

/** An append without entries, for a sign of life, a probe of the log and a round to echo. */
export function sendHeartbeat(
  state: State,
  lead: Leadership,
  peer: NodeId,
  progress: Progress,
): void {
  sendAppend(state, lead, peer, progress, []);
  const transmission = progress.transmission;
  if (transmission?.awaiting !== true) return;
  if (state.now - transmission.sentMs < state.options.heartbeatMs) return;
  transmission.offset = transmission.resumeAt;
  transmission.awaiting = false;
}

function sendEntries(state: State, lead: Leadership, peer: NodeId, progress: Progress): void {
  const { log, options } = state;
  while (progress.next <= log.lastIndex && progress.canSend(options.maxInflightAppends)) {
    if (progress.next < log.firstIndex) {
      progress.lacks(known(log.snapshot, 'snapshot of a compacted log'));
      return;
    }
    const entries = log.sliceBytes(progress.next, options.maxAppendBytes);
    sendAppend(state, lead, peer, progress, entries);
    progress.sent(progress.next + entries.length - 1);
  }
}

/** DESIGN §7: a new commit index is told at once and does not wait for the next heartbeat. */
function pushCommit(state: State, lead: Leadership, peer: NodeId, progress: Progress): void {
  if (progress.state !== 'replicate' || progress.toldCommit >= state.commitIndex) return;
  sendAppend(state, lead, peer, progress, []);
}

function sendAppend(
  state: State,
  lead: Leadership,
  peer: NodeId,
  progress: Progress,
  entries: readonly Entry[],
): void {
  const pinned = progress.transmission?.snapshot.meta;
  const prevIndex = pinned?.index ?? progress.next - 1;
  const prevTerm = pinned?.term ?? state.log.termAt(prevIndex);
  if (prevTerm === null) {
    progress.lacks(known(state.log.snapshot, 'snapshot of a compacted log'));
    sendAppend(state, lead, peer, progress, []);
    return;
  }
  const { commitIndex } = state;
  progress.toldCommit = commitIndex;
  const readId = lead.round;
  sendNow(state, peer, { kind: 'append', prevIndex, prevTerm, entries, commitIndex, readId });
}

function sendChunk(state: State, lead: Leadership, peer: NodeId, progress: Progress): void {
  const transmission = progress.transmission;
  if (transmission === null || transmission.awaiting) return;
  const { snapshot, offset } = transmission;
  const end = Math.min(offset + state.options.snapshotChunkBytes, snapshot.state.byteLength);
  transmission.awaiting = true;
  transmission.sentMs = state.now;
  sendNow(state, peer, {
    kind: 'snapshot',
    meta: snapshot.meta,
    offset,
    last: end === snapshot.state.byteLength,
    chunk: snapshot.state.subarray(offset, end),
    readId: lead.round,
  });
}
