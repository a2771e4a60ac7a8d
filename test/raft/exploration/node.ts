/**
 * One node of the explored world: the real core, what its disk holds, and the writes under way. A
 * node is a value; `Run` takes a fork of it through one action and answers the node after it, with
 * all that left it meanwhile. The driver's part is done as src/node does it: what may leave now, then
 * the write, and what waits for it.
 *
 * Time is frozen. An action that is about time moves the clock of its node just as far as needed.
 */
import type { Millis, NodeId } from '../../../src/lib/ids.ts';
import type { Random } from '../../../src/lib/random.ts';
import { RaftCore } from '../../../src/raft/core.ts';
import { checkStep } from '../../../src/raft/invariants.ts';
import { quorumValue } from '../../../src/raft/quorum.ts';
import type {
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
} from '../../../src/raft/types.ts';
import { appended, compacted } from '../../../src/storage/memory-log-store.ts';
import { type Chains, EMPTY } from './chain.ts';
import { received, type Sabotage, sent, spoilt } from './sabotage.ts';

/** Deadlines may come in any order, so the ranks are equal and nothing is left to chance. */
export const TIMES = {
  heartbeatMs: 0,
  electionTimeoutMs: 1000,
  electionGapMs: 100,
  rank: 1,
  checkQuorumMs: 5000,
  clockDrift: 0,
} as const;
const TRANSFER_MS = 1;
const NO_CHANCE: Random = { below: () => 0 };

export type Write = {
  readonly persist: Persist | null;
  readonly compaction: { readonly meta: SnapshotMeta; readonly state: Uint8Array } | null;
  readonly messages: readonly RaftMessage[];
};

export type Node = {
  readonly id: NodeId;
  readonly core: RaftCore;
  readonly now: Millis;
  readonly deadlineMs: Millis;
  readonly disk: Restored;
  readonly writes: readonly Write[];
  /** What the state machine has taken in, as a log. */
  readonly applied: number;
};

export type Action =
  | { readonly kind: 'deliver'; readonly message: RaftMessage }
  /** A follower or candidate has waited long enough. */
  | { readonly kind: 'timeout' }
  | { readonly kind: 'heartbeat' }
  /** The leader has heard no quorum for too long. */
  | { readonly kind: 'quorum-lost' }
  /** So long since the leader, or the quorum, was heard that other candidates are listened to. */
  | { readonly kind: 'silence' }
  | { readonly kind: 'disk-stalled' }
  | { readonly kind: 'forget-leader' }
  | { readonly kind: 'transfer'; readonly to: NodeId }
  | { readonly kind: 'transfer-expires' }
  /** The oldest write reaches the disk. */
  | { readonly kind: 'write' }
  /** Power off and on: writes under way are lost. (A write that got through is a `write` before.) */
  | { readonly kind: 'crash' }
  | { readonly kind: 'compact' }
  | { readonly kind: 'propose'; readonly number: number }
  | { readonly kind: 'change'; readonly number: number }
  | { readonly kind: 'read'; readonly number: number };

/** What the world has to hear of, beside the messages. */
export type Note =
  | { readonly kind: 'elected'; readonly term: number; readonly chain: number }
  | { readonly kind: 'voted'; readonly term: number; readonly candidate: NodeId }
  /** A leader calls the log up to here committed; `counted` is the configuration before the step. */
  | { readonly kind: 'committed'; readonly chain: number; readonly counted: Configuration }
  | { readonly kind: 'applied'; readonly chain: number; readonly inTerm: number }
  | { readonly kind: 'confirmed'; readonly read: number; readonly index: number }
  | { readonly kind: 'refused'; readonly read: number }
  /** Which promises still bind depends on what the disks hold. */
  | { readonly kind: 'durable-term'; readonly term: number };

export type Violation = { readonly invariant: string; readonly story: string };

export type Moved = {
  readonly node: Node;
  readonly sent: readonly RaftMessage[];
  readonly notes: readonly Note[];
  readonly violations: readonly Violation[];
};

