/**
 * Takes a fork of a node through one action, and keeps what leaves it meanwhile. The driver's part is
 * done as src/node does it: what may leave now, then the write, and what waits for it.
 */
import type { Millis, NodeId } from '../../../src/lib/ids.ts';
import type { Random } from '../../../src/lib/random.ts';
import { RaftCore } from '../../../src/raft/core.ts';
import { checkStep } from '../../../src/raft/invariants.ts';
import type {
  Configuration,
  GatheredEvent,
  Persist,
  RaftEvent,
  RaftMessage,
  RaftStatus,
  Ready,
  Restored,
} from '../../../src/raft/types.ts';
import { appended, compacted } from '../../../src/storage/memory-log-store.ts';
import { EMPTY } from './chain.ts';
import {
  type Action,
  type Moved,
  memoryChain,
  type Node,
  type Note,
  type Setting,
  stateChain,
  stateOf,
  TIMES,
  type Violation,
  type Write,
} from './node.ts';
import { received, sent, spoilt } from './sabotage.ts';

const TRANSFER_MS = 1;
const NO_CHANCE: Random = { below: () => 0 };

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
  if (setting.instantDisk) run.sync();
  return run.end();
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

  sync(): void {
    while (this.#writes.length > 0) this.#completeWrite();
  }

  act(action: Action): void {
    switch (action.kind) {
      case 'write':
        this.#completeWrite();
        break;
      case 'crash':
        this.#crash();
        break;
      case 'compact':
        this.#compact();
        break;
      case 'silence':
        // The core is told of the time with the next event; time alone changes nothing in it.
        this.#now += TIMES.electionTimeoutMs;
        break;
      default:
        this.#now = Math.max(this.#now, this.#timeOf(action));
        this.#step(...this.#eventsOf(action));
    }
  }

  #timeOf({ kind }: Action): Millis {
    switch (kind) {
      case 'timeout':
        return this.#deadlineMs;
      case 'quorum-lost':
        return this.#now + TIMES.checkQuorumMs;
      case 'transfer-expires':
        return this.#now + TRANSFER_MS;
      default:
        return this.#now;
    }
  }

  #eventsOf(action: Action): readonly RaftEvent[] {
    if (action.kind !== 'deliver') return [this.#eventOf(action)];
    const { sabotage } = this.#setting;
    return action.messages.map((message) => {
      return { kind: 'message', message: received(sabotage, message, this.#core) };
    });
  }

  #eventOf(action: Action): RaftEvent {
    switch (action.kind) {
      case 'disk-stalled':
        return { kind: 'disk-stalled', sinceMs: this.#now };
      case 'transfer':
        return { kind: 'transfer', to: action.to, timeoutMs: TRANSFER_MS };
      case 'forget-leader':
        return { kind: 'forget-leader' };
      case 'propose': {
        const { number } = action;
        return { kind: 'propose', proposalId: number, data: new Uint8Array([number]) };
      }
      case 'change': {
        const target = this.#setting.targets[action.number];
        if (target === undefined) throw new Error(`no change ${action.number}`);
        return { kind: 'change', proposalId: action.number, target };
      }
      case 'read':
        return { kind: 'read', readId: action.number };
      default:
        return { kind: 'deadline' };
    }
  }

  #step(...events: readonly RaftEvent[]): void {
    const before = this.#core.status();
    const counted = this.#setting.chains.configurationOf(this.#chain());
    const [event] = events;
    const ready =
      event !== undefined && events.length === 1
        ? this.#core.step(event, this.#now, NO_CHANCE)
        : this.#core.stepAll(events as readonly GatheredEvent[], this.#now, NO_CHANCE);
    for (const { invariant, story } of checkStep(before, this.#core)) {
      this.#violations.push({ invariant, story: `${this.#id}: ${story}` });
    }
    this.#note(before, counted, ready);
    const after = spoilt(this.#setting.sabotage, before, this.#core);
    const isSpoilt = after !== this.#core;
    this.#core = after;
    this.#perform(ready);
    // What the faulty rule did belongs to this step: its writes and commits must not wait.
    if (isSpoilt) this.#step({ kind: 'applied', index: 0 });
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
