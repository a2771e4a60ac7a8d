/**
 * What has to be remembered of the past to judge the present: who led which term, whom a node
 * promised its vote, what was handed to a state machine, what was committed when a read was asked.
 * It is part of the state of a world (two worlds with different pasts are different), and kept as
 * small as possible: a promise is forgotten when nothing can break it any more, since the term has
 * passed on the disk, and a core whose term falls behind its disk is a violation by itself.
 *
 * The properties are those of `ClusterChecker` (src/raft/invariants.ts), whose memory cannot be
 * forked; a control for each shows that it is found here, too.
 *
 * Reference: Raft figure 3.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import { tally } from '../../../src/raft/quorum.ts';
import { PairMap } from '../../exploration/tables.ts';
import type { Chains } from './chain.ts';
import type { Note, Violation } from './node.ts';

type Past = {
  /** By term; only terms in which somebody might still be elected. */
  readonly leaders: ReadonlyMap<number, NodeId>;
  /** By "node/term"; only terms in which the node might still vote. */
  readonly votes: ReadonlyMap<string, NodeId>;
  /** The longest log that was handed to a state machine. */
  readonly committed: number;
  /** By index, from 1: in which term it was first handed out. */
  readonly inTerms: readonly number[];
  /** By read: what was committed when it was asked; null when it was answered or refused. */
  readonly floors: readonly (number | null)[];
};

export type Disks = { readonly terms: readonly number[]; readonly chains: readonly number[] };

type After = { readonly past: number; readonly violations: readonly Violation[] };

const NOTHING: Past = {
  leaders: new Map(),
  votes: new Map(),
  committed: 0,
  inTerms: [],
  floors: [],
};

export class Histories {
  readonly #chains: Chains;
  readonly #slots: readonly NodeId[];
  readonly #pasts: Past[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #quiet = new PairMap();

  constructor(chains: Chains, slots: readonly NodeId[]) {
    this.#chains = chains;
    this.#slots = slots;
    this.#numberOf(NOTHING);
  }

  /** What a read that is asked now must not be before. */
  asked(past: number): number {
    const now = this.#past(past);
    return this.#numberOf({ ...now, floors: [...now.floors, this.#chains.indexOf(now.committed)] });
  }

  committed(past: number): number {
    return this.#past(past).committed;
  }

  /** `disks` are those after the step of `slot`, except that what it committed counts before. */
  after(past: number, slot: number, number: number, notes: readonly Note[], disks: Disks): After {
    const commits = notes.some(({ kind }) => kind === 'committed');
    const key = commits ? -1 : this.#keyOf(slot, number, disks);
    const known = key < 0 ? -1 : this.#quiet.get(past, key);
    if (known >= 0) return { past: known, violations: [] };
    const after = this.#judged(this.#past(past), slot, notes, disks);
    const next = this.#numberOf(after.past);
    if (key >= 0 && after.violations.length === 0) this.#quiet.set(past, key, next);
    return { past: next, violations: after.violations };
  }

