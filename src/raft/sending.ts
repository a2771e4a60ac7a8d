/**
 * What a leader sends to a follower: entries, heartbeats, new commit indexes, chunks of a snapshot.
 *
 * `flush` runs at the end of each step, so that whatever happened in the step (new entries, a new
 * commit index, room in a window) leaves at once and in one place. Heartbeats carry no entries: a
 * follower answers them without waiting for its disk, which keeps CheckQuorum and reads apart from
 * slow writes.
 *
 * What followers far behind need is bulk, and bulk must not delay heartbeats (DESIGN §5). Snapshots go
 * one chunk at a time to each, and to all together no more than a few chunks in a heartbeat's time;
 * whoever is silent gets none, so that it takes nothing from those who listen. Entries that are
 * committed already go in a small window.
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

/** Chunks of snapshots in the time of one heartbeat, to all followers together. */
const CHUNKS_PER_HEARTBEAT = 4;
/** Unanswered appends to a follower that still needs entries which are committed already. */
const CATCHING_UP_APPENDS = 2;

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

/** Heard in the time in which a follower would not yet miss its leader. */
export function isInContact({ now, options }: State, { contactMs }: Progress): boolean {
  return now < contactMs + options.electionTimeoutMs;
}

function sendEntries(state: State, lead: Leadership, peer: NodeId, progress: Progress): void {
  const { log } = state;
  while (progress.next <= log.lastIndex && progress.canSend(windowOf(state, progress))) {
    if (progress.next < log.firstIndex) {
      progress.lacks(known(log.snapshot, 'snapshot of a compacted log'));
      return;
    }
    const entries = log.sliceBytes(progress.next, state.options.maxAppendBytes);
    sendAppend(state, lead, peer, progress, entries);
    progress.sent(progress.next + entries.length - 1);
  }
}

function windowOf({ commitIndex, options }: State, progress: Progress): number {
  const { maxInflightAppends } = options;
  if (progress.next > commitIndex) return maxInflightAppends;
  return Math.min(CATCHING_UP_APPENDS, maxInflightAppends);
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
  if (!isInContact(state, progress) || !takesChunk(state, lead)) return;
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

/** The next heartbeat at the latest is a step in which the count begins anew. */
function takesChunk({ now, options }: State, { bulk }: Leadership): boolean {
  if (now >= bulk.sinceMs + options.heartbeatMs) {
    bulk.sinceMs = now;
    bulk.chunks = 0;
  }
  if (bulk.chunks >= CHUNKS_PER_HEARTBEAT) return false;
  bulk.chunks += 1;
  return true;
}
