/**
 * Every state of a node, every message and every step, once. The states of a world are made of few
 * parts: a million worlds contain some ten thousand states of nodes. So each part gets a number, the
 * real core takes each step that is possible from each state of a node exactly once, and a world is a
 * short list of numbers whose successors are looked up.
 *
 * Sound as far as two states with one fingerprint behave alike, which is what any search that
 * remembers states relies on (fingerprint.ts). A step depends on nothing but the node and the action.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import type { RaftMessage } from '../../../src/raft/types.ts';
import { PairMap } from '../../exploration/tables.ts';
import { fingerprint } from './fingerprint.ts';
import {
  type Action,
  diskChain,
  isSticky,
  type Moved,
  memoryChain,
  type Node,
  type Note,
  type Setting,
  type Violation,
} from './node.ts';
import { moved } from './run.ts';

/** Numbers of actions that are no deliveries: the kind, and which one of the kind. */
export const KINDS = [
  'timeout',
  'heartbeat',
  'quorum-lost',
  'silence',
  'disk-stalled',
  'forget-leader',
  'transfer',
  'transfer-expires',
  'write',
  'crash',
  'compact',
  'propose',
  'change',
  'read',
] as const;
export type Kind = (typeof KINDS)[number];
const PER_KIND = 4;
export const FIRST_MESSAGE = KINDS.length * PER_KIND;
const FIRST_PAIR = 1 << 19;

/** What the search asks of a state of a node, without looking into it. */
export type Sketch = {
  readonly memory: number;
  readonly disk: number;
  readonly diskTerm: number;
  /** 0 unless it leads. */
  readonly leads: number;
  /** The kinds of actions that may change something, as indexes of KINDS. */
  readonly possible: readonly number[];
};

export type Step = {
  readonly node: number;
  readonly sent: readonly number[];
  /** What the history has to hear of, or -1. */
  readonly notes: number;
  readonly violations: readonly Violation[];
};

export class Catalogue {
  readonly setting: Setting;
  readonly slots: readonly NodeId[];
  /** By this text equal states are known. */
  readonly key: (node: Node) => string;
  readonly #nodes: Node[] = [];
  readonly #sketches: Sketch[] = [];
  readonly #nodeNumbers = new Map<string, number>();
  readonly #messages: RaftMessage[] = [];
  readonly #slotOf: number[] = [];
  readonly #deadAbove: number[] = [];
  readonly #messageNumbers = new Map<string, number>();
  readonly #pairs: (readonly [number, number])[] = [];
  readonly #pairNumbers = new PairMap();
  readonly #notes: (readonly Note[])[] = [];
  readonly #noteNumbers = new Map<string, number>();
  readonly #steps: Step[] = [];
  readonly #stepNumbers = new PairMap();

  /** Another `key` is for controls: one that leaves out too much must be noticed. */
  constructor(setting: Setting, slots: readonly NodeId[], key = keyOf) {
    this.setting = setting;
    this.slots = slots;
    this.key = key;
  }

  get nodes(): number {
    return this.#nodes.length;
  }

  get steps(): number {
    return this.#steps.length;
  }

  node(number: number): Node {
    return this.#nodes[number] as Node;
  }

  sketch(number: number): Sketch {
    return this.#sketches[number] as Sketch;
  }

  message(action: number): RaftMessage {
    return this.#messages[action - FIRST_MESSAGE] as RaftMessage;
  }

  /** Two messages for one node, taken in one step. */
  pair(first: number, second: number): number {
    const known = this.#pairNumbers.get(first, second);
    if (known >= 0) return known;
    const number = FIRST_PAIR + this.#pairs.length;
    this.#pairs.push([first, second]);
    this.#pairNumbers.set(first, second, number);
    return number;
  }

  /** The messages that an action takes off the network. */
  taken(action: number): readonly number[] {
    if (action >= FIRST_PAIR) return this.#pairs[action - FIRST_PAIR] ?? [];
    return action >= FIRST_MESSAGE ? [action] : [];
  }

