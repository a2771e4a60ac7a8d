/**
 * Receiving a leader's snapshot, chunk by chunk.
 *
 * Chunks are taken in order from one leader of one term; anything else is answered with the place
 * that we stand at, and the leader goes on from there. Only a complete snapshot has an effect: it
 * replaces the log, the configuration and the state machine in one durable write.
 *
 * Reference: Raft §7, figure 13.
 */
import { follow } from './following.ts';
import type { Snapshot } from './log.ts';
import {
  commitUpTo,
  type Incoming,
  identityIsDurable,
  type State,
  sendAfterPersist,
  sendNow,
} from './state.ts';
import type { RaftMessage } from './types.ts';

type SnapshotMessage = Extract<RaftMessage, { kind: 'snapshot' }>;

/** A state machine of a cluster is small; a sender that goes past this is not sound. */
const MAX_SNAPSHOT_BYTES = 1 << 30;

/** Answers the snapshot when its last chunk has come: it then has to be written and restored. */
export function onSnapshot(state: State, message: SnapshotMessage): Snapshot | null {
  if (!follow(state, message.from)) return null;
  const { meta } = message;
  if (meta.index <= state.commitIndex || state.log.termAt(meta.index) === meta.term) {
    // Figure 13, step 6: what it covers is here already, and it vouches that this is committed.
    commitUpTo(state, Math.max(state.commitIndex, meta.index));
    state.incoming = null;
    reply(state, message, { offset: message.offset, done: true });
    return null;
  }
  const incoming = incomingFor(state, message);
  if (message.offset === incoming.bytes) take(incoming, message.chunk);
  const complete = message.last && incoming.bytes === message.offset + message.chunk.byteLength;
  if (!complete) {
    reply(state, message, { offset: incoming.bytes, done: false });
    return null;
  }
  state.incoming = null;
  return install(state, message, { meta, state: join(incoming) });
}

function incomingFor(state: State, { from, meta }: SnapshotMessage): Incoming {
  const known = state.incoming;
  const same =
    known !== null &&
    known.from === from &&
    known.meta.index === meta.index &&
    known.meta.term === meta.term;
  if (same) return known;
  const fresh: Incoming = { from, meta, chunks: [], bytes: 0 };
  state.incoming = fresh;
  return fresh;
}

function take(incoming: Incoming, chunk: Uint8Array): void {
  if (incoming.bytes + chunk.byteLength > MAX_SNAPSHOT_BYTES) return;
  incoming.chunks.push(chunk);
  incoming.bytes += chunk.byteLength;
}

function join(incoming: Incoming): Uint8Array {
  const state = new Uint8Array(incoming.bytes);
  let at = 0;
  for (const chunk of incoming.chunks) {
    state.set(chunk, at);
    at += chunk.byteLength;
  }
  return state;
}

function install(state: State, message: SnapshotMessage, snapshot: Snapshot): Snapshot {
  const { index, configuration } = snapshot.meta;
  // Everything uncommitted here may differ from what the snapshot covers.
  state.writes.truncated(state.commitIndex + 1);
  state.log.replace(snapshot);
  state.configurations.replaced(index, configuration);
  commitUpTo(state, index);
  state.deliveredIndex = index;
  state.outbox.restore = snapshot;
  reply(state, message, { offset: message.offset + message.chunk.byteLength, done: true });
  return snapshot;
}

function reply(
  state: State,
  { from, meta, readId }: SnapshotMessage,
  { offset, done }: { readonly offset: number; readonly done: boolean },
): void {
  const body = { kind: 'snapshot-reply', index: meta.index, offset, done, readId } as const;
  if (!done && identityIsDurable(state)) sendNow(state, from, body);
  else sendAfterPersist(state, from, body);
}
