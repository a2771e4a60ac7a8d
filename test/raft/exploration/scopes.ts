/**
 * What is explored: small worlds that together contain what three nodes can do to each other. Each
 * of SCOPES is explored to its end; those of WIDE are larger, and are looked at as far as one asks.
 */
import type { ChangeTarget, Configuration, Entry } from '../../../src/raft/types.ts';
import { type Budget, type Disk, NONE, type Scope } from './bounds.ts';

const THREE: Configuration = { voters: ['a', 'b', 'c'], outgoing: [], learners: [] };
const BLANK = disk(0, []);
/** No append is too long for this. */
const ALL_BYTES = 10_000;
/** Each entry travels alone. */
const ONE_ENTRY = 1;

const PLAIN: Omit<Scope, 'name' | 'about' | 'budget'> = {
  bootstrap: THREE,
  disks: [BLANK, BLANK, BLANK],
  led: false,
  forEver: false,
  inFlight: 2,
  maxAppendBytes: ALL_BYTES,
  instantDisk: false,
  gathers: false,
  alike: false,
  targets: [],
};
const BLANK_NODES = { ...PLAIN, alike: true };
const LED = { ...PLAIN, led: true };

/** Raft's figure 8, (c): an entry of term 2 on a, one of term 3 on c, and nobody knows of a commit. */
const FIGURE_8: Scope['disks'] = [disk(3, [1, 2]), disk(3, [1], 'c'), disk(3, [1, 3], 'c')];

/** A disk with entries of the given terms, as their leaders' no-ops. */
function disk(
  term: number,
  terms: readonly number[],
  votedFor: string | null = null,
  saved = 0,
): Disk {
  const entries = terms.map((one, i): Entry => ({ kind: 'no-op', index: i + 1, term: one }));
  return { hardState: { term, votedFor, commitIndex: saved }, entries, saved };
}

function upTo(budget: Partial<Budget>): Budget {
  return { ...NONE, ...budget };
}

function voters(...target: readonly string[]): ChangeTarget {
  return { voters: target, learners: [] };
}

