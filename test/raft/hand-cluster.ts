/**
 * A few real cores with everything between them in the test's hand: which message arrives, which
 * write reaches the disk, whose power fails. `run` does all that by itself for a while, with one
 * millisecond for each message and each write, for tests that are about time.
 *
 * After every step of every core its own invariants, those of the cluster, commits against what lies
 * on the disks, and reads against what was committed when they were asked are checked; a violation
 * throws. No chance is involved but the cores' own, which is seeded.
 */
import type { NodeId } from '../../src/lib/ids.ts';
import { type Random, seededRandom } from '../../src/lib/random.ts';
import { RaftCore } from '../../src/raft/core.ts';
import { ClusterChecker, checkStep } from '../../src/raft/invariants.ts';
import { tally } from '../../src/raft/quorum.ts';
import type {
  ChangeTarget,
  Configuration,
  Entry,
  Persist,
  RaftEvent,
  RaftMessage,
  RaftOptions,
  RaftStatus,
  Ready,
  Restored,
  SnapshotMeta,
} from '../../src/raft/types.ts';
import { appended, compacted } from '../../src/storage/memory-log-store.ts';
import { configuration, OPTIONS } from './bench.ts';

type Write = {
  readonly persist: Persist | null;
  readonly compaction: { readonly meta: SnapshotMeta; readonly state: Uint8Array } | null;
  readonly sinceMs: number;
  readonly messages: RaftMessage[];
};

type Node = {
  readonly id: NodeId;
  readonly raft: RaftOptions;
  core: RaftCore | null;
  disk: Restored;
  writes: Write[];
  deadlineMs: number;
  appliedIndex: number;
  /** Neither its deadlines nor its mail are attended to; the mail is kept. */
  frozen: boolean;
  /** `run` lets no write of it reach the disk. */
  stalled: boolean;
  stallTold: boolean;
};

export type HandClusterOptions = {
  readonly nodes?: readonly NodeId[];
  readonly configuration?: Configuration;
  readonly raft?: Partial<RaftOptions>;
  readonly disks?: Readonly<Record<NodeId, Restored>>;
  /** What is switched off, so that the checks can be seen to fail. */
  readonly sabotage?: Sabotage;
};

export type Sabotage = 'messages-before-sync' | 'vote-forgotten-at-restart' | 'log-forgotten';

export const EMPTY_DISK: Restored = {
  hardState: { term: 0, votedFor: null, commitIndex: 0 },
  snapshot: null,
  entries: [],
};

/** A write that takes longer makes its driver say so. */
const STALL_MS = 250;
/** Rounds of deliveries after which what goes on can only be a storm. */
const MAX_ROUNDS = 500;

export class HandCluster {
  readonly nodes = new Map<NodeId, Node>();
  /** On their way, oldest first. */
  readonly wire: RaftMessage[] = [];
  /** Everything that left any node, delivered or not, since the test last emptied it. */
  readonly sent: RaftMessage[] = [];
  readonly checker = new ClusterChecker();
  /** Reads that were confirmed: their ids. */
  readonly confirmed: number[] = [];
  now = 1000;
  /** May change or swallow what leaves a node. */
  tamper: (message: RaftMessage) => RaftMessage | null = (message) => message;
  readonly #bootstrap: Configuration;
  readonly #sabotage: Sabotage | null;
  readonly #random: Random = seededRandom(1);
  readonly #cuts = new Set<string>();
  readonly #readFloors = new Map<number, number>();
  #nextId = 1;

  constructor(options: HandClusterOptions = {}) {
    const ids = options.nodes ?? ['a', 'b', 'c'];
    this.#bootstrap = options.configuration ?? configuration(ids);
    this.#sabotage = options.sabotage ?? null;
    for (const [rank, id] of ids.entries()) {
      this.nodes.set(id, {
        id,
        raft: { ...OPTIONS, rank, ...options.raft, id },
        core: null,
        disk: options.disks?.[id] ?? EMPTY_DISK,
        writes: [],
        deadlineMs: 0,
        appliedIndex: 0,
        frozen: false,
        stalled: false,
        stallTold: false,
      });
      this.restart(id);
    }
  }