/** What all nodes of a world have in common. */
export type Setting = {
  readonly chains: Chains;
  readonly bootstrap: Configuration;
  readonly limits: Pick<
    RaftOptions,
    'maxInflightAppends' | 'maxAppendBytes' | 'maxUncommittedBytes' | 'snapshotChunkBytes'
  >;
  readonly targets: readonly { readonly voters: NodeId[]; readonly learners: NodeId[] }[];
  readonly sabotage: Sabotage;
};

export function booted(setting: Setting, id: NodeId, disk: Restored): Moved {
  const run = new Run(setting, {
    id,
    core: restored(setting, id, disk, 0),
    now: 0,
    deadlineMs: 0,
    disk,
    writes: [],
    applied: EMPTY,
  });
  run.boot();
  return run.end();
}

export function moved(setting: Setting, node: Node, action: Action): Moved {
  const run = new Run(setting, { ...node, core: node.core.fork() });
  run.act(action);
  return run.end();
}

/** The log in memory, from the first entry on. */
export function memoryChain(chains: Chains, { core }: Pick<Node, 'core'>, disk: Restored): number {
  const { firstIndex, lastIndex } = core.status();
  // Entries below an own snapshot are kept until a restart, so a log that begins later begins there.
  let chain = firstIndex === 1 ? EMPTY : stateChain(snapshotOf(core, disk));
  for (let index = firstIndex; index <= lastIndex; index += 1) {
    chain = chains.extended(chain, core.entryAt(index) as Entry);
  }
  return chain;
}

export function diskChain(chains: Chains, { snapshot, entries }: Restored): number {
  let chain = snapshot === null ? EMPTY : stateChain(snapshot.state);
  for (const entry of entries) chain = chains.extended(chain, entry);
  return chain;
}

type LogImage = { readonly snapshot: { readonly state: Uint8Array } | null };

function snapshotOf(core: RaftCore, disk: Restored): Uint8Array {
  const { log } = core.image() as { readonly log: LogImage };
  const snapshot = log.snapshot ?? disk.snapshot;
  if (snapshot === null) throw new Error('a log that begins late without a snapshot');
  return snapshot.state;
}

/** The state machine's state is the log that made it; in bytes, so that it travels in chunks. */
export function stateOf(chain: number): Uint8Array {
  if (chain > 0xffff) throw new Error(`log ${chain} does not fit`);
  return new Uint8Array([chain >> 8, chain & 0xff]);
}

function stateChain([high = 0, low = 0]: Uint8Array): number {
  return (high << 8) | low;
}

function restored(setting: Setting, id: NodeId, disk: Restored, now: Millis): RaftCore {
  const { bootstrap, limits, sabotage } = setting;
  const forgets = sabotage === 'vote-forgotten-at-restart';
  const hardState = forgets ? { ...disk.hardState, votedFor: null } : disk.hardState;
  const options = { id, ...TIMES, ...limits };
  const core = RaftCore.restore(options, { ...disk, hardState }, bootstrap, now, NO_CHANCE);
  return spoilt(sabotage, null, core);
}

class Run {
  readonly #setting: Setting;
  readonly #id: NodeId;
  #core: RaftCore;
  #now: Millis;
  #deadlineMs: Millis;
  #disk: Restored;
  #writes: Write[];
  #applied: number;
  readonly #sent: RaftMessage[] = [];
  readonly #notes: Note[] = [];
  readonly #violations: Violation[] = [];

  constructor(setting: Setting, node: Node) {
    this.#setting = setting;
    this.#id = node.id;
    this.#core = node.core;
    this.#now = node.now;
    this.#deadlineMs = node.deadlineMs;
    this.#disk = node.disk;
    this.#writes = [...node.writes];
    this.#applied = node.applied;
  }

