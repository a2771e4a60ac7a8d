/**
 * The properties that Raft promises, as checks that can run after every step.
 *
 * `checkStep` sees one node and is cheap enough for production. `ClusterChecker` sees all nodes of a
 * test or a simulation; it remembers the whole history, so that a promise which is broken across a
 * crash is still noticed. Log Matching is checked by induction: if equal (index, term) always means
 * equal content and equal predecessor, then equal prefixes follow.
 *
 * Reports, and leaves it to the caller to stop.
 *
 * Reference: Raft figure 3; LogCabin `RaftConsensusInvariants.cc`.
 */
import type { NodeId } from '../lib/ids.ts';
import { isSameSet } from './configuration.ts';
import type { RaftCore } from './core.ts';
import type { Entry, RaftMessage, RaftStatus, Ready } from './types.ts';

export type Violation = {
  readonly invariant:
    | 'ElectionSafety'
    | 'LeaderAppendOnly'
    | 'LogMatching'
    | 'LeaderCompleteness'
    | 'StateMachineSafety'
    | 'OneVotePerTerm'
    | 'LawfulChange'
    | 'Monotonic'
    | 'Order';
  readonly story: string;
};

/** What is looked at of a core; who has its status already need not ask for it again. */
type Observed = Pick<RaftCore, 'status' | 'termAt'>;

/** What one step did to one node: `before` is its status before the step. */
export function checkStep(before: RaftStatus, core: Observed): readonly Violation[] {
  const after = core.status();
  const violations: Violation[] = [];
  const expect = (holds: boolean, invariant: Violation['invariant'], story: () => string): void => {
    if (!holds) violations.push({ invariant, story: story() });
  };
  const sameTerm = after.term === before.term;
  expect(after.term >= before.term, 'Monotonic', () => `term ${before.term} -> ${after.term}`);
  expect(
    after.commitIndex >= before.commitIndex,
    'Monotonic',
    () => `commit index ${before.commitIndex} -> ${after.commitIndex}`,
  );
  expect(
    after.appliedIndex >= before.appliedIndex,
    'Monotonic',
    () => `applied index ${before.appliedIndex} -> ${after.appliedIndex}`,
  );
  expect(
    after.appliedIndex <= after.commitIndex && after.commitIndex <= after.lastIndex,
    'Order',
    () => `applied ${after.appliedIndex}, commit ${after.commitIndex}, last ${after.lastIndex}`,
  );
  expect(
    after.firstIndex <= after.commitIndex + 1 && after.lastTerm <= after.term,
    'Order',
    () => `first ${after.firstIndex}, commit ${after.commitIndex}, last term ${after.lastTerm}`,
  );
  expect(
    !sameTerm || before.votedFor === null || before.votedFor === after.votedFor,
    'OneVotePerTerm',
    () => `vote of term ${after.term} moved from ${before.votedFor} to ${after.votedFor}`,
  );
  expect(
    !(sameTerm && before.role === 'leader' && after.role === 'leader') ||
      after.lastIndex >= before.lastIndex,
    'LeaderAppendOnly',
    () => `a leader's log shrank from ${before.lastIndex} to ${after.lastIndex}`,
  );
  expect(
    !sameTerm || before.leader === null || after.leader === null || before.leader === after.leader,
    'ElectionSafety',
    () => `leader of term ${after.term} changed from ${before.leader} to ${after.leader}`,
  );
  violations.push(...checkChange(before, core, after));
  return violations;
}

/**
 * Raft §6, and Ongaro's correction of 2015: a leader appends a configuration only when the one before
 * it and an entry of its own term are committed, and voters change in two steps.
 */
function checkChange(before: RaftStatus, core: Observed, after: RaftStatus): readonly Violation[] {
  const inOffice =
    before.role === 'leader' && after.role === 'leader' && before.term === after.term;
  if (!inOffice || before.configurationIndex === after.configurationIndex) return [];
  const { configuration: old } = before;
  const { configuration: next, commitIndex, term } = after;
  const problems: string[] = [];
  if (before.configurationIndex > commitIndex) problems.push('two at a time');
  if (core.termAt(commitIndex) !== term) problems.push('before a commit in the term');
  const lawful =
    old.outgoing.length > 0
      ? next.outgoing.length === 0 && isSameSet(next.voters, old.voters)
      : next.outgoing.length === 0
        ? isSameSet(next.voters, old.voters)
        : isSameSet(next.outgoing, old.voters);
  if (!lawful) problems.push(`from ${JSON.stringify(old)} to ${JSON.stringify(next)}`);
  return problems.map((story) => ({ invariant: 'LawfulChange', story }));
}

type Known = { readonly previousTerm: number | null; readonly entry: Entry };

