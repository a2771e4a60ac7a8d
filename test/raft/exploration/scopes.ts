/** What is explored: small worlds that together contain what three nodes can do to each other. */
import type { Configuration, Entry, Restored } from '../../../src/raft/types.ts';
import { NONE, type Scope } from './bounds.ts';

const THREE: Configuration = { voters: ['a', 'b', 'c'], outgoing: [], learners: [] };
const BLANK: Restored = disk(0, []);
const BLANKS: Scope['disks'] = [BLANK, BLANK, BLANK];
const MUCH = 10_000;

const PLAIN: Omit<Scope, 'name' | 'about' | 'budget'> = {
  bootstrap: THREE,
  disks: BLANKS,
  led: false,
  forEver: false,
  inFlight: 4,
  maxAppendBytes: MUCH,
  instantDisk: false,
  alike: false,
  targets: [],
};

/** A disk with entries of the given terms, the first of which is the no-op of each term's leader. */
function disk(term: number, terms: readonly number[], votedFor: string | null = null): Restored {
  const entries = terms.map((one, i): Entry => ({ kind: 'no-op', index: i + 1, term: one }));
  return { hardState: { term, votedFor, commitIndex: 0 }, snapshot: null, entries };
}

export const SCOPES: readonly Scope[] = [
  {
    ...PLAIN,
    name: 'election',
    about: 'three blank nodes, two elections, a crash, a proposal',
    budget: { ...NONE, timeout: 2, crash: 1, propose: 1 },
  },
];