  node(id: NodeId): Node {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  isUp(id: NodeId): boolean {
    return this.node(id).core !== null;
  }

  status(id: NodeId): RaftStatus {
    const { core } = this.node(id);
    if (core === null) throw new Error(`${id} is down`);
    return core.status();
  }

  get leaders(): readonly NodeId[] {
    const up = [...this.nodes.values()].filter(({ core }) => core?.status().role === 'leader');
    return up.map(({ id }) => id);
  }

  /** The leader of the newest term, or null. */
  get leader(): NodeId | null {
    const newest = [...this.leaders].sort((a, b) => this.status(b).term - this.status(a).term);
    return newest[0] ?? null;
  }

  /** The id of the node's newest committed entry anywhere. */
  get committed(): number {
    return this.checker.highestCommitted;
  }

  step(id: NodeId, event: RaftEvent): Ready | null {
    const node = this.node(id);
    if (node.core === null) return null;
    const before = node.core.status();
    const ready = node.core.step(event, this.now, this.#random);
    this.#check(node, before, ready);
    this.#perform(node, ready);
    return ready;
  }

  propose(id: NodeId, text = `${this.#nextId}`): Ready | null {
    const data = new TextEncoder().encode(text);
    return this.step(id, { kind: 'propose', proposalId: this.#id(), data });
  }

  change(id: NodeId, target: ChangeTarget): Ready | null {
    return this.step(id, { kind: 'change', proposalId: this.#id(), target });
  }

  /** Answers the id of the read. */
  read(id: NodeId): number {
    const readId = this.#id();
    this.#readFloors.set(readId, this.committed);
    this.step(id, { kind: 'read', readId });
    return readId;
  }

  /** Time passes until the node wants to be called, and it is. */
  deadline(id: NodeId): Ready | null {
    this.now = Math.max(this.now, this.node(id).deadlineMs);
    return this.step(id, { kind: 'deadline' });
  }

  /** The message at `place` of the wire arrives. */
  deliver(place = 0): void {
    const [message] = this.wire.splice(place, 1);
    if (message !== undefined) this.step(message.to, { kind: 'message', message });
  }

  /** The oldest write of the node reaches its disk. */
  sync(id: NodeId): void {
    const node = this.node(id);
    const write = node.writes.shift();
    if (write === undefined) return;
    this.#toDisk(node, write);
    node.stallTold = false;
    for (const message of write.messages) this.#send(message);
    if (write.persist !== null) this.step(id, { kind: 'durable', mark: write.persist.mark });
    if (write.compaction !== null) this.step(id, { kind: 'compacted', ...write.compaction });
  }

  /** Power off: `kept` of the writes under way got through whole. */
  crash(id: NodeId, kept = 0): void {
    const node = this.node(id);
    for (const write of node.writes.slice(0, kept)) this.#toDisk(node, write);
    Object.assign(node, { core: null, writes: [], frozen: false, stalled: false });
  }

  restart(id: NodeId): void {
    const node = this.node(id);
    if (node.core !== null) return;
    const { hardState, entries } = node.disk;
    if (this.#sabotage === 'vote-forgotten-at-restart') {
      node.disk = { ...node.disk, hardState: { ...hardState, votedFor: null } };
    }
    if (this.#sabotage === 'log-forgotten') {
      node.disk = { ...node.disk, entries: entries.slice(0, -1) };
    }
    node.appliedIndex = node.disk.snapshot?.meta.index ?? 0;
    node.stallTold = false;
    node.core = RaftCore.restore(node.raft, node.disk, this.#bootstrap, this.now, this.#random);
    this.step(id, { kind: 'deadline' });
  }

  /** Saves the state machine where it stands; the core hears of it when that is written. */
  compact(id: NodeId): void {
    const node = this.node(id);
    if (node.core === null || node.appliedIndex <= (node.disk.snapshot?.meta.index ?? 0)) return;
    const compaction = {
      meta: node.core.snapshotMeta(node.appliedIndex),
      state: new TextEncoder().encode(`everything up to ${node.appliedIndex}`),
    };
    node.writes.push({ persist: null, compaction, sinceMs: this.now, messages: [] });
  }

  /** Cuts links both ways ("ab"), or one way ("a>b"). */
  cut(...links: readonly string[]): void {
    for (const link of links) for (const way of waysOf(link)) this.#cuts.add(way);
  }

  mend(...links: readonly string[]): void {
    if (links.length === 0) this.#cuts.clear();
    for (const link of links) for (const way of waysOf(link)) this.#cuts.delete(way);
  }

  /** Everything arrives and is written, until nothing is on its way. No time passes. */
  settle(): void {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      if (!this.#exchange()) return;
    }
    throw new Error('messages go on without end');
  }

  /** Everything goes its way for so many milliseconds. */
  run(ms: number, done: () => boolean = () => false): void {
    for (const until = this.now + ms; this.now < until && !done(); ) {
      this.now += 1;
      this.#exchange();
      for (const node of this.nodes.values()) {
        if (node.core === null || node.frozen) continue;
        this.#tellStall(node);
        if (this.now >= node.deadlineMs) this.step(node.id, { kind: 'deadline' });
      }
    }
  }

  /** What is on its way arrives, what is written reaches its disk. False when there was nothing. */
  #exchange(): boolean {
    const mail = this.wire.splice(0);
    let moved = false;
    for (const message of mail) {
      if (this.node(message.to).frozen) this.wire.push(message);
      else {
        moved = true;
        this.step(message.to, { kind: 'message', message });
      }
    }
    for (const node of this.nodes.values()) {
      if (node.stalled || node.frozen) continue;
      for (let left = node.writes.length; left > 0; left -= 1) {
        moved = true;
        this.sync(node.id);
      }
    }
    return moved;
  }

  #tellStall(node: Node): void {
    const oldest = node.writes[0];
    if (oldest === undefined || node.stallTold || this.now < oldest.sinceMs + STALL_MS) return;
    node.stallTold = true;
    this.step(node.id, { kind: 'disk-stalled', sinceMs: oldest.sinceMs });
  }

  #id(): number {
    this.#nextId += 1;
    return this.#nextId;
  }

  #perform(node: Node, ready: Ready): void {
    for (const message of ready.sendNow) this.#send(message);
    const newest = node.writes.at(-1);
    const early = this.#sabotage === 'messages-before-sync';
    const after = early ? [] : [...ready.sendAfterPersist];
    if (early) for (const message of ready.sendAfterPersist) this.#send(message);
    if (ready.persist !== null) {
      const { persist } = ready;
      node.writes.push({ persist, compaction: null, sinceMs: this.now, messages: after });
    } else if (newest !== undefined) newest.messages.push(...after);
    else for (const message of after) this.#send(message);
    node.deadlineMs = ready.nextDeadlineMs;
    if (ready.restore !== null) node.appliedIndex = ready.restore.meta.index;
    for (const entry of ready.committed) this.#apply(node, entry);
    if (ready.committed.length === 0 && ready.restore === null) return;
    this.step(node.id, { kind: 'applied', index: node.appliedIndex });
  }

  #apply(node: Node, { index }: Entry): void {
    if (index !== node.appliedIndex + 1) {
      throw new Error(`${node.id} was handed entry ${index} after ${node.appliedIndex}`);
    }
    node.appliedIndex = index;
  }

  #send(message: RaftMessage): void {
    this.#report(this.checker.observeMessage(message));
    this.sent.push(message);
    const tampered = this.tamper(message);
    if (tampered === null || this.#cuts.has(`${tampered.from}>${tampered.to}`)) return;
    if (this.nodes.has(tampered.to)) this.wire.push(tampered);
  }

  #toDisk(node: Node, { persist, compaction }: Write): void {
    if (persist !== null) node.disk = appended(node.disk, persist);
    if (compaction !== null) node.disk = compacted(node.disk, compaction.meta, compaction.state);
  }

  #check(node: Node, before: RaftStatus, ready: Ready): void {
    const { core, id } = node;
    if (core === null) return;
    this.#report(checkStep(before, core));
    this.#report(this.checker.observe(id, core, ready));
    if (ready.role === 'leader' && ready.commitIndex > before.commitIndex) {
      this.#checkOnQuorum(before.configuration, ready.commitIndex, core.termAt(ready.commitIndex));
    }
    for (const { readId, index } of ready.reads) {
      const floor = this.#readFloors.get(readId) ?? Number.POSITIVE_INFINITY;
      const story = `read ${readId} sees ${index} although ${floor} was committed before, or twice`;
      this.#readFloors.delete(readId);
      if (index < floor) this.#report([{ invariant: 'ReadIndex', story }]);
      this.confirmed.push(readId);
    }
  }

  /** What a leader calls committed is on the disks of a quorum of the configuration that counted. */
  #checkOnQuorum(counted: Configuration, index: number, term: number | null): void {
    const result = tally(counted, (voter) => {
      const { snapshot, entries } = this.nodes.get(voter)?.disk ?? EMPTY_DISK;
      const before = snapshot?.meta.index ?? 0;
      return index <= before || entries[index - before - 1]?.term === term;
    });
    const story = `${index}/${term} is on too few disks`;
    if (result !== 'won') this.#report([{ invariant: 'CommittedOnQuorum', story }]);
  }

  #report(violations: readonly { readonly invariant: string; readonly story: string }[]): void {
    const [first] = violations;
    if (first !== undefined) throw new Error(`${first.invariant}: ${first.story}`);
  }
}

function waysOf(link: string): readonly string[] {
  const [one = '', other = ''] = link.split('>');
  return link.includes('>')
    ? [`${one}>${other}`]
    : [`${link[0]}>${link[1]}`, `${link[1]}>${link[0]}`];
}
