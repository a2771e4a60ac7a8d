/**
 * The network of a story. Each direction of each pair may be cut; single messages may be lost, doubled
 * or held back by rules of the script. What is not touched arrives after half a millisecond, in the
 * order in which it was sent.
 *
 * With `relays` on, a frame that finds its way cut takes one hop through a running machine that both
 * reach, as the mesh does for small frames (DESIGN §5).
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import type { RaftMessage } from '../../../src/raft/types.ts';
import type { Timeline } from '../../raft/simulation/timeline.ts';

export const MESSAGE_KINDS = [
  'message',
  'pre-vote',
  'pre-vote reply',
  'vote',
  'vote reply',
  'append',
  'heartbeat',
  'append reply',
  'snapshot chunk',
  'snapshot reply',
  'timeout-now',
] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

export type Interference = {
  readonly what: 'lose' | 'double' | 'hold';
  /** `message` is any; an append carries entries, a heartbeat is one without. */
  readonly kind: MessageKind;
  /** Only appends that carry the entry at this index. */
  readonly entry: number | null;
  /** null is anyone. */
  readonly from: NodeId | null;
  readonly to: NodeId | null;
  /** How many messages are still to be met. */
  times: number;
};

const DELAY_MS = 0.5;

export type WireOptions = {
  readonly timeline: Timeline;
  readonly deliver: (message: RaftMessage) => void;
  readonly interfered: (what: Interference['what'], kind: MessageKind, m: RaftMessage) => void;
  /** Who could pass a frame on. */
  readonly running: () => readonly NodeId[];
};

export class Wire {
  readonly #options: WireOptions;
  readonly #cuts = new Set<string>();
  #rules: Interference[] = [];
  #held: RaftMessage[] = [];
  relays = false;

  constructor(options: WireOptions) {
    this.#options = options;
  }

  cut(from: NodeId, to: NodeId): void {
    this.#cuts.add(`${from}>${to}`);
  }

  mend(from: NodeId, to: NodeId): void {
    this.#cuts.delete(`${from}>${to}`);
  }

  /** All cuts and all rules end; what is held back stays held. */
  mendAll(): void {
    this.#cuts.clear();
    this.#rules = [];
  }

  interfere(rule: Interference): void {
    this.#rules.push(rule);
  }

  get heldCount(): number {
    return this.#held.length;
  }

  /** What was held back arrives now, in this order; cuts do not concern it, it has left long ago. */
  release(order: 'as sent' | 'last first'): void {
    const held = this.#held;
    this.#held = [];
    this.#rules = this.#rules.filter((rule) => rule.what !== 'hold');
    if (order === 'last first') held.reverse();
    for (const message of held) this.#carry(message, DELAY_MS);
  }

  send(message: RaftMessage): void {
    const hops = this.#hops(message.from, message.to);
    if (hops === 0) return;
    const kind = kindOf(message);
    const rule = this.#rules.find((one) => applies(one, kind, message));
    if (rule === undefined) {
      this.#carry(message, DELAY_MS * hops);
      return;
    }
    rule.times -= 1;
    if (rule.times === 0) this.#rules = this.#rules.filter((one) => one !== rule);
    this.#options.interfered(rule.what, kind, message);
    if (rule.what === 'hold') this.#held.push(message);
    if (rule.what !== 'double') return;
    this.#carry(message, DELAY_MS);
    this.#carry(message, DELAY_MS);
  }

  #hops(from: NodeId, to: NodeId): 0 | 1 | 2 {
    if (this.#reaches(from, to)) return 1;
    const passes = (by: NodeId): boolean => this.#reaches(from, by) && this.#reaches(by, to);
    return this.relays && this.#options.running().some(passes) ? 2 : 0;
  }

  #reaches(from: NodeId, to: NodeId): boolean {
    return !this.#cuts.has(`${from}>${to}`);
  }

  #carry(message: RaftMessage, delayMs: number): void {
    this.#options.timeline.after(delayMs, () => this.#options.deliver(message));
  }
}

function applies(rule: Interference, kind: MessageKind, message: RaftMessage): boolean {
  const { entry, from, to } = rule;
  const carries =
    entry === null ||
    (message.kind === 'append' && message.entries.some(({ index }) => index === entry));
  return (
    carries &&
    (rule.kind === 'message' || rule.kind === kind) &&
    (from === null || from === message.from) &&
    (to === null || to === message.to)
  );
}

export function kindOf(message: RaftMessage): MessageKind {
  switch (message.kind) {
    case 'append':
      return message.entries.length > 0 ? 'append' : 'heartbeat';
    case 'append-reply':
      return 'append reply';
    case 'pre-vote-reply':
      return 'pre-vote reply';
    case 'vote-reply':
      return 'vote reply';
    case 'snapshot':
      return 'snapshot chunk';
    case 'snapshot-reply':
      return 'snapshot reply';
    case 'pre-vote':
    case 'vote':
    case 'timeout-now':
      return message.kind;
    default:
      return 'message';
  }
}