  /**
   * A small number for all that a judgement depends on, beside the past. (A step that commits depends
   * on the whole of the disks, and is judged anew each time.)
   */
  #keyOf(slot: number, notes: number, { terms: [a = 0, b = 0, c = 0] }: Disks): number {
    if (a > 15 || b > 15 || c > 15) return -1;
    return ((notes * 4 + slot) << 12) | (a << 8) | (b << 4) | c;
  }

  #judged(
    before: Past,
    slot: number,
    notes: readonly Note[],
    disks: Disks,
  ): { readonly past: Past; readonly violations: readonly Violation[] } {
    const violations: Violation[] = [];
    const node = this.#slots[slot] as NodeId;
    let past = before;
    for (const note of notes) {
      const judgement = this.#judge(past, node, note, disks);
      past = judgement.past ?? past;
      if (judgement.violation !== undefined) violations.push(judgement.violation);
    }
    return { past: this.#withoutSpent(past, disks), violations };
  }

  #judge(past: Past, node: NodeId, note: Note, disks: Disks): Judgement {
    switch (note.kind) {
      case 'elected':
        return this.#elected(past, node, note);
      case 'voted':
        return voted(past, node, note);
      case 'committed':
        return this.#committedBy(node, note, disks);
      case 'applied':
        return this.#applied(past, node, note);
      case 'confirmed':
        return confirmed(past, node, note);
      case 'refused':
        return { past: { ...past, floors: past.floors.with(note.read, null) } };
      default:
        return {};
    }
  }

  #elected(past: Past, node: NodeId, { term, chain }: Of<'elected'>): Judgement {
    const other = past.leaders.get(term) ?? node;
    if (other !== node) return broken('ElectionSafety', `${other} and ${node} lead term ${term}`);
    const index = past.inTerms.findLastIndex((inTerm) => inTerm < term) + 1;
    const promised = this.#chains.upTo(past.committed, index);
    if (!this.#chains.isPrefix(promised, chain)) {
      const [has, lacks] = [this.#chains.describe(chain), this.#chains.describe(promised)];
      const story = `${node} leads term ${term} with ${has}, but ${lacks} was committed before`;
      return broken('LeaderCompleteness', story);
    }
    return { past: { ...past, leaders: new Map([...past.leaders, [term, node]]) } };
  }

  #committedBy(node: NodeId, { chain, counted }: Of<'committed'>, disks: Disks): Judgement {
    const result = tally(counted, (voter) => {
      const disk = disks.chains[this.#slots.indexOf(voter)];
      return disk !== undefined && this.#chains.isPrefix(chain, disk);
    });
    if (result === 'won') return {};
    const story = `${node} commits ${this.#chains.describe(chain)}, which no quorum has on its disks`;
    return broken('CommittedOnQuorum', story);
  }

  #applied(past: Past, node: NodeId, { chain, inTerm }: Of<'applied'>): Judgement {
    if (this.#chains.isPrefix(chain, past.committed)) return {};
    if (!this.#chains.isPrefix(past.committed, chain)) {
      const [mine, theirs] = [this.#chains.describe(chain), this.#chains.describe(past.committed)];
      const story = `${node} applies ${mine}, but ${theirs} was applied elsewhere`;
      return broken('StateMachineSafety', story);
    }
    const fresh = this.#chains.indexOf(chain) - past.inTerms.length;
    const inTerms = [...past.inTerms, ...Array.from({ length: fresh }, () => inTerm)];
    return { past: { ...past, committed: chain, inTerms } };
  }

  #withoutSpent(past: Past, { terms }: Disks): Past {
    const least = Math.min(...terms);
    const votes = [...past.votes].filter(([key]) => {
      const [node = '', term] = key.split('/');
      return Number(term) >= (terms[this.#slots.indexOf(node)] ?? 0);
    });
    const leaders = [...past.leaders].filter(([term]) => term >= least);
    if (votes.length === past.votes.size && leaders.length === past.leaders.size) return past;
    return { ...past, votes: new Map(votes), leaders: new Map(leaders) };
  }

  #numberOf(past: Past): number {
    const { leaders, votes, committed, inTerms, floors } = past;
    const sorted = [[...leaders].sort(), [...votes].sort()];
    const key = JSON.stringify([sorted, committed, inTerms, floors]);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#pasts.push(past);
    this.#numbers.set(key, this.#pasts.length - 1);
    return this.#pasts.length - 1;
  }

  #past(number: number): Past {
    return this.#pasts[number] as Past;
  }
}

type Of<K extends Note['kind']> = Extract<Note, { kind: K }>;
type Judgement = { readonly past?: Past; readonly violation?: Violation };

function broken(invariant: string, story: string): Judgement {
  return { violation: { invariant, story } };
}

function voted(past: Past, node: NodeId, { term, candidate }: Of<'voted'>): Judgement {
  const earlier = past.votes.get(`${node}/${term}`) ?? candidate;
  if (earlier !== candidate) {
    const story = `${node} voted in term ${term} for ${earlier} and for ${candidate}`;
    return broken('OneVotePerTerm', story);
  }
  return { past: { ...past, votes: new Map([...past.votes, [`${node}/${term}`, candidate]]) } };
}

function confirmed(past: Past, node: NodeId, { read, index }: Of<'confirmed'>): Judgement {
  const floor = past.floors[read];
  if (floor === null || floor === undefined) {
    return broken('ReadOnce', `${node} answers read ${read} twice, or unasked`);
  }
  if (index < floor) {
    const story = `${node} reads at ${index}, but ${floor} was committed when it was asked`;
    return broken('ReadIsCurrent', story);
  }
  return { past: { ...past, floors: past.floors.with(read, null) } };
}