export class ClusterChecker {
  readonly #leaders = new Map<number, NodeId>();
  readonly #votes = new Map<string, NodeId>();
  /** By "index/term": what any log ever held there. */
  readonly #entries = new Map<string, Known>();
  /** What any node ever handed to its state machine. */
  readonly #committed = new Map<number, { readonly entry: Entry; readonly inTerm: number }>();
  #highestCommitted = 0;

  /** The highest index that any node knows to be committed. */
  get highestCommitted(): number {
    return this.#highestCommitted;
  }

  committedAt(index: number): Entry | null {
    return this.#committed.get(index)?.entry ?? null;
  }

  /** After each step of each node. */
  observe(node: NodeId, core: RaftCore, ready: Ready): readonly Violation[] {
    const violations: Violation[] = [];
    if (ready.persist !== null) {
      violations.push(...this.#checkEntries(node, core, ready.persist.entries));
    }
    if (ready.committed.length > 0) violations.push(...this.#checkCommitted(node, ready));
    if (ready.role === 'leader') violations.push(...this.#checkLeader(node, core, ready));
    return violations;
  }

  /**
   * Each message when it leaves its node: votes are promises, and hold across crashes. Who asks for a
   * vote has voted for itself.
   */
  observeMessage(message: RaftMessage): readonly Violation[] {
    const { from, kind, term, to } = message;
    const isVote = kind === 'vote' || (kind === 'vote-reply' && message.granted);
    if (!isVote) return [];
    const candidate = kind === 'vote' ? from : to;
    const earlier = this.#votes.get(`${from}/${term}`) ?? candidate;
    this.#votes.set(`${from}/${term}`, earlier);
    if (earlier === candidate) return [];
    const story = `${from} voted in term ${term} for ${earlier} and ${candidate}`;
    return [{ invariant: 'OneVotePerTerm', story }];
  }

  #checkLeader(node: NodeId, core: RaftCore, { term, horizonMs }: Ready): readonly Violation[] {
    const other = this.#leaders.get(term) ?? node;
    this.#leaders.set(term, other);
    if (other !== node) {
      return [{ invariant: 'ElectionSafety', story: `${other} and ${node} lead term ${term}` }];
    }
    // Leader Completeness is decided at the moment of the election.
    return horizonMs === null ? [] : this.#checkComplete(node, core, term);
  }

  #checkComplete(node: NodeId, core: RaftCore, term: number): readonly Violation[] {
    for (let index = core.status().firstIndex; index <= this.#highestCommitted; index += 1) {
      const committed = this.#committed.get(index);
      // Promised to leaders of later terms than the one in which the entry was committed.
      if (committed === undefined || committed.inTerm >= term) continue;
      if (core.termAt(index) === committed.entry.term) continue;
      const story = `${node} leads term ${term} without entry ${index}, committed before`;
      return [{ invariant: 'LeaderCompleteness', story }];
    }
    return [];
  }

  #checkEntries(node: NodeId, core: RaftCore, entries: readonly Entry[]): readonly Violation[] {
    const violations: Violation[] = [];
    for (const entry of entries) {
      const key = `${entry.index}/${entry.term}`;
      const seen: Known = { previousTerm: core.termAt(entry.index - 1), entry };
      const known = this.#entries.get(key) ?? seen;
      this.#entries.set(key, known);
      const { previousTerm } = seen;
      if (isSameContent(known.entry, entry) && known.previousTerm === previousTerm) continue;
      const story = `${node} holds another entry, or predecessor, at index/term ${key}`;
      violations.push({ invariant: 'LogMatching', story });
    }
    return violations;
  }

  /** A leader is the first to know of a commit, so the first term seen is the committing one. */
  #checkCommitted(node: NodeId, { committed, term }: Ready): readonly Violation[] {
    const violations: Violation[] = [];
    for (const entry of committed) {
      const known = this.#committed.get(entry.index) ?? { entry, inTerm: term };
      this.#committed.set(entry.index, known);
      this.#highestCommitted = Math.max(this.#highestCommitted, entry.index);
      if (known.entry.term === entry.term && isSameContent(known.entry, entry)) continue;
      const story = `${node} applies another entry at ${entry.index} than was committed there`;
      violations.push({ invariant: 'StateMachineSafety', story });
    }
    return violations;
  }
}

function isSameContent(one: Entry, other: Entry): boolean {
  return one === other || contentOf(one) === contentOf(other);
}

function contentOf(entry: Entry): string {
  switch (entry.kind) {
    case 'command':
      return `command ${entry.data.join()}`;
    case 'configuration': {
      // Field by field: what came over a wire has them in another order.
      const { voters, outgoing, learners } = entry.configuration;
      return `configuration ${JSON.stringify([voters, outgoing, learners])}`;
    }
    default:
      return entry.kind;
  }
}
