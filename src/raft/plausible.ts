/**
 * Whether a message can have been sent by a sound node at all.
 *
 * The mesh vouches for a message's shape and for who sent it; its values are whatever the sender's
 * memory held. What fails here is dropped unread, so that the rules may rely on order and range.
 * Messages that are merely old, repeated or from strangers pass: the rules are made for those.
 */
import type { Entry, RaftMessage } from './types.ts';

export function isPlausible(message: RaftMessage): boolean {
  if (!isCounter(message.term) || message.term === 0) return false;
  switch (message.kind) {
    case 'pre-vote':
    case 'vote':
      return isPlace(message.lastIndex, message.lastTerm) && message.lastTerm < message.term;
    case 'append':
      return (
        isPlace(message.prevIndex, message.prevTerm) &&
        message.prevTerm <= message.term &&
        isCounter(message.commitIndex) &&
        isCounter(message.readId) &&
        areEntries(message.entries, message)
      );
    case 'append-reply':
      return (
        isCounter(message.matchIndex) &&
        isCounter(message.readId) &&
        (message.conflict === null || isPlace(message.conflict.index, message.conflict.term))
      );
    case 'snapshot':
      return (
        isPlace(message.meta.index, message.meta.term) &&
        message.meta.index > 0 &&
        message.meta.term <= message.term &&
        isCounter(message.offset) &&
        isCounter(message.readId)
      );
    case 'snapshot-reply':
      return isCounter(message.index) && isCounter(message.offset) && isCounter(message.readId);
    default:
      return true;
  }
}

/** Below 2^53, with room for one more: terms and indexes are counted up. */
function isCounter(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < Number.MAX_SAFE_INTEGER;
}

/** Index 0 is before the first entry and has term 0; nothing else has. */
function isPlace(index: number, term: number): boolean {
  return isCounter(index) && isCounter(term) && (index === 0) === (term === 0);
}

function areEntries(
  entries: readonly Entry[],
  before: { readonly prevIndex: number; readonly prevTerm: number; readonly term: number },
): boolean {
  let { prevIndex: index, prevTerm: term } = before;
  for (const entry of entries) {
    index += 1;
    if (entry.index !== index || !isCounter(entry.term) || entry.term < Math.max(1, term)) {
      return false;
    }
    term = entry.term;
  }
  return term <= before.term;
}
