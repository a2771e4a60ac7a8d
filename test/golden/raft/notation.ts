/**
 * How entries, logs and configurations are written in a story.
 *
 *   1-            an entry of term 1: the no-op of its leader
 *   1"x"          the command x; 1 alone is a command without content, 1×300 are many of them
 *   2{a b d}      a configuration; 2{a b c → a b d} a joint one; +e are learners
 *   [≤5]          what went into a snapshot up to entry 5
 *   | and ~       before | is what the node knows to be committed; after ~ is not on its disk yet
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import type { Configuration, Entry, RaftStatus } from '../../../src/raft/types.ts';
import type { Machine } from './machine.ts';

const MANY = 4;

export function dataOf(label: string): Uint8Array {
  return new TextEncoder().encode(label);
}

export function labelOf(entry: Entry): string | null {
  return entry.kind === 'command' ? new TextDecoder().decode(entry.data) : null;
}

export function configurationText({ voters, outgoing, learners }: Configuration): string {
  const change = outgoing.length > 0 ? `${outgoing.join(' ')} → ` : '';
  return [change + voters.join(' '), ...learners.map((learner) => `+${learner}`)].join(' ');
}

/** For a sentence: `3 "x"`, `2 (no-op)`, `4 (configuration a b d)`. */
export function entryText(entry: Entry): string {
  switch (entry.kind) {
    case 'no-op':
      return `${entry.index} (no-op)`;
    case 'configuration':
      return `${entry.index} (configuration ${configurationText(entry.configuration)})`;
    default: {
      const label = labelOf(entry);
      return label === '' ? `${entry.index}` : `${entry.index} "${label}"`;
    }
  }
}

/** For a sentence: each entry, or first and last where there are many. */
export function entriesText(entries: readonly Entry[]): string {
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined) return 'nothing';
  if (entries.length <= MANY) return entries.map(entryText).join(', ');
  return `${first.index}–${last.index}`;
}

/** For a table: the log as its terms and contents. */
function entryMark(entry: Entry): string {
  switch (entry.kind) {
    case 'no-op':
      return `${entry.term}-`;
    case 'configuration':
      return `${entry.term}{${configurationText(entry.configuration)}}`;
    default: {
      const label = labelOf(entry);
      return label === '' ? `${entry.term}` : `${entry.term}"${label}"`;
    }
  }
}

function marksOf(entries: readonly Entry[]): string[] {
  const marks: string[] = [];
  let run = 0;
  for (const [at, entry] of entries.entries()) {
    const mark = entryMark(entry);
    const next = entries[at + 1];
    run += 1;
    if (next !== undefined && entryMark(next) === mark) continue;
    if (run > MANY * 3) marks.push(`${mark}×${run}`);
    else marks.push(...new Array<string>(run).fill(mark));
    run = 0;
  }
  return marks;
}

type Held = {
  readonly entries: readonly Entry[];
  readonly commitIndex: number;
  readonly durableIndex: number;
};

function logText(machine: Machine, held: Held): string {
  const { entries, commitIndex, durableIndex } = held;
  const snapshot = machine.disk.snapshot;
  const parts = snapshot === null ? [] : [`[≤${snapshot.meta.index}]`];
  const marks = (from: number, to: number): string[] =>
    marksOf(entries.filter(({ index }) => index > from && index <= to));
  const borders = [
    { at: commitIndex, sign: '|' },
    // Nothing to say where the whole log is on the disk.
    ...((entries.at(-1)?.index ?? 0) > durableIndex ? [{ at: durableIndex, sign: '~' }] : []),
  ].sort((one, other) => one.at - other.at);
  let from = 0;
  for (const { at, sign } of borders) {
    parts.push(...marks(from, at), sign);
    from = at;
  }
  return [...parts, ...marks(from, Number.POSITIVE_INFINITY)].join(' ');
}

function roleText(machine: Machine, status: RaftStatus): string {
  const { leader, role } = status;
  if (machine.isFrozen) return role === 'leader' ? 'frozen, leads' : 'frozen';
  if (role === 'leader') return 'leads';
  if (role === 'pre-candidate') return 'asks pre-votes';
  if (role === 'candidate') return 'campaigns';
  return leader === null ? 'no leader' : `follows ${leader}`;
}

/** One row of `show`: who it is, what it does, its term, its log. */
export function rowOf(machine: Machine, width: number): string {
  const status = machine.status();
  const { disk } = machine;
  const name = machine.id.padEnd(width);
  if (status === null || machine.core === null) {
    const { commitIndex, term } = disk.hardState;
    const start = disk.snapshot?.meta.index ?? 0;
    const durableIndex = start + disk.entries.length;
    const held = { entries: disk.entries, durableIndex, commitIndex };
    return `${name}  ${'down'.padEnd(14)} term ${term}  ${logText(machine, held)}`;
  }
  const start = disk.snapshot?.meta.index ?? 0;
  const entries: Entry[] = [];
  for (let index = start + 1; index <= status.lastIndex; index += 1) {
    const entry = machine.core.entryAt(index);
    if (entry !== null) entries.push(entry);
  }
  const { commitIndex } = status;
  const written = entries.findLast(({ index, term }) => isOnDisk(machine, index, term));
  const held = { entries, commitIndex, durableIndex: written?.index ?? start };
  const role = roleText(machine, status).padEnd(14);
  return `${name}  ${role} term ${status.term}  ${logText(machine, held)}`;
}

/** Is this entry, or a snapshot that covers it, on the machine's disk? */
export function isOnDisk({ disk }: Machine, index: number, term: number): boolean {
  const before = disk.snapshot?.meta.index ?? 0;
  return index <= before || disk.entries[index - before - 1]?.term === term;
}

export function namesText(names: readonly NodeId[]): string {
  return names.join(', ');
}