export const SCOPES: readonly Scope[] = [
  {
    ...BLANK_NODES,
    name: 'two-elections',
    about: 'blank nodes, two timeouts, slow disks',
    budget: upTo({ timeout: 2 }),
    inFlight: 3,
  },
  {
    ...BLANK_NODES,
    name: 'crash-in-election',
    about: 'blank nodes, two timeouts, slow disks, a power loss',
    budget: upTo({ timeout: 2, crash: 1 }),
  },
  {
    ...BLANK_NODES,
    name: 'repeated-votes',
    about: 'blank nodes, a timeout, slow disks, a power loss, a message that comes twice',
    budget: upTo({ timeout: 1, crash: 1, duplicate: 1 }),
    inFlight: 3,
  },
  {
    ...BLANK_NODES,
    name: 'old-messages',
    about: 'blank nodes, two timeouts, quick disks; any message comes again at any time',
    budget: upTo({ timeout: 2 }),
    instantDisk: true,
    forEver: true,
  },
  {
    ...LED,
    name: 'succession',
    about: 'a leads and is given a command; another falls silent, a third elects; slow disks',
    budget: upTo({ propose: 1, timeout: 1, silence: 1 }),
  },
  {
    ...LED,
    name: 'succession-by-crash',
    about: 'the same with a power loss and quick disks',
    budget: upTo({ propose: 1, timeout: 1, silence: 1, crash: 1 }),
    instantDisk: true,
  },
  {
    ...PLAIN,
    name: 'figure-8',
    about: 'logs that diverged over three terms, two timeouts, entries that travel alone',
    budget: upTo({ timeout: 2, silence: 1 }),
    disks: FIGURE_8,
    maxAppendBytes: ONE_ENTRY,
    instantDisk: true,
  },
  {
    ...LED,
    name: 'reads',
    about: 'a read is asked of a, while others elect and commit',
    budget: upTo({ read: 1, timeout: 1, silence: 1, heartbeat: 1 }),
    instantDisk: true,
  },
  {
    ...LED,
    name: 'check-quorum',
    about: 'a has lost its quorum, or only thinks so',
    budget: upTo({ 'quorum-lost': 1, heartbeat: 1, timeout: 1, silence: 1 }),
  },
  {
    ...LED,
    name: 'handing-over',
    about: 'a transfer, and a command that comes before, during or after it',
    budget: upTo({ transfer: 1, propose: 1 }),
  },
  {
    ...LED,
    name: 'false-news',
    about: 'a detector that is wrong, and a disk that hangs',
    budget: upTo({ propose: 1, 'forget-leader': 1, 'disk-stalled': 1 }),
  },
  {
    ...LED,
    name: 'removal',
    about: 'two voters leave through a joint configuration while they elect',
    budget: upTo({ change: 1, timeout: 1, silence: 1 }),
    targets: [voters('a')],
  },
  {
    ...LED,
    name: 'replacement',
    about: 'a learner takes the place of a voter; a power loss, a message that comes twice',
    bootstrap: { voters: ['a', 'b'], outgoing: [], learners: ['c'] },
    budget: upTo({ change: 1, timeout: 1, crash: 1, duplicate: 1 }),
    targets: [voters('a', 'c')],
    inFlight: 3,
  },
  {
    ...PLAIN,
    name: 'snapshot',
    about: 'c gets a snapshot in two chunks; an election, a power loss',
    disks: [disk(1, [1, 1], 'a', 2), disk(1, [1, 1], 'a'), disk(1, [])],
    budget: upTo({ timeout: 1, heartbeat: 1, crash: 1 }),
  },
  {
    ...PLAIN,
    name: 'own-snapshot',
    about: 'whoever leads c saves its state machine first, and may lose its power',
    disks: [disk(1, [1, 1], 'a'), disk(1, [1, 1], 'a'), disk(1, [])],
    budget: upTo({ timeout: 1, compact: 1, crash: 1 }),
  },
  {
    ...BLANK_NODES,
    name: 'gathered',
    about: 'two timeouts, slow disks, a power loss; two messages may be taken in one step',
    budget: upTo({ timeout: 2, crash: 1 }),
    gathers: true,
  },
];

export function scopeOf(name: string): Scope {
  const scope = [...SCOPES, ...WIDE].find((one) => one.name === name);
  if (scope === undefined) throw new Error(`no scope is called ${name}`);
  return scope;
}

export const WIDE: readonly Scope[] = [
  wider('figure-8', 'slow disks', { instantDisk: false }),
  wider('reads', 'a command', { budget: upTo({ read: 1, propose: 1, timeout: 1, silence: 1 }) }),
  wider('gathered', 'more on its way', { inFlight: 3 }),
  wider('succession-by-crash', 'two messages may be taken in one step', { gathers: true }),
  wider('own-snapshot', 'a heartbeat', {
    budget: upTo({ timeout: 1, compact: 1, crash: 1, heartbeat: 1 }),
  }),
  wider('removal', 'more on its way', { inFlight: 3 }),
  wider('old-messages', 'more on its way', { inFlight: 3 }),
  wider('snapshot', 'more on its way', { inFlight: 3 }),
  wider('two-elections', 'more on its way', { inFlight: 5 }),
  wider('succession', 'a power loss, more on its way', {
    budget: upTo({ propose: 1, timeout: 1, silence: 1, crash: 1 }),
    inFlight: 3,
  }),
  wider('crash-in-election', 'three timeouts', { budget: upTo({ timeout: 3, crash: 1 }) }),
  wider('replacement', 'two timeouts, and the learner is taken back', {
    budget: upTo({ change: 2, timeout: 2, crash: 1 }),
    targets: [voters('a', 'c'), { voters: ['a', 'b'], learners: ['c'] }],
  }),
  wider('handing-over', 'a timeout', { budget: upTo({ transfer: 2, propose: 1, timeout: 1 }) }),
];

function wider(name: string, about: string, more: Partial<Scope>): Scope {
  const base = SCOPES.find((one) => one.name === name);
  if (base === undefined) throw new Error(`no scope is called ${name}`);
  return { ...base, ...more, name: `${name}+`, about: `${base.about}; ${about}` };
}