  /** Where the message goes. */
  slotOf(action: number): number {
    return this.#slotOf[action - FIRST_MESSAGE] as number;
  }

  /** The message can have no effect on a node whose disk holds a term from this one on. */
  deadFrom(action: number): number {
    return this.#deadAbove[action - FIRST_MESSAGE] as number;
  }

  /** The message's text, by which equal ones are known. */
  text(action: number): string {
    return fingerprint(this.message(action), 0);
  }

  /** What happened at all, in words: a world in which nothing happens would prove nothing. */
  landmarks(): ReadonlySet<string> {
    const seen = new Set<string>();
    for (const note of this.#notes.flat()) {
      if (note.kind === 'elected') seen.add(`a leader of term ${note.term}`);
      if (note.kind === 'confirmed') seen.add('a read is confirmed');
      if (note.kind === 'refused') seen.add('a read is refused');
      if (note.kind !== 'committed') continue;
      seen.add(`a commit of ${this.setting.chains.describe(note.chain)}`);
    }
    for (const { id, core, disk } of this.#nodes) {
      if (core.status().diskStalled) seen.add('a disk hangs');
      if (disk.snapshot !== null) seen.add(`a snapshot on ${id}`);
    }
    return seen;
  }

  notes(number: number): readonly Note[] {
    return this.#notes[number] ?? [];
  }

  step(node: number, action: number): Step {
    const known = this.#stepNumbers.get(node, action);
    if (known >= 0) return this.#steps[known] as Step;
    const step = this.recorded(moved(this.setting, this.node(node), this.actionOf(action)));
    this.#stepNumbers.set(node, action, this.#steps.length);
    this.#steps.push(step);
    return step;
  }

  recorded({ node, sent, notes, violations }: Moved): Step {
    const number = this.#numberOf(node);
    const broken = this.#sketches[number] === undefined ? this.#sketched(node, number) : [];
    return {
      node: number,
      sent: sent.map((message) => this.#numberOfMessage(message)),
      notes: notes.length === 0 ? -1 : this.#numberOfNotes(notes),
      violations: [...violations, ...broken],
    };
  }

  actionOf(action: number): Action {
    if (action >= FIRST_PAIR) {
      const pair = this.#pairs[action - FIRST_PAIR] ?? [];
      return { kind: 'deliver', messages: pair.map((one) => this.message(one)) };
    }
    if (action >= FIRST_MESSAGE) return { kind: 'deliver', messages: [this.message(action)] };
    const kind = KINDS[Math.floor(action / PER_KIND)] as Kind;
    const which = action % PER_KIND;
    switch (kind) {
      case 'transfer':
        return { kind, to: this.slots[which] as NodeId };
      case 'propose':
      case 'change':
      case 'read':
        return { kind, number: which };
      default:
        return { kind };
    }
  }

  #numberOf(node: Node): number {
    const key = this.key(node);
    const known = this.#nodeNumbers.get(key);
    if (known !== undefined) return known;
    const number = this.#nodes.length;
    this.#nodes.push(node);
    this.#nodeNumbers.set(key, number);
    return number;
  }