  end(): Moved {
    const node: Node = {
      id: this.#id,
      core: this.#core,
      now: this.#now,
      deadlineMs: this.#deadlineMs,
      disk: this.#disk,
      writes: this.#writes,
      applied: this.#applied,
    };
    return { node, sent: this.#sent, notes: this.#notes, violations: this.#violations };
  }

  boot(): void {
    const { snapshot } = this.#disk;
    this.#applied = snapshot === null ? EMPTY : stateChain(snapshot.state);
    this.#step({ kind: 'deadline' });
  }

  act(action: Action): void {
    switch (action.kind) {
      case 'deliver': {
        const message = received(this.#setting.sabotage, action.message, this.#core);
        return this.#step({ kind: 'message', message });
      }
      case 'timeout':
        this.#now = Math.max(this.#now, this.#deadlineMs);
        return this.#step({ kind: 'deadline' });
      case 'heartbeat':
        return this.#step({ kind: 'deadline' });
      case 'quorum-lost':
        this.#now += TIMES.checkQuorumMs;
        return this.#step({ kind: 'deadline' });
      case 'silence':
        // The core is told of the time with the next event; time alone changes nothing in it.
        this.#now += TIMES.electionTimeoutMs;
        return;
      case 'disk-stalled':
        return this.#step({ kind: 'disk-stalled', sinceMs: this.#now });
      case 'transfer':
        return this.#step({ kind: 'transfer', to: action.to, timeoutMs: TRANSFER_MS });
      case 'transfer-expires':
        this.#now += TRANSFER_MS;
        return this.#step({ kind: 'deadline' });
      case 'forget-leader':
        return this.#step({ kind: 'forget-leader' });
      case 'write':
        return this.#completeWrite();
      case 'crash':
        return this.#crash();
      case 'compact':
        return this.#compact();
      default:
        return this.#ask(action);
    }
  }

  #ask(action: Extract<Action, { readonly number: number }>): void {
    const { number } = action;
    if (action.kind === 'read') return this.#step({ kind: 'read', readId: number });
    if (action.kind === 'propose') {
      const data = new Uint8Array([number]);
      return this.#step({ kind: 'propose', proposalId: number, data });
    }
    const target = this.#setting.targets[number];
    if (target === undefined) throw new Error(`no change ${number}`);
    this.#step({ kind: 'change', proposalId: number, target });
  }

  #step(event: RaftEvent): void {
    const before = this.#core.status();
    const counted = this.#setting.chains.configurationOf(this.#chain());
    const ready = this.#core.step(event, this.#now, NO_CHANCE);
    for (const { invariant, story } of checkStep(before, this.#core)) {
      this.#violations.push({ invariant, story: `${this.#id}: ${story}` });
    }
    this.#note(before, counted, ready);
    this.#core = spoilt(this.#setting.sabotage, before, this.#core);
    this.#perform(ready);
  }

  #note(before: RaftStatus, counted: Configuration, ready: Ready): void {
    const { chains } = this.#setting;
    const { term } = ready;
    const chain = this.#chain();
    if (ready.horizonMs !== null) this.#notes.push({ kind: 'elected', term, chain });
    if (ready.role === 'leader' && ready.commitIndex > before.commitIndex) {
      const upTo = chains.upTo(chain, ready.commitIndex);
      this.#notes.push({ kind: 'committed', chain: upTo, counted });
    }
    for (const { readId, index } of ready.reads) {
      this.#notes.push({ kind: 'confirmed', read: readId, index });
    }
    for (const { readId } of ready.readsRejected) {
      this.#notes.push({ kind: 'refused', read: readId });
    }
  }

