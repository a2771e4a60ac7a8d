/** Entries and batches for tests of log stores. */
import type { Entry, Persist } from '../../src/raft/types.ts';

export function command(index: number, term: number, text = `${index}/${term}`): Entry {
  return { index, term, kind: 'command', data: new TextEncoder().encode(text) };
}

export function batch(mark: number, parts: Partial<Persist>): Persist {
  return { mark, hardState: null, entries: [], snapshot: null, ...parts };
}
