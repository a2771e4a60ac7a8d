/**
 * The two messages that a commit is made of, checked by hand: they come a thousand times a second, and
 * the schema costs more than everything else that is done with them. What passes here passes the schema
 * and comes out the same; what does not is left to the schema, which knows what to say about it.
 */
import type { Entry, RaftMessage } from '../raft/types.ts';

type Fields = Readonly<Record<string, unknown>>;

/** null: another message, or not certainly a sound one. */
export function quickRaftMessage(body: Fields): RaftMessage | null {
  const { kind, from, to, term, readId } = body;
  if (!isName(from) || !isName(to) || !isCounter(term) || !isCounter(readId)) return null;
  if (kind === 'append') {
    const { prevIndex, prevTerm, commitIndex } = body;
    if (!isCounter(prevIndex) || !isCounter(prevTerm) || !isCounter(commitIndex)) return null;
    const entries = quickEntries(body.entries);
    if (entries === null) return null;
    return { from, to, term, kind, prevIndex, prevTerm, entries, commitIndex, readId };
  }
  if (kind === 'append-reply') {
    const { matchIndex, conflict } = body;
    if (!isCounter(matchIndex) || conflict !== null) return null;
    return { from, to, term, kind, matchIndex, conflict, readId };
  }
  return null;
}

const MAX_ENTRIES = 65_536;

function quickEntries(value: unknown): readonly Entry[] | null {
  if (!Array.isArray(value) || value.length > MAX_ENTRIES) return null;
  const entries: Entry[] = [];
  for (const one of value as readonly unknown[]) {
    if (typeof one !== 'object' || one === null) return null;
    const { kind, index, term, data } = one as Fields;
    if (kind !== 'command' || !isCounter(index) || !isCounter(term)) return null;
    if (!(data instanceof Uint8Array)) return null;
    entries.push({ kind, index, term, data });
  }
  return entries;
}

const MAX_NAME_LENGTH = 255;

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH;
}

function isCounter(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