  #perform(ready: Ready): void {
    const { sabotage } = this.#setting;
    for (const message of ready.sendNow) this.#send(message);
    if (sabotage === 'promises-before-the-disk') {
      for (const message of ready.sendAfterPersist) this.#send(message);
      if (ready.persist !== null) this.#write(ready.persist, []);
    } else if (ready.persist !== null) this.#write(ready.persist, ready.sendAfterPersist);
    else this.#afterWrites(ready.sendAfterPersist);
    this.#deadlineMs = ready.nextDeadlineMs;
    if (ready.restore !== null) this.#applied = stateChain(ready.restore.state);
    if (ready.committed.length > 0 || ready.restore !== null) this.#apply(ready);
    if (ready.persist !== null && sabotage === 'durable-before-the-disk') {
      for (const message of ready.sendAfterPersist) this.#send(message);
      this.#step({ kind: 'durable', mark: ready.persist.mark });
    }
  }

  #apply({ committed, term }: Ready): void {
    const { chains } = this.#setting;
    for (const entry of committed) this.#applied = chains.extended(this.#applied, entry);
    this.#notes.push({ kind: 'applied', chain: this.#applied, inTerm: term });
    this.#step({ kind: 'applied', index: chains.indexOf(this.#applied) });
  }

  #write(persist: Persist, messages: readonly RaftMessage[]): void {
    const early = this.#setting.sabotage === 'durable-before-the-disk';
    this.#writes.push({ persist, compaction: null, messages: early ? [] : messages });
  }

  #afterWrites(messages: readonly RaftMessage[]): void {
    const newest = this.#writes.pop();
    if (newest === undefined) for (const message of messages) this.#send(message);
    else this.#writes.push({ ...newest, messages: [...newest.messages, ...messages] });
  }

  #completeWrite(): void {
    const write = this.#writes.shift();
    if (write === undefined) throw new Error(`${this.#id} writes nothing`);
    const { persist, compaction, messages } = write;
    const { term } = this.#disk.hardState;
    if (persist !== null) this.#disk = appended(this.#disk, persist);
    if (compaction !== null) this.#disk = compacted(this.#disk, compaction.meta, compaction.state);
    const after = this.#disk.hardState.term;
    if (after !== term) this.#notes.push({ kind: 'durable-term', term: after });
    for (const message of messages) this.#send(message);
    if (persist !== null) this.#step({ kind: 'durable', mark: persist.mark });
    if (compaction !== null) this.#step({ kind: 'compacted', ...compaction });
  }

  #crash(): void {
    this.#writes = [];
    const { reads } = readsOf(this.#core);
    for (const { readId } of reads) this.#notes.push({ kind: 'refused', read: readId });
    this.#now = 0;
    this.#core = restored(this.#setting, this.#id, this.#disk, 0);
    this.boot();
  }

  #compact(): void {
    const { chains } = this.#setting;
    const meta = this.#core.snapshotMeta(chains.indexOf(this.#applied));
    const compaction = { meta, state: stateOf(this.#applied) };
    this.#writes.push({ persist: null, compaction, messages: [] });
  }

  #send(original: RaftMessage): void {
    const quiet = 'quietMs' in original ? { ...original, quietMs: 0 } : original;
    const message = sent(this.#setting.sabotage, quiet);
    const { kind, term } = message;
    this.#sent.push(message);
    if (kind === 'vote') this.#notes.push({ kind: 'voted', term, candidate: this.#id });
    else if (kind === 'vote-reply' && message.granted) {
      this.#notes.push({ kind: 'voted', term, candidate: message.to });
    }
  }

  #chain(): number {
    return memoryChain(this.#setting.chains, { core: this.#core }, this.#disk);
  }
}

type Reads = { readonly reads: readonly { readonly readId: number }[] };

function readsOf(core: RaftCore): Reads {
  const { role } = core.image() as { readonly role: Partial<Reads> };
  return { reads: role.reads ?? [] };
}

/** Whether another candidate would be turned away because a leader, or a quorum, was heard lately. */
export function isSticky({ core, now }: Node): boolean {
  const { configuration, followers, leader, role } = core.status();
  if (leader === null) return false;
  const { leaderContactMs } = core.image() as { readonly leaderContactMs: Millis };
  const contacts = new Map(followers.map(({ node, contactMs }) => [node, contactMs]));
  const heardMs =
    role === 'leader'
      ? quorumValue(configuration, (voter) => contacts.get(voter) ?? Number.POSITIVE_INFINITY)
      : leaderContactMs;
  return now < heardMs + TIMES.electionTimeoutMs;
}