  #sketched(node: Node, number: number): readonly Violation[] {
    const { chains } = this.setting;
    const { role, term } = node.core.status();
    const sketch: Sketch = {
      memory: memoryChain(chains, node, node.disk),
      disk: diskChain(chains, node.disk),
      diskTerm: node.disk.hardState.term,
      leads: role === 'leader' ? term : 0,
      possible: KINDS.flatMap((kind, index) => (isPossible(node, kind) ? [index] : [])),
    };
    this.#sketches[number] = sketch;
    return this.#durableIsOnDisk(node, sketch);
  }

  /** Local, and therefore checked once for each state of a node: what counts as durable, is. */
  #durableIsOnDisk(node: Node, { memory, disk }: Sketch): readonly Violation[] {
    const { chains } = this.setting;
    const { writes } = node.core.image() as { readonly writes: WritesImage };
    const { term, votedFor } = writes.durable;
    const { hardState } = node.disk;
    const log = chains.upTo(memory, writes.upTo) === chains.upTo(disk, writes.upTo);
    const identity = term === hardState.term && votedFor === hardState.votedFor;
    if (log && identity) return [];
    const what = log ? 'vote or term' : 'entries';
    const story = `${node.id} takes ${what} for durable that are not on its disk`;
    return [{ invariant: 'DurableIsOnDisk', story }];
  }

  #numberOfMessage(message: RaftMessage): number {
    const key = fingerprint(message, 0);
    const known = this.#messageNumbers.get(key);
    if (known !== undefined) return known;
    const number = this.#messages.length + FIRST_MESSAGE;
    this.#messages.push(message);
    this.#slotOf.push(this.slots.indexOf(message.to));
    this.#deadAbove.push(deadFrom(message));
    this.#messageNumbers.set(key, number);
    return number;
  }

  #numberOfNotes(notes: readonly Note[]): number {
    const key = JSON.stringify(notes);
    const known = this.#noteNumbers.get(key);
    if (known !== undefined) return known;
    const number = this.#notes.length;
    this.#notes.push(notes);
    this.#noteNumbers.set(key, number);
    return number;
  }
}

type WritesImage = {
  readonly durable: { readonly term: number; readonly votedFor: NodeId | null };
  readonly upTo: number;
};

export function actionNumber(kind: number, which = 0): number {
  return kind * PER_KIND + which;
}

/** Everything in a node that can make a difference. */
export function keyOf(node: Node): string {
  const { core, disk, now, writes, applied } = node;
  const { now: _now, ...image } = core.image() as {
    now: number;
    leader: NodeId | null;
    leaderContactMs: number;
    role: { kind: string };
  };
  // Asked for by a follower that has a leader only.
  const asked = image.leader !== null && image.role.kind !== 'leader';
  const leaderContactMs = asked ? image.leaderContactMs : now;
  const all = { ...image, leaderContactMs, disk, pending: writes, applied, id: node.id };
  return fingerprint(all, now);
}

/**
 * Replies to a term that the node has left for good: an old term is ignored, and a term that is on
 * the disk does not come back. (A refused pre-vote counts in any term.)
 */
function deadFrom(message: RaftMessage): number {
  switch (message.kind) {
    case 'append-reply':
    case 'snapshot-reply':
    case 'vote-reply':
    case 'transfer-refused':
      return message.term + 1;
    case 'pre-vote-reply':
      return message.granted ? message.term : Number.POSITIVE_INFINITY;
    default:
      return Number.POSITIVE_INFINITY;
  }
}

/** Where it would change nothing it need not be tried. */
function isPossible(node: Node, kind: Kind): boolean {
  const { diskStalled, leader, role, transferringTo } = node.core.status();
  const leads = role === 'leader';
  switch (kind) {
    case 'timeout':
      return !leads;
    case 'silence':
      return isSticky(node);
    case 'disk-stalled':
      return node.writes.length > 0 && !diskStalled;
    case 'forget-leader':
      return role === 'follower' && leader !== null;
    case 'transfer':
      return leads && transferringTo === null;
    case 'transfer-expires':
      return transferringTo !== null;
    case 'write':
      return node.writes.length > 0;
    case 'crash':
      return true;
    case 'compact':
      return mayCompact(node);
    case 'propose':
      return leads || role === 'candidate';
    default:
      return leads;
  }
}

function mayCompact({ core, disk, writes }: Node): boolean {
  const saved = disk.snapshot?.meta.index ?? 0;
  const busy = writes.some(({ compaction }) => compaction !== null);
  return !busy && core.status().appliedIndex > saved;
}
